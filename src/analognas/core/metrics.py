"""The vocabulary of metrics: one name, unit and direction for each, the same in every room.

Times in names are seconds since programming ended. ``_std`` beside a metric is the standard deviation over
the repeated readings that its mean is made of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .checks import check_choice
from .errors import InvalidArgumentError

DRIFT_TIMES = (60, 3600, 86400, 2592000)
"""Drift times of AnalogNAS-Bench, s: one minute, one hour, one day, one month (30 days)."""

DRIFT_TIME_NAMES = {60: "1 min", 3600: "1 hour", 86400: "1 day", 2592000: "1 month"}


@dataclass(frozen=True)
class Metric:
    """What a metric is.

    Attributes:
        name: Its name, the same everywhere.
        unit: Its unit; empty for a count.
        higher_is_better: The direction in which an optimizer improves it.
        description: One line for people.
    """

    name: str
    unit: str
    higher_is_better: bool
    description: str


def _accuracy(name: str, description: str) -> Metric:
    return Metric(name, "%", True, description)


_NAMED = [
    _accuracy("baseline_accuracy", "digital FP32 accuracy"),
    _accuracy("ptq_accuracy", "accuracy after post-training quantization to 8 bits"),
    _accuracy("qat_accuracy", "accuracy after quantization-aware training"),
    _accuracy("noisy_accuracy", "digital weights put on the analog chip as they are"),
    _accuracy("analog_accuracy", "on the analog chip after hardware-aware training"),
    Metric("avm", "pp", False, "accuracy lost between programming and one month; positive is loss"),
    Metric("params", "", False, "trainable parameters"),
    Metric("macs", "", False, "multiply-accumulates of one inference"),
]
for _time in DRIFT_TIMES:
    for _kind, _text in (("noisy", "without"), ("analog", "with")):
        _about = f"{_text} hardware-aware training, {DRIFT_TIME_NAMES[_time]} after programming"
        _NAMED += [
            _accuracy(f"{_kind}_drift_{_time}", _about),
            Metric(f"{_kind}_drift_{_time}_std", "pp", False, f"spread of the readings {_about}"),
        ]

_IMAGES = {
    "valid": "validation images",
    "test": "test images",
    "valid_and_test": "validation and test images together",
}
for _images, _text in _IMAGES.items():
    for _epochs in (12, 200):
        _about = f"digital accuracy on {_text} after {_epochs} epochs, NAS-Bench-201"
        _NAMED.append(_accuracy(f"{_images}_accuracy_{_epochs}", _about))

_DEVICES = {
    "edgegpu": "an NVIDIA Jetson TX2",
    "raspi4": "a Raspberry Pi 4",
    "edgetpu": "a Google Edge TPU",
    "pixel3": "a Pixel 3 telephone",
    "eyeriss": "the ASIC Eyeriss, estimated",
    "fpga": "an FPGA, estimated",
}
_NAMED += [
    Metric(f"{_device}_latency", "ms", False, f"time of one inference on {_text}")
    for _device, _text in _DEVICES.items()
]
_NAMED += [
    Metric(f"{_device}_energy", "mJ", False, f"energy of one inference on {_DEVICES[_device]}")
    for _device in ("edgegpu", "eyeriss", "fpga")
]
_NAMED += [
    Metric("eyeriss_arithmetic_intensity", "op/byte", True, "operations per byte moved on Eyeriss"),
    Metric("average_hw_metric", "", False, "product of a table's latencies and energies"),
    Metric("aimc_latency", "ms", False, "time of one inference on an analog chip, modelled"),
    Metric("aimc_energy", "mJ", False, "energy of one inference on an analog chip, modelled"),
    Metric("aimc_area", "mm2", False, "area of the analog chip that holds the network, modelled"),
    Metric("aimc_tiles", "", False, "crossbars that hold the network"),
]

METRICS: dict[str, Metric] = {entry.name: entry for entry in _NAMED}
"""Every metric with a fixed name, by name."""

_OLD_DRIFT_NAME = re.compile(r"baseline_drift_(\d+)(_std)?")


def current_metric_name(name: str) -> str:
    """Map a name of the AnalogNAS-Bench package to ours; other names come back unchanged.

    That package calls ``baseline_drift_T`` what its documentation calls ``noisy_drift_T``.

    Example:
        >>> current_metric_name("baseline_drift_3600")
        'noisy_drift_3600'
    """
    old = _OLD_DRIFT_NAME.fullmatch(name)
    return f"noisy_drift_{old[1]}{old[2] or ''}" if old else name


def get_metric(name: str) -> Metric:
    """Return the :class:`Metric` called ``name``; old names are mapped.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.

    Example:
        >>> get_metric("avm").higher_is_better
        False
    """
    return METRICS[check_choice("metric", current_metric_name(name), METRICS)]


def register_metric(metric: Metric) -> None:
    """Add a metric of your own to the vocabulary, so that searches, tables and figures know it.

    Raises:
        InvalidArgumentError: If the name is taken by a metric that differs, or is no identifier.
    """
    if not metric.name.isidentifier():
        raise InvalidArgumentError(
            f"A metric's name must be an identifier such as 'my_latency', but got {metric.name!r}."
        )
    if METRICS.setdefault(metric.name, metric) != metric:
        raise InvalidArgumentError(f"A metric {metric.name!r} exists already; choose another name.")
