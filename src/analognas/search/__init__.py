"""The worker: budgets, repeats, back ends, callbacks, the trial log, and resuming."""

from ..core.former_names import former_names
from ..spaces import architecture_text
from .backends.base import BACKENDS, Backend, SerialBackend, make_backend
from .backends.parallel import ParallelBackend
from .backends.pool import PoolBackend
from .backends.ray_backend import RayBackend
from .budget import Budget
from .callbacks import SearchProgress, SearchView, StopSearch
from .components import find_evaluator
from .final_training import (
    FinalTraining,
    model_of_search,
    searched_model,
    train_architecture,
)
from .log.export import export_trials
from .log.reader import Trials, find_logs, read_trials
from .log.trial_log import TrialLog
from .results.formatting import metric_text, number, value_text
from .results.run_result import RunResult
from .results.search_result import SearchResult
from .results.standings import Comparison, PosteriorEstimate, Standings
from .search import Search
from .settings import BackendSettings, EvaluatorSettings, SearchSettings
from .verify import verify_search
from .worker import Worker

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendSettings",
    "Budget",
    "Comparison",
    "EvaluatorSettings",
    "FinalTraining",
    "ParallelBackend",
    "PoolBackend",
    "PosteriorEstimate",
    "RayBackend",
    "RunResult",
    "Search",
    "SearchProgress",
    "SearchResult",
    "SearchSettings",
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
    "metric_text",
    "model_of_search",
    "number",
    "read_trials",
    "searched_model",
    "train_architecture",
    "value_text",
    "verify_search",
]

__getattr__ = former_names(
    __name__, {"Estimate": "PosteriorEstimate", "Progress": "SearchProgress"}
)
