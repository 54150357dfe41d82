"""Conformance suites to inherit from: what every space and every optimizer owes to the rest."""

from .optimizers import OptimizerConformance
from .spaces import SpaceConformance

__all__ = ["OptimizerConformance", "SpaceConformance"]
