"""Errors, border checks, random generators, registry, and the vocabulary of metrics."""

from .checks import check_choice, check_float, check_int
from .constraints import Constraint, merge_constraints, parse_constraints, total_violation
from .errors import (
    AnalogNASError,
    CheckpointMismatchError,
    DataNotFoundError,
    DivergedError,
    EvaluationError,
    InvalidArgumentError,
    NotFittedError,
    NotProgrammedError,
    OutOfSpaceError,
    OutputFolderError,
    PhysicalRangeError,
    ResumeError,
    TableIntegrityError,
    UnknownNameError,
)
from .files import atomic_write, dump_json, write_json, write_text
from .metrics import (
    DRIFT_TIME_NAMES,
    DRIFT_TIMES,
    METRICS,
    Metric,
    current_metric_name,
    get_metric,
    register_metric,
)
from .random import RandomStreams
from .registry import Registry

__all__ = [
    "DRIFT_TIMES",
    "DRIFT_TIME_NAMES",
    "METRICS",
    "AnalogNASError",
    "CheckpointMismatchError",
    "Constraint",
    "DataNotFoundError",
    "DivergedError",
    "EvaluationError",
    "InvalidArgumentError",
    "Metric",
    "NotFittedError",
    "NotProgrammedError",
    "OutOfSpaceError",
    "OutputFolderError",
    "PhysicalRangeError",
    "RandomStreams",
    "Registry",
    "ResumeError",
    "TableIntegrityError",
    "UnknownNameError",
    "atomic_write",
    "check_choice",
    "check_float",
    "check_int",
    "current_metric_name",
    "dump_json",
    "get_metric",
    "merge_constraints",
    "parse_constraints",
    "register_metric",
    "total_violation",
    "write_json",
    "write_text",
]
