"""Checks of numbers from outside: possible values of metrics, and casts without loss.

Tables, CSV files, arguments of ``fit`` and arrays of data sets are checked here before they are cast or used: a
latency cannot be negative, an accuracy is a percentage, a token id is an integer in its range.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import AnalogNASError, InvalidArgumentError, TableIntegrityError
from .limits import shown
from .metrics import METRICS, Metric, current_metric_name

__all__ = [
    "MISSING_MARK",
    "MetricRange",
    "as_floats",
    "as_integers",
    "measured",
    "metric_range",
    "parse_number",
]

MISSING_MARK = -1.0
"""Cost that HW-NAS-Bench stores for a network that did not compile."""

_COST_UNITS = frozenset(
    ("s", "ms", "us", "µs", "ns", "J", "mJ", "uJ", "µJ", "nJ", "pJ", "W", "mW", "cm2", "mm2", "um2", "µm2")
)  # fmt: skip
_ACCURACY_NAME = re.compile(r"(noisy|analog)_drift_\d+|(\w+_)?accuracy(_\w+)?(?<!_trials)")
_COST_NAME = re.compile(r"(.*_)?(latency|energy|area|power)(_\w+)?")
_POSITIVE = ("eyeriss_arithmetic_intensity", "average_hw_metric")
_SPREAD_ENDINGS = ("_std", "_sem")
_COUNTS = ("params", "macs", "aimc_tiles")
_LARGEST_FRACTION = 1.0
_MOST_ENTRIES = 10**8
_LARGEST_WHOLE = 2.0**53


@dataclass(frozen=True)
class MetricRange:
    """Possible values of a metric.

    Attributes:
        minimum: Smallest value.
        maximum: Largest value.
        positive: Whether ``minimum`` itself is impossible.
        percent: Whether it is an accuracy in percent.
        cost: Whether it is a cost, for which :data:`MISSING_MARK` means a missing value.
        text: The range as text.
    """

    minimum: float = -math.inf
    maximum: float = math.inf
    positive: bool = False
    percent: bool = False
    cost: bool = False
    text: str = "finite numbers"

    def outside(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which values are impossible, in the shape given; NaN is possible."""
        too_low = values <= self.minimum if self.positive else values < self.minimum
        found: NDArray[np.bool_] = too_low | (values > self.maximum) | np.isinf(values)
        return found


_PERCENT = MetricRange(0.0, 100.0, percent=True, text="percentages from 0 to 100")
_COST = MetricRange(0.0, positive=True, cost=True, text="positive numbers")
_COST_OR_NONE = MetricRange(0.0, cost=True, text="numbers of at least 0")
_COUNT = MetricRange(0.0, text="numbers of at least 0")
_SPREAD = MetricRange(0.0, 100.0, text="numbers from 0 to 100")
_DIFFERENCE = MetricRange(-100.0, 100.0, text="numbers from -100 to 100")


def metric_range(metric: str | Metric, *, zero: bool = False) -> MetricRange:
    """Return the possible values of a metric, by its unit or, if unknown, by its name.

    Args:
        metric: The metric, or its name, optionally after a data set and a slash.
        zero: Whether a cost may be zero, as for skipped layers.

    Example:
        >>> metric_range("cifar10/test_accuracy_200").text
        'percentages from 0 to 100'
        >>> metric_range("mine_latency").text
        'positive numbers'
    """
    if isinstance(metric, Metric):
        own, unit = metric.name, metric.unit
    else:
        own = current_metric_name(metric.rpartition("/")[2])
        if own not in METRICS and own.endswith(_SPREAD_ENDINGS):
            return _range_of_spread(own[:-4])
        unit = METRICS[own].unit if own in METRICS else _unit_of_name(own)
    if unit in _COST_UNITS or own in _POSITIVE:
        return _COST_OR_NONE if zero else _COST
    if unit == "%":
        return _PERCENT
    if unit == "pp":
        return _SPREAD if own.endswith("_std") else _DIFFERENCE
    return _COUNT if own in _COUNTS else MetricRange()


