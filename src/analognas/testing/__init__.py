"""Conformance tests for user-defined spaces and optimizers, to inherit from."""

from .optimizers import OptimizerConformance
from .spaces import SpaceConformance

__all__ = ["OptimizerConformance", "SpaceConformance"]
