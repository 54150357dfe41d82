"""The vocabulary of metrics: one name, unit and direction for each, the same in every room.

Times in names are seconds since programming ended. ``_std`` beside a metric is the standard deviation over
the repeated readings that its mean is made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .checks import check_choice
from .errors import InvalidArgumentError
from .times import seconds_in_words, time_name

DRIFT_TIMES = (60, 3600, 86400, 2592000)
"""Drift times of AnalogNAS-Bench, s: one minute, one hour, one day, one month (30 days)."""

DRIFT_TIME_NAMES = {60: "1 min", 3600: "1 hour", 86400: "1 day", 2592000: "1 month"}


@dataclass(frozen=True)
class Metric:
    """Definition of a metric.

    Attributes:
        name: Its name.
        unit: Its unit; empty for a count or a plain number.
        higher_is_better: Whether optimizers maximise it.
        description: One line of description; by default the name.

    Raises:
        InvalidArgumentError: If the name is not an identifier or ends in ``_sem``, or a value has another type.

    Example:
        >>> Metric("naswot", "", True).description
        'naswot'
    """

    name: str
    unit: str
    higher_is_better: bool
    description: str = ""

    @property
    def sign(self) -> float:
        """1 if larger is better, else -1; a value times this is a score."""
        return 1.0 if self.higher_is_better else -1.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise InvalidArgumentError(
                f"A metric's name must be an identifier such as 'my_latency', but got {self.name!r}."
            )
        if self.name.endswith("_sem"):
            raise InvalidArgumentError(
                f"A metric's name must not end in '_sem', the ending of standard errors, but got {self.name!r}."
            )
        for field, kind in (("unit", str), ("higher_is_better", bool), ("description", str)):
            value = getattr(self, field)
            if not isinstance(value, kind):
                raise InvalidArgumentError(
                    f"`{field}` of the metric {self.name!r} must be a {kind.__name__}, but got {value!r}."
                )
        if not self.description:
            object.__setattr__(self, "description", self.name)

    def to_dict(self) -> dict[str, Any]:
        """The metric as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, payload: Any) -> Metric:
        """Read what :meth:`to_dict` returned.

        Raises:
            InvalidArgumentError: If entries are missing, unknown or of another type.
        """
        if not isinstance(payload, Mapping) or not (
            {"name", "unit", "higher_is_better"} <= {*payload} <= {*cls.__dataclass_fields__}
        ):
            raise InvalidArgumentError(
                "A metric must be a mapping with name, unit, higher_is_better and description, but got "
                f"{payload!r}."
            )
        return cls(**payload)


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
_TRAINED = {"noisy": "without", "analog": "with"}


def drift_metric(kind: str, seconds: int, *, spread: bool = False) -> Metric:
    """Return the accuracy on a chip at any time after programming, or the spread of its readings.

    Args:
        kind: ``"noisy"`` (without hardware-aware training) or ``"analog"`` (with it).
        seconds: Time since programming, s.
        spread: Whether the standard deviation of the readings is meant.

    Raises:
        UnknownNameError: If there is no such kind.

    Example:
        >>> drift_metric("analog", 604800).name, drift_metric("noisy", 60, spread=True).unit
        ('analog_drift_604800', 'pp')
    """
    trained = _TRAINED[check_choice("kind of network", kind, _TRAINED)]
    after = DRIFT_TIME_NAMES.get(seconds, time_name(seconds))
    about = f"{trained} hardware-aware training, {after} after programming"
    if spread:
        return Metric(f"{kind}_drift_{seconds}_std", "pp", False, f"spread of the readings {about}")
    return _accuracy(f"{kind}_drift_{seconds}", about)


for _time in DRIFT_TIMES:
    for _kind in _TRAINED:
        _NAMED += [drift_metric(_kind, _time), drift_metric(_kind, _time, spread=True)]

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

_DRIFT_NAME = re.compile(r"(noisy|analog)_drift_([1-9]\d*)(_std)?")


