"""Values and spaces in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core import Metric
from ...search import number

__all__ = ["space_of", "value_of"]


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
