"""analognas: neural networks that stay accurate on analog in-memory computing (AIMC) chips.

The names below load on first use, so ``import analognas`` alone imports neither torch nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .benchmarks import AnalogNASBench, HWNASBench
    from .evaluators import GraphEnsembleEvaluator, TableEvaluator, XGBoostEvaluator
    from .optimizers import (
        BayesianOptimizer,
        EAOptimizer,
        PredictorGuided,
        RandomSearch,
        RegularizedEvolution,
    )
    from .spaces import ConfigSpace, NASBench201Space
    from .worker import Worker

_ROOM_OF = {
    "AnalogNASBench": "benchmarks",
    "BayesianOptimizer": "optimizers",
    "ConfigSpace": "spaces",
    "EAOptimizer": "optimizers",
    "GraphEnsembleEvaluator": "evaluators",
    "HWNASBench": "benchmarks",
    "NASBench201Space": "spaces",
    "PredictorGuided": "optimizers",
    "RandomSearch": "optimizers",
    "RegularizedEvolution": "optimizers",
    "TableEvaluator": "evaluators",
    "Worker": "worker",
    "XGBoostEvaluator": "evaluators",
}

__all__ = [
    "AnalogNASBench",
    "BayesianOptimizer",
    "ConfigSpace",
    "EAOptimizer",
    "GraphEnsembleEvaluator",
    "HWNASBench",
    "NASBench201Space",
    "PredictorGuided",
    "RandomSearch",
    "RegularizedEvolution",
    "TableEvaluator",
    "Worker",
    "XGBoostEvaluator",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOM_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
