"""analognas: neural networks that stay accurate on analog in-memory computing (AIMC) chips.

The names below load on first use, so ``import analognas`` alone imports neither torch nor matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import renamed_rooms
from .lazy_exports import lazy_exports
from .version import __version__ as __version__

renamed_rooms.install()

if TYPE_CHECKING:
    from .evaluators import (
        GraphEnsembleEvaluator,
        MLPEvaluator,
        TableEvaluator,
        XGBoostEvaluator,
    )
    from .optimizers import (
        BayesianOptimizer,
        EAOptimizer,
        PredictorGuided,
        RandomSearch,
        RegularizedEvolution,
    )
    from .search import Worker
    from .spaces import ConfigSpace, NASBench201Space
    from .tables import AnalogNASBench, HWNASBench

_ROOM_OF = {
    "AnalogNASBench": "tables",
    "BayesianOptimizer": "optimizers",
    "ConfigSpace": "spaces",
    "EAOptimizer": "optimizers",
    "GraphEnsembleEvaluator": "evaluators",
    "HWNASBench": "tables",
    "MLPEvaluator": "evaluators",
    "NASBench201Space": "spaces",
    "PredictorGuided": "optimizers",
    "RandomSearch": "optimizers",
    "RegularizedEvolution": "optimizers",
    "TableEvaluator": "evaluators",
    "Worker": "search",
    "XGBoostEvaluator": "evaluators",
}

__all__ = [
    "AnalogNASBench",
    "BayesianOptimizer",
    "ConfigSpace",
    "EAOptimizer",
    "GraphEnsembleEvaluator",
    "HWNASBench",
    "MLPEvaluator",
    "NASBench201Space",
    "PredictorGuided",
    "RandomSearch",
    "RegularizedEvolution",
    "TableEvaluator",
    "Worker",
    "XGBoostEvaluator",
]


__getattr__, __dir__ = lazy_exports(__name__, _ROOM_OF)
