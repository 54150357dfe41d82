"""Metrics and spaces in words: in a sentence, as the head of a column, and with their values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...core import DRIFT_TIME_NAMES, Metric
from ...core.times import time_name
from ...search import number

__all__ = ["better_of", "head_of", "space_of", "value_of", "words_of"]

_COUNTED = ("params", "macs")
_DRIFT = re.compile(r"(analog|noisy)_drift_([1-9]\d*)")
_HEADS = {
    "baseline_accuracy": "digital accuracy",
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
    name = _HEADS.get(metric.name) or _drift_head(metric.name) or metric.name.replace("_", " ")
    return f"{name} ({metric.unit})" if metric.unit else name


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


def value_of(metric: Metric, value: float) -> str:
    """Return a value with its unit.

    Example:
        >>> from analognas.core import METRICS
        >>> value_of(METRICS["avm"], 1.5)
        '1.50 pp'
    """
    return f"{number(metric, value)} {metric.unit}".rstrip()


_SPACES = {
    "nasbench201": "NAS-Bench-201 cells",
    "resnet": "AnalogNAS's ResNets for CIFAR-10",
    "resnet_vww": "AnalogNAS's ResNets for person detection",
    "resnet_kws": "AnalogNAS's ResNets for keyword spotting",
    "fbnet": "FBNet for CIFAR-100",
    "fbnet_imagenet": "FBNet for ImageNet",
}


def space_of(logged: Any) -> str:
    """Return a space, as results and logs name it, for a title.

    Example:
        >>> space_of("nasbench201"), space_of({"name": "widths", "hyperparameters": []})
        ('NAS-Bench-201 cells', 'widths')
    """
    if isinstance(logged, Mapping):
        return str(logged.get("name", "a space of your own"))
    return _SPACES.get(str(logged), str(logged))
