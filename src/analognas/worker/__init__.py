"""The worker: budgets, repeats, back ends, callbacks, the trial log, and resuming."""

from .backends import BACKENDS, Backend, SerialBackend, make_backend
from .budget import Budget
from .callbacks import Progress, SearchView, StopSearch
from .crew import ParallelBackend
from .final_training import (
    FinalTraining,
    model_of_search,
    searched_model,
    train_architecture,
)
from .output import make_folder, next_folder
from .pool import PoolBackend
from .ray_backend import RayBackend
from .results import RunResult, SearchResult
from .settings import find_evaluator
from .standings import Comparison, Estimate, Standings
from .text import architecture_text, metric_text, number, value_text
from .trial_export import export_trials
from .trial_log import TrialLog
from .trial_reader import Trials, find_logs, read_trials
from .worker import Worker

__all__ = [
    "BACKENDS",
    "Backend",
    "Budget",
    "Comparison",
    "Estimate",
    "FinalTraining",
    "ParallelBackend",
    "PoolBackend",
    "Progress",
    "RayBackend",
    "RunResult",
    "SearchResult",
    "SearchView",
    "SerialBackend",
    "Standings",
    "StopSearch",
    "TrialLog",
    "Trials",
    "Worker",
    "architecture_text",
    "export_trials",
    "find_evaluator",
    "find_logs",
    "make_backend",
    "make_folder",
    "metric_text",
    "model_of_search",
    "next_folder",
    "number",
    "read_trials",
    "searched_model",
    "train_architecture",
    "value_text",
]
