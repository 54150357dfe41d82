"""Published tables, made again by one command."""

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

__all__ = [
    "ExperimentSettings",
    "Reproduction",
    "TableResult",
    "TableSettings",
    "TaskResult",
    "TaskSettings",
    "VariantSettings",
    "builtin_experiments",
    "find_experiment",
    "read_reproduction",
    "resume_reproduction",
    "run_reproduction",
]