def find_metric(name: str) -> Metric | None:
    """Return a metric of the vocabulary, or a drift accuracy at any time; None for other names.

    Example:
        >>> find_metric("analog_drift_10").description
        'with hardware-aware training, 10 s after programming'
        >>> find_metric("score") is None
        True
    """
    if name in METRICS:
        return METRICS[name]
    drift = _DRIFT_NAME.fullmatch(name)
    return drift and drift_metric(drift[1], int(drift[2]), spread=bool(drift[3]))


_OTHER_DRIFT_NAME = re.compile(r"(baseline|noisy|analog|finetuned)_drift_(\d{1,12})(?:_?([a-z]+))?")


def current_metric_name(name: str) -> str:
    """Map other names of a drift accuracy to ours; the rest comes back unchanged.

    Times may be in words. The AnalogNAS-Bench package calls ``baseline_drift_T`` what its documentation calls
    ``noisy_drift_T``; its older release called ``finetuned_...`` what is ``analog_...`` here.

    Example:
        >>> current_metric_name("baseline_drift_3600"), current_metric_name("finetuned_drift_1month")
        ('noisy_drift_3600', 'analog_drift_2592000')
    """
    if name == "finetuned_accuracy":
        return "analog_accuracy"
    stem = name.removesuffix("_std")
    match = _OTHER_DRIFT_NAME.fullmatch(stem)
    if match is None:
        return name
    kind, number, unit = match.groups()
    seconds = number if unit is None else seconds_in_words(number, unit)
    kind = {"baseline": "noisy", "finetuned": "analog"}.get(kind, kind)
    return name if seconds is None else f"{kind}_drift_{seconds}{name[len(stem) :]}"


def get_metric(name: str | Metric) -> Metric:
    """Return the :class:`Metric` called ``name``; old names are mapped, and a metric is returned as it is.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.

    Example:
        >>> get_metric("avm").higher_is_better
        False
    """
    if isinstance(name, Metric):
        return name
    return METRICS[check_choice("metric", current_metric_name(name), METRICS)]


_COST_NAME = re.compile(r"([a-z]\w*)_(latency|energy)")
_COSTS = {"latency": ("ms", "time"), "energy": ("mJ", "energy")}


def device_metric(name: str) -> Metric | None:
    """Return the cost on a user's device, as defined by its name; None for other names.

    Args:
        name: ``<device>_latency`` (ms) or ``<device>_energy`` (mJ), in small letters.

    Example:
        >>> device_metric("board_latency").unit, device_metric("naswot")
        ('ms', None)
    """
    match = _COST_NAME.fullmatch(name)
    if match is None:
        return None
    unit, what = _COSTS[match[2]]
    return Metric(name, unit, False, f"{what} of one inference on {match[1]}")


def check_definitions(definitions: Iterable[Metric]) -> dict[str, Metric]:
    """Return metrics by name.

    Raises:
        InvalidArgumentError: If one is not a :class:`Metric`, or two names are equal in small letters.

    Example:
        >>> list(check_definitions([Metric("naswot", "", True)]))
        ['naswot']
    """
    by_name: dict[str, Metric] = {}
    lower: dict[str, str] = {}
    for one in definitions:
        if not isinstance(one, Metric):
            raise InvalidArgumentError(
                f"A metric must be declared as Metric(name, unit, higher_is_better), but got {one!r}."
            )
        if lower.setdefault(one.name.lower(), one.name) != one.name or one.name in by_name:
            raise InvalidArgumentError(
                f"The metrics {lower[one.name.lower()]!r} and {one.name!r} must have different names."
            )
        by_name[one.name] = one
    return by_name


def register_metric(metric: Metric) -> None:
    """Add a metric to the vocabulary, so that searches, tables and figures know it.

    Raises:
        InvalidArgumentError: If the name is taken by a metric that differs.

    Example:
        >>> register_metric(Metric("naswot_score", "", higher_is_better=True))
        >>> find_metric("naswot_score").name
        'naswot_score'
    """
    if METRICS.setdefault(metric.name, metric) != metric:
        raise InvalidArgumentError(f"A metric {metric.name!r} exists already; choose another name.")
