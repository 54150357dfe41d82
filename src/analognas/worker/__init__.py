"""The worker: budgets, repeats, the trial log, and resuming."""

from .output import make_folder, next_folder
from .results import RunResult, SearchResult, architecture_text
from .trial_export import export_trials
from .trial_log import TrialLog
from .trial_reader import Trials, find_logs, read_trials
from .worker import Progress, Worker

__all__ = [
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
    "next_folder",
    "read_trials",
]
