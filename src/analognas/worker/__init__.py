"""The worker: budgets, repeats, the trial log, and resuming."""

from .final_training import (
    FinalTraining,
    model_of_search,
    searched_model,
    train_architecture,
)
from .output import make_folder, next_folder
from .results import RunResult, SearchResult, architecture_text
from .trial_export import export_trials
from .trial_log import TrialLog
from .trial_reader import Trials, find_logs, read_trials
from .worker import Progress, Worker

__all__ = [
    "FinalTraining",
    "Progress",
    "RunResult",
    "SearchResult",
    "TrialLog",
    "Trials",
    "Worker",
    "architecture_text",
    "export_trials",
    "find_logs",
    "make_folder",
    "model_of_search",
    "next_folder",
    "read_trials",
    "searched_model",
    "train_architecture",
]
