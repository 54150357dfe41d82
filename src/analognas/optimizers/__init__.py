"""Search algorithms: ask and tell over populations."""

from collections.abc import Callable, Sequence

from ..core import Registry
from .base import Optimizer
from .evolutionary import EAOptimizer
from .gene_roles import gene_roles
from .local_search import LocalSearch
from .nsga import NSGA2, NSGA3
from .pareto_evolution import ParetoEvolution
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
            ParetoEvolution,
            NSGA2,
            NSGA3,
            EAOptimizer,
            LocalSearch,
            RandomSearch,
        )
    },
)
"""Optimizers by the name that ``analognas search --optimizer`` takes."""


def default_optimizer(objectives: str | Sequence[str] | None) -> str:
    """Return the name of the optimizer that searches unless it is told otherwise.

    Args:
        objectives: Name or names of the objectives; None: one.

    Example:
        >>> default_optimizer("avm"), default_optimizer(["avm", "params"])
        ('regularized_evolution', 'pareto_evolution')
    """
    one = objectives is None or isinstance(objectives, str) or len(objectives) < 2
    return RegularizedEvolution.name if one else ParetoEvolution.name


__all__ = [
    "NSGA2",
    "NSGA3",
    "OPTIMIZERS",
    "EAOptimizer",
    "LocalSearch",
    "Optimizer",
    "ParetoEvolution",
    "PredictorGuided",
    "RandomSearch",
    "RegularizedEvolution",
    "default_optimizer",
    "gene_roles",
]
