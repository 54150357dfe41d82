"""Published tables, made again by one command."""

from .result import Reproduction, TaskResult
from .run import resume_reproduction, run_reproduction
from .settings import ExperimentSettings, TaskSettings, builtin_experiments, find_experiment

__all__ = [
    "ExperimentSettings",
    "Reproduction",
    "TaskResult",
    "TaskSettings",
    "builtin_experiments",
    "find_experiment",
    "resume_reproduction",
    "run_reproduction",
]