def measured(
    metric: str | Metric,
    values: Any,
    *,
    where: str = "",
    lines: Sequence[int] | None = None,
    missing: bool = True,
    zero: bool = False,
    whole: bool = True,
    error: type[AnalogNASError] = InvalidArgumentError,
) -> NDArray[np.float64]:
    """Return measured values of a metric after a check of their range, with NaN for missing values.

    A cost of -1 is missing. Accuracies are in percent; if all are at most 1, they are fractions and raise an
    error.

    Args:
        metric: The metric, or its name.
        values: Its values, any shape; None, NaN and masked values are missing.
        where: Their source, for messages.
        lines: Their line numbers in the source, if it is a text.
        missing: Whether values may be missing.
        zero: Whether a cost may be zero.
        whole: Whether these are all values of a table, so that fractions can be detected. A single accuracy
            below 1 may be correct.
        error: Class of the error.

    Raises:
        AnalogNASError: Of class ``error``, if values are not numbers, are impossible, or are missing without
            ``missing``.

    Example:
        >>> measured("edgetpu_latency", [0.7, -1, None])
        array([0.7, nan, nan])
    """
    name = metric.name if isinstance(metric, Metric) else metric
    what = f"Values of {name!r}" + (f" in {where}" if where else "")
    column = as_floats(what, values, error=error)
    known = metric_range(metric, zero=zero)
    marked = known.cost & (column == MISSING_MARK)
    if marked.any() and not missing:
        raise error(
            f"{what} must be measured, but got the mark -1 of a missing one {_place(marked, lines)}; leave it "
            "out."
        )
    column[marked] = np.nan
    unsound = ~np.isfinite(column) & ~(np.isnan(column) & missing)
    if unsound.any():
        advice = "write NaN for" if missing else "leave out"
        raise error(
            f"{what} must be finite, but got {column[unsound][0]:g} {_place(unsound, lines)}; {advice} what "
            "was not measured."
        )
    outside = known.outside(column)
    if outside.any():
        rest = ", or NaN where one is missing" if missing else ""
        raise error(
            f"{what} must be {known.text}{rest}, but got {column[outside][0]:g} {_place(outside, lines)}."
        )
    if known.percent and whole:
        _check_percent(what, column[~np.isnan(column)], error)
    return column


def as_floats(
    what: str, values: Any, *, error: type[AnalogNASError] = InvalidArgumentError
) -> NDArray[np.float64]:
    """Return a new array of ``float64``, with NaN for None and masked values.

    Args:
        what: What they are, for errors.
        values: Numbers in any form that numpy takes.
        error: Class of the error.

    Raises:
        AnalogNASError: Of class ``error``, if some are texts, truth values, complex or ragged.

    Example:
        >>> as_floats("x", [1, None])
        array([ 1., nan])
    """
    if isinstance(values, np.ma.MaskedArray):
        mask, values = np.ma.getmaskarray(values), values.data
    else:
        mask = None
    _check_extent(what, values, error)
    try:
        given = np.asarray(values)
    except (TypeError, ValueError):
        raise error(f"{what} must be numbers, but got {shown(repr(values))}.") from None
    if given.dtype == object:
        flat = [_number(what, entry, error) for entry in given.ravel().tolist()]
        column = np.array(flat, dtype=np.float64).reshape(given.shape)
    elif given.dtype.kind in "iuf":
        column = given.astype(np.float64)
    else:
        raise error(f"{what} must be numbers, but are {given.dtype}: {shown(repr(values))}.")
    if mask is not None:
        column[mask] = np.nan
    return column


def parse_number(text: str, *, error: type[AnalogNASError] = TableIntegrityError) -> float:
    """Return the number that a cell of a text table holds, NaN where it is empty.

    Args:
        text: The cell.
        error: Class of the error.

    Raises:
        AnalogNASError: Of class ``error``, if it is not a finite number.

    Example:
        >>> parse_number("1e3"), parse_number("")
        (1000.0, nan)
    """
    number = _number_in(text) if text else math.nan
    if number is None:
        comma = _number_in(text.replace(",", ".")) is not None
        advice = " Write a decimal point, not a comma." if comma else ""
        raise error(f"{shown(text)!r} is not a number.{advice}")
    if text and not math.isfinite(number):
        raise error(
            f"{shown(text)!r} is not a finite number; leave the cell of a missing number empty."
        )
    return number


