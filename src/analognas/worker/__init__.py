"""The worker: budgets, repeats, back ends, callbacks, the trial log, and resuming."""

from .backends import BACKENDS, Backend, SerialBackend, make_backend
from .budget import Budget
from .callbacks import Progress, SearchView, StopSearch
from .crew import ParallelBackend
from .output import make_folder, next_folder
from .pool import PoolBackend
from .ray_backend import RayBackend
from .results import RunResult, SearchResult
from .text import architecture_text, metric_text, number
from .trial_log import TrialLog
from .worker import Worker

__all__ = [
    "BACKENDS",
    "Backend",
    "Budget",
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
    "Worker",
    "architecture_text",
    "make_backend",
    "make_folder",
    "metric_text",
    "next_folder",
    "number",
]
