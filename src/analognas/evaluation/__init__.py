"""Accuracy over drift time on many simulated chips, with confidence intervals."""

from .chips import DAY, MONTH, TIMES, YEAR
from .drift import DriftEvaluator, DriftProgress
from .examples import Examples
from .intervals import Estimate
from .mapping import direct_mapping
from .result import ISO_LEVEL, DriftResult

__all__ = [
    "DAY",
    "ISO_LEVEL",
    "MONTH",
    "TIMES",
    "YEAR",
    "DriftEvaluator",
    "DriftProgress",
    "DriftResult",
    "Estimate",
    "Examples",
    "direct_mapping",
]
