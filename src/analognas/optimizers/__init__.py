"""Search algorithms: ask and tell over populations."""

from collections.abc import Callable

from ..core import Registry
from .base import Optimizer
from .bayesian import BayesianOptimizer
from .evolutionary import EAOptimizer
from .gene_roles import gene_roles
from .local_search import LocalSearch
from .optuna_optimizer import OptunaOptimizer
from .predictor_guided import PredictorGuided
from .random_search import RandomSearch
from .regularized_evolution import RegularizedEvolution

OPTIMIZERS: Registry[Callable[..., Optimizer]] = Registry(
    "optimizer",
    {
        entry.name: entry
        for entry in (
            RegularizedEvolution,
            PredictorGuided,
            BayesianOptimizer,
            EAOptimizer,
            LocalSearch,
            OptunaOptimizer,
            RandomSearch,
        )
    },
)
"""Optimizers by the name that ``analognas search --optimizer`` takes."""

__all__ = [
    "OPTIMIZERS",
    "BayesianOptimizer",
    "EAOptimizer",
    "LocalSearch",
    "Optimizer",
    "OptunaOptimizer",
    "PredictorGuided",
    "RandomSearch",
    "RegularizedEvolution",
    "gene_roles",
]
