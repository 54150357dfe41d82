"""The worker: budgets, repeats, the trial log, and resuming."""

from .output import make_folder, next_folder
from .results import RunResult, SearchResult
from .text import architecture_text, metric_text, number
from .trial_log import TrialLog
from .worker import Progress, Worker

__all__ = [
    "Progress",
    "RunResult",
    "SearchResult",
    "TrialLog",
    "Worker",
    "architecture_text",
    "make_folder",
    "metric_text",
    "next_folder",
    "number",
]
