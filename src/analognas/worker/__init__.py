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
from .results import RunResult, SearchResult, architecture_text
from .trial_export import export_trials
from .trial_log import TrialLog
from .trial_reader import Trials, find_logs, read_trials
from .worker import Worker

__all__ = [
    "BACKENDS",
    "Backend",
    "Budget",
    "FinalTraining",
    "ParallelBackend",
    "PoolBackend",
    "Progress",
    "RayBackend",
    "RunResult",
    "SearchResult",
    "SearchView",
    "SerialBackend",
    "StopSearch",
    "TrialLog",
    "Trials",
    "Worker",
    "architecture_text",
    "export_trials",
    "find_logs",
    "make_backend",
    "make_folder",
    "model_of_search",
    "next_folder",
    "read_trials",
    "searched_model",
    "train_architecture",
]
