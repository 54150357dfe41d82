"""The worker: budgets, repeats, the trial log, and resuming."""

from .output import make_folder, next_folder
from .results import RunResult, SearchResult
from .trial_log import TrialLog
from .worker import Progress, Worker

__all__ = [
    "Progress",
    "RunResult",
    "SearchResult",
    "TrialLog",
    "Worker",
    "make_folder",
    "next_folder",
]