def as_integers(
    what: str,
    values: Any,
    *,
    minimum: int = -(2**63),
    maximum: int = 2**63 - 1,
    labels: bool = False,
    error: type[AnalogNASError] = TableIntegrityError,
) -> NDArray[np.int64]:
    """Return an array of ``int64``, its type and range checked before the cast.

    Args:
        what: What they are, for errors.
        values: Integers in any form that numpy takes.
        minimum: Smallest that is allowed.
        maximum: Largest that is allowed.
        labels: Whether they are class labels, which may also be truth values, or floats that are whole numbers.
        error: Class of the error.

    Raises:
        AnalogNASError: Of class ``error``, if they are not integers, or one is out of range.

    Example:
        >>> as_integers("token ids", np.array([3, 0], dtype=np.uint64), minimum=0)
        array([3, 0])
    """
    _check_extent(what, values, error)
    try:
        given = np.asarray(values)
    except (TypeError, ValueError, OverflowError):
        raise error(f"{what} must be integers, but got {shown(repr(values))}.") from None
    if labels and given.dtype.kind in "fb" and not isinstance(values, np.ma.MaskedArray):
        given = _whole(what, given, error)
    if given.dtype.kind not in "iu" or isinstance(values, np.ma.MaskedArray):
        got = "object" if given.dtype == object else str(given.dtype)
        raise error(
            f"{what} must be integers, but are of type {got}; convert them to integers first."
        )
    if given.size and (int(given.min()) < minimum or int(given.max()) > maximum):
        outside = (given < minimum) if int(given.min()) < minimum else (given > maximum)
        raise error(
            f"{what} must be integers from {minimum} to {maximum}, but got {given[outside][0]} "
            f"{_place(outside, None)}."
        )
    return given.astype(np.int64)


def _number_in(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _range_of_spread(metric: str) -> MetricRange:
    """Return the possible values of a spread or standard error of a metric, including zero."""
    known = metric_range(metric)
    if known.cost:
        return _COST_OR_NONE
    return _SPREAD if known.percent or known is _DIFFERENCE else MetricRange()


def _whole(
    what: str, labels: NDArray[Any], error: type[AnalogNASError]
) -> NDArray[np.signedinteger[Any]]:
    """Return floats or truth values as integers, if they are whole numbers that floats hold exactly."""
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    wide = labels.astype(np.float64)
    with np.errstate(invalid="ignore"):
        broken = ~(np.abs(wide) <= _LARGEST_WHOLE) | (wide != np.floor(wide))
    if broken.any():
        raise error(
            f"{what} must be whole numbers, but got {labels[broken][0]:g} {_place(broken, None)}."
        )
    return labels.astype(np.int64)


def _unit_of_name(name: str) -> str:
    if _ACCURACY_NAME.fullmatch(name):
        return "%"
    return "ms" if _COST_NAME.fullmatch(name) else ""


def _check_percent(what: str, values: NDArray[np.float64], error: type[AnalogNASError]) -> None:
    """Raise an error if all accuracies are fractions; zeros alone are ambiguous and pass."""
    if values.size and 0 < values.max() <= _LARGEST_FRACTION:
        raise error(
            f"{what} must be percentages from 0 to 100, but lie between {values.min():g} and "
            f"{values.max():g}, as fractions do; multiply them by 100."
        )


def _number(what: str, entry: Any, error: type[AnalogNASError]) -> float:
    # pandas' mark of a missing number is a class that need not be installed.
    if entry is None or type(entry).__name__ == "NAType":
        return math.nan
    if isinstance(entry, bool | np.bool_) or not isinstance(entry, numbers.Real):
        raise error(f"{what} must be numbers, but got {shown(repr(entry))}.")
    try:
        return float(entry)
    except OverflowError:
        raise error(
            f"{what} must be numbers that a float can hold, but got {shown(repr(entry))}."
        ) from None


def _place(found: NDArray[np.bool_], lines: Sequence[int] | None) -> str:
    """Return the place of the first marked value, as text."""
    place = np.argwhere(found)[0].tolist()
    if lines is not None:
        return f"in line {lines[place[0]]}"
    return f"at position {place[0] if len(place) == 1 else tuple(place)}"


def _check_extent(what: str, values: Any, error: type[AnalogNASError]) -> None:
    """Raise an error if nested lists have too many entries after shared lists are expanded.

    Sixty lists of a few bytes, each twice in the next, have more entries than fit into memory as an array.
    """
    sizes: dict[int, int] = {}  # number of all entries of a list; 0 while they are counted
    waiting: list[tuple[Any, bool]] = [(values, False)]
    while waiting:
        part, counted = waiting.pop()
        if not isinstance(part, list | tuple) or (not counted and id(part) in sizes):
            continue
        inner = [one for one in part if isinstance(one, list | tuple)]
        if not counted:
            sizes[id(part)] = 0
            waiting.append((part, True))
            if any(sizes.get(id(one)) == 0 for one in inner):
                raise error(f"{what} must be lists, but one of them is in itself.")
            waiting += [(one, False) for one in inner]
            continue
        sizes[id(part)] = 1 + len(part) - len(inner) + sum(sizes[id(one)] for one in inner)
        if sizes[id(part)] > _MOST_ENTRIES:
            raise error(
                f"{what} must be no more than {_MOST_ENTRIES:,} entries, lists in lists written out."
            )
