"""Metrics in words: in a sentence, and as the head of a column or the label of an axis."""

from __future__ import annotations

import re

from .metrics import DRIFT_TIME_NAMES, Metric
from .times import time_name

__all__ = ["better_of", "head_of", "name_of", "words_of"]

_COUNTED = ("params", "macs")
_DRIFT = re.compile(r"(analog|noisy)_drift_([1-9]\d*)")
_HEADS = {
    "baseline_accuracy": "digital accuracy",
    "ptq_accuracy": "accuracy after PTQ",
    "qat_accuracy": "accuracy after QAT",
    "analog_accuracy": "accuracy on chip, trained for it",
    "noisy_accuracy": "accuracy on chip, not trained for it",
    "avm": "accuracy lost in a month",
    "aimc_energy": "energy on the chip",
    "aimc_latency": "latency on the chip",
    "aimc_area": "chip area",
    "aimc_tiles": "crossbars",
    "params": "parameters",
    "macs": "multiply-accumulates",
}


def words_of(metric: Metric) -> str:
    """Return a metric as part of a sentence.

    Example:
        >>> from analognas.core import METRICS
        >>> words_of(METRICS["analog_drift_86400"])
        'accuracy with hardware-aware training, 1 day after programming'
    """
    if metric.unit == "%" and "accuracy" not in metric.description:
        return f"accuracy {metric.description}"
    return metric.description


def head_of(metric: Metric) -> str:
    """Return a metric as the head of a column or the label of an axis, with its unit.

    Example:
        >>> from analognas.core import METRICS
        >>> head_of(METRICS["analog_drift_86400"]), head_of(METRICS["params"])
        ('accuracy after 1 day (%)', 'parameters')
    """
    name = name_of(metric)
    return f"{name} ({metric.unit})" if metric.unit else name


def name_of(metric: Metric) -> str:
    """Return a short name of a metric, without its unit.

    Example:
        >>> from analognas.core import METRICS
        >>> name_of(METRICS["noisy_drift_3600"])
        'accuracy after 1 hour, not trained for it'
    """
    return _HEADS.get(metric.name) or _drift_head(metric.name) or metric.name.replace("_", " ")


def _drift_head(name: str) -> str | None:
    match = _DRIFT.fullmatch(name)
    if match is None:
        return None
    seconds = int(match[2])
    after = DRIFT_TIME_NAMES.get(seconds, time_name(seconds))
    return f"accuracy after {after}{', not trained for it' if match[1] == 'noisy' else ''}"


def better_of(metric: Metric) -> str:
    """Return the direction in which a metric improves, as part of a sentence.

    Example:
        >>> from analognas.core import METRICS
        >>> better_of(METRICS["params"])
        'fewer parameters'
    """
    if metric.name in _COUNTED:
        return f"fewer {_HEADS[metric.name]}"
    return f"{'higher' if metric.higher_is_better else 'lower'} {words_of(metric)}"
