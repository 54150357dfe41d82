"""Published tables, made again by one command."""

from .compare import ReproductionComparison, compare_reproductions
from .result import Reproduction, TableResult, TaskResult
from .run import read_reproduction, resume_reproduction, run_reproduction
from .settings import (
    ExperimentSettings,
    TableSettings,
    TaskSettings,
    VariantSettings,
    builtin_experiments,
    find_experiment,
)
from .several import available_experiments, resume_several, run_several

__all__ = [
    "ExperimentSettings",
    "Reproduction",
    "ReproductionComparison",
    "TableResult",
    "TableSettings",
    "TaskResult",
    "TaskSettings",
    "VariantSettings",
    "available_experiments",
    "builtin_experiments",
    "compare_reproductions",
    "find_experiment",
    "read_reproduction",
    "resume_reproduction",
    "resume_several",
    "run_reproduction",
    "run_several",
]
