"""Accuracy over drift time on many simulated chips, with confidence intervals."""

from .chips import DAY, MONTH, TIMES, YEAR
from .conditions import (
    PROGRAMMED,
    Conditions,
    MetricValues,
    chip_metrics,
    difference_of,
    evaluate_conditions,
)
from .direct_mapping import direct_mapping
from .evaluator import DriftEvaluator
from .examples import Examples
from .intervals import Estimate
from .progress import DriftProgress, DriftStep
from .result import ISO_LEVEL, DriftResult
from .run import read_drift, resume_drift, run_drift
from .sensitivity import Sensitivity, layer_sensitivity
from .settings import DriftSettings
from .study import DriftStudy
from .verify import verify_drift

__all__ = [
    "DAY",
    "ISO_LEVEL",
    "MONTH",
    "PROGRAMMED",
    "TIMES",
    "YEAR",
    "Conditions",
    "DriftEvaluator",
    "DriftProgress",
    "DriftResult",
    "DriftSettings",
    "DriftStep",
    "DriftStudy",
    "Estimate",
    "Examples",
    "MetricValues",
    "Sensitivity",
    "chip_metrics",
    "difference_of",
    "direct_mapping",
    "evaluate_conditions",
    "layer_sensitivity",
    "read_drift",
    "resume_drift",
    "run_drift",
    "verify_drift",
]
