"""Search algorithms: ask and tell over populations."""

from collections.abc import Callable

from ..core import Registry
from .base import Optimizer
from .random_search import RandomSearch
from .regularized_evolution import RegularizedEvolution

OPTIMIZERS: Registry[Callable[..., Optimizer]] = Registry(
    "optimizer",
    {entry.name: entry for entry in (RegularizedEvolution, RandomSearch)},
)
"""Optimizers by the name that ``analognas search --optimizer`` takes."""

__all__ = ["OPTIMIZERS", "Optimizer", "RandomSearch", "RegularizedEvolution"]
