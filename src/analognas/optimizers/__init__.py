"""Search algorithms: ask and tell over populations."""

from collections.abc import Sequence

from .analognas_ea import EAOptimizer, gene_roles
from .base import Optimizer
from .bayesian import BayesianOptimizer
from .local_search import LocalSearch
from .noise_aware import NoiseAware
from .nsga import NSGA2, NSGA3
from .optuna_optimizer import OptunaOptimizer
from .pareto_evolution import ParetoEvolution
from .posterior import Posterior
from .predictor_guided import PredictorGuided
from .random_search import RandomSearch
from .registry import OPTIMIZERS
from .regularized_evolution import RegularizedEvolution
from .successive_halving import SuccessiveHalving

for _entry in (
    PredictorGuided,
    RegularizedEvolution,
    ParetoEvolution,
    NSGA2,
    NSGA3,
    BayesianOptimizer,
    EAOptimizer,
    LocalSearch,
    OptunaOptimizer,
    RandomSearch,
    NoiseAware,
    SuccessiveHalving,
):
    OPTIMIZERS.add(_entry.name, _entry)


def default_optimizer(objectives: str | Sequence[str] | None) -> str:
    """Return the name of the optimizer that searches unless it is told otherwise.

    Args:
        objectives: Name or names of the objectives; None: one.

    Example:
        >>> default_optimizer("avm"), default_optimizer(["avm", "params"])
        ('bayesian', 'pareto_evolution')
    """
    one = objectives is None or isinstance(objectives, str) or len(objectives) < 2
    return BayesianOptimizer.name if one else ParetoEvolution.name


__all__ = [
    "NSGA2",
    "NSGA3",
    "OPTIMIZERS",
    "BayesianOptimizer",
    "EAOptimizer",
    "LocalSearch",
    "NoiseAware",
    "Optimizer",
    "OptunaOptimizer",
    "ParetoEvolution",
    "Posterior",
    "PredictorGuided",
    "RandomSearch",
    "RegularizedEvolution",
    "SuccessiveHalving",
    "default_optimizer",
    "gene_roles",
]
