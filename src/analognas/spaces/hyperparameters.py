"""Types of hyperparameters: a name and a list of values, represented by indices."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, OutOfSpaceError, check_float, check_int

LEVELS = 30_001
"""Default grid points of a continuous interval: 30,000 steps are divisible by 2, 3 and 5, and fit int16."""

_DIGITS = 12
_MOST_CHOICES = 2**31
_COLUMN = 10_000
_LARGEST_TABLE = 2**16
_SHOWN_CHOICES = 8
_SCALAR = (bool, int, float, str)


class Hyperparameter(ABC):
    """A named list of values; a gene is an index into it.

    Args:
        name: Name of the hyperparameter.
        n_choices: Number of values.
        inactive: Value in architectures in which it is inactive; None: the architecture omits it.

    Raises:
        InvalidArgumentError: If the name is empty, or ``inactive`` is not a plain value.
    """

    kind: ClassVar[str]
    ordered: bool = True
    fine: bool = False

    def __init__(self, name: str, n_choices: int, inactive: Any) -> None:
        if not isinstance(name, str) or not name or name != name.strip():
            raise InvalidArgumentError(
                f"`name` must be a non-empty string without leading or trailing spaces, but got {name!r}."
            )
        if n_choices > _MOST_CHOICES:
            raise InvalidArgumentError(
                f"{name!r} has {n_choices:,} values, but at most 2^31 are possible; take a larger step."
            )
        self.name = name
        self.n_choices = n_choices
        self.inactive = None if inactive is None else plain(f"inactive value of {name!r}", inactive)

    @abstractmethod
    def index(self, value: Any) -> int:
        """Return the index of a value.

        Raises:
            OutOfSpaceError: If it is not one of the values.
        """

    @abstractmethod
    def values(self, indices: Any) -> NDArray[Any]:
        """Return the values of an array of indices, shape ``(n,)``."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the arguments of the constructor except the name, as YAML types."""

    @abstractmethod
    def range_text(self) -> str:
        """Return a short description of its values."""

    def value(self, index: int) -> Any:
        """Return the value at one index, as a plain Python type."""
        return self.values(np.array([index]))[0].item()

    @cached_property
    def json_texts(self) -> dict[int, str]:
        """Name and value as JSON text by index, computed on demand."""
        return _JsonTexts(self)

    @cached_property
    def json_inactive(self) -> str:
        """Name and inactive value as JSON text; empty if it is omitted."""
        return "" if self.inactive is None else _json_entry(self.name, self.inactive)

    def __repr__(self) -> str:
        return f"{self.name}: {self.range_text()}"


class _JsonTexts(dict[int, str]):
    def __init__(self, entry: Hyperparameter) -> None:
        self._entry = entry

    def __missing__(self, index: int) -> str:
        self[index] = text = _json_entry(self._entry.name, self._entry.value(index))
        return text


def _json_entry(name: str, value: Any) -> str:
    return f"{json.dumps(name)}: {json.dumps(value)}"


class Choices(Hyperparameter):
    """A list of values: ``discrete`` if their order matters, ``categorical`` if not.

    Args:
        name: Name of the hyperparameter.
        choices: The values: numbers, strings, booleans, or tuples of these, without repeats.
        ordered: Whether the order matters.
        inactive: Value where it is inactive.

    Raises:
        InvalidArgumentError: If there are no values, repeated ones, or some of other types.

    Example:
        >>> Choices("out_channel0", [8, 12, 16]).index(12)
        1
    """

    kind = "choices"

    def __init__(
        self, name: str, choices: Sequence[Any], *, ordered: bool = True, inactive: Any = None
    ) -> None:
        # The order of a set differs between processes.
        if (
            not isinstance(choices, Sequence | np.ndarray)
            or isinstance(choices, str)
            or not len(choices)
        ):
            raise InvalidArgumentError(
                f"`range` of {name!r} must be a list of at least one value, but got {choices!r}."
            )
        self.choices = [plain(f"range of {name!r}", choice) for choice in choices]
        self.ordered = ordered
        self._index: dict[Any, int] = {}
        for position, choice in enumerate(self.choices):
            if self._index.setdefault(_key(choice), position) != position:
                raise InvalidArgumentError(
                    f"`range` of {name!r} contains {choice!r} twice; remove one."
                )
        super().__init__(name, len(self.choices), inactive)

    def index(self, value: Any) -> int:
        """Return the index of a value."""
        try:
            return self._index[_key(plain("", value))]
        except (KeyError, InvalidArgumentError):
            raise OutOfSpaceError(
                f"`{self.name}` must be {self.range_text()}, but got {value!r}."
            ) from None

    def values(self, indices: Any) -> NDArray[Any]:
        """Return the values of indices."""
        column = np.empty(len(self.choices), dtype=object)
        for position, choice in enumerate(
            self.choices
        ):  # assigning the whole list would unpack tuples
            column[position] = choice
        found: NDArray[Any] = column[np.asarray(indices)]
        return found

    def value(self, index: int) -> Any:
        """Return the value at one index."""
        return self.choices[index]

    def settings(self) -> dict[str, Any]:
        """Return type and range."""
        return {
            "type": "discrete" if self.ordered else "categorical",
            "range": [list(one) if isinstance(one, tuple) else one for one in self.choices],
        }

    def range_text(self) -> str:
        """Return the values; if there are many, the first and last."""
        shown = [repr(choice) for choice in self.choices]
        if len(shown) > _SHOWN_CHOICES:
            shown[3:-1] = ["..."]
        return "one of " + ", ".join(shown)


class IntegerInterval(Hyperparameter):
    """Integers ``min_value, min_value + step, ...`` up to ``max_value`` inclusive.

    Args:
        name: Name of the hyperparameter.
        min_value: Smallest value.
        max_value: Largest value, included if the step reaches it.
        step: Distance between values.
        inactive: Value where it is inactive.

    Raises:
        InvalidArgumentError: If the interval is empty or the step is not positive.

    Example:
        >>> IntegerInterval("R1", 1, 16, step=5).values([0, 3]).tolist()
        [1, 16]
    """

    kind = "integer"

    def __init__(
        self, name: str, min_value: int, max_value: int, *, step: int = 1, inactive: Any = None
    ) -> None:
        self.step = check_int(f"step of {name!r}", step, minimum=1)
        self.min_value = check_int(f"min_value of {name!r}", min_value)
        self.max_value = check_int(f"max_value of {name!r}", max_value)
        _check_order(name, self.min_value, self.max_value)
        super().__init__(name, (self.max_value - self.min_value) // self.step + 1, inactive)
        self.fine = self.n_choices > 128

    def index(self, value: Any) -> int:
        """Return the index of a value; 3.0 is accepted as 3."""
        if isinstance(value, float | np.floating) and float(value).is_integer():
            value = int(value)
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if whole and self.min_value <= value <= self.max_value:
            index, rest = divmod(int(value) - self.min_value, self.step)
            if not rest:
                return index
        raise OutOfSpaceError(f"`{self.name}` must be {self.range_text()}, but got {value!r}.")

    def values(self, indices: Any) -> NDArray[Any]:
        """Return the values of indices."""
        return self.min_value + self.step * np.asarray(indices, dtype=np.int64)

    def settings(self) -> dict[str, Any]:
        """Return type, bounds and step."""
        step = {} if self.step == 1 else {"step": self.step}
        return {
            "type": "discrete",
            "min_value": self.min_value,
            "max_value": self.max_value,
            **step,
        }

    def range_text(self) -> str:
        """Return the bounds and the step."""
        step = "" if self.step == 1 else f" in steps of {self.step}"
        return f"an integer from {self.min_value} to {self.max_value}{step}"


class ContinuousInterval(Hyperparameter):
    """A closed real interval as a fine grid: equal steps of the value, or of its logarithm.

    The grid keeps genotypes integer. Its points are rounded to 12 digits, so 0.65 is exactly 0.65. A value
    between two grid points is replaced by the nearer one, at most half a step away (1/60,000 of the range with
    the default 30,001 points).

    Args:
        name: Name of the hyperparameter.
        min_value: Smallest value.
        max_value: Largest value.
        log: Whether the grid is logarithmic.
        levels: Number of grid points.
        inactive: Value where it is inactive.

    Raises:
        InvalidArgumentError: If the interval is empty, has fewer than 2 points, or is logarithmic and
            includes zero.

    Example:
        >>> rate = ContinuousInterval("learning_rate", 1e-4, 1e-1, log=True)
        >>> rate.value(rate.index(0.001))
        0.001
    """

    kind = "continuous"
    fine = True

    def __init__(
        self,
        name: str,
        min_value: float,
        max_value: float,
        *,
        log: bool = False,
        levels: int = LEVELS,
        inactive: Any = None,
    ) -> None:
        self.min_value = check_float(f"min_value of {name!r}", min_value)
        self.max_value = check_float(f"max_value of {name!r}", max_value)
        self.log = bool(log)
        _check_order(name, self.min_value, self.max_value)
        if self.min_value == self.max_value:
            raise InvalidArgumentError(
                f"`max_value` of {name!r} must be above `min_value`, but both are {self.min_value}; give a "
                "single value as a range of one."
            )
        if self.log and self.min_value <= 0:
            raise InvalidArgumentError(
                f"`min_value` of {name!r} must be positive on a logarithmic scale, but got {min_value!r}."
            )
        super().__init__(
            name, check_int(f"levels of {name!r}", levels, minimum=2, maximum=2**31), inactive
        )
        self.fine = self.n_choices > 128
        self._table: NDArray[Any] | None = None
        self._low, self._high = self._scale(self.min_value), self._scale(self.max_value)
        ends = self.values([0, 1, self.n_choices - 2, self.n_choices - 1])
        if not (ends[0] < ends[1] and ends[2] < ends[3]):
            raise InvalidArgumentError(
                f"`levels` of {name!r} must leave grid points that differ in their first {_DIGITS} digits; "
                f"{levels} points between {self.min_value!r} and {self.max_value!r} do not."
            )

    def index(self, value: Any) -> int:
        """Return the index of the grid point nearest to a value."""
        number = float(value) if isinstance(value, float | int | np.number) else math.nan
        slack = 1e-9 * (self.max_value - self.min_value)
        if (
            isinstance(value, bool)
            or not self.min_value - slack <= number <= self.max_value + slack
        ):
            raise OutOfSpaceError(f"`{self.name}` must be {self.range_text()}, but got {value!r}.")
        number = min(max(number, self.min_value), self.max_value)
        share = (self._scale(number) - self._low) / (self._high - self._low)
        return round(share * (self.n_choices - 1))

    def values(self, indices: Any) -> NDArray[Any]:
        """Return the values of an array of indices, from a cached table if there are many."""
        indices = np.asarray(indices, dtype=np.int64)
        if len(indices) < _COLUMN or self.n_choices > _LARGEST_TABLE:
            return self._values(indices)
        if self._table is None:
            self._table = self._values(np.arange(self.n_choices))
        column: NDArray[Any] = self._table[indices]
        return column

    def _values(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        share = indices / (self.n_choices - 1)
        raw = self._low + share * (self._high - self._low)
        if self.log:
            raw = np.exp(raw)
        # Formatting and parsing rounds to 12 digits, such that the number equals its literal.
        digits = np.array([float(f"{value:.{_DIGITS}g}") for value in raw.tolist()])
        clipped: NDArray[Any] = np.clip(digits, self.min_value, self.max_value)
        return clipped

    def settings(self) -> dict[str, Any]:
        """Return type, bounds, scale and number of points."""
        log = {"log": True} if self.log else {}
        levels = {} if self.n_choices == LEVELS else {"levels": self.n_choices}
        return {
            "type": "continuous",
            "min_value": self.min_value,
            "max_value": self.max_value,
            **log,
            **levels,
        }

    def range_text(self) -> str:
        """Return the bounds and the scale."""
        scale = " on a logarithmic scale" if self.log else ""
        return f"a number from {self.min_value:g} to {self.max_value:g}{scale}"

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log else value


def plain(name: str, value: Any) -> Any:
    """Return a number, string or boolean as a plain Python type, and a list of these as a tuple.

    Raises:
        InvalidArgumentError: If it is anything else, or not finite.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple | list):
        return tuple(plain(name, one) for one in value)
    if not isinstance(value, _SCALAR) or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidArgumentError(
            f"`{name}` must hold numbers, strings or booleans, but got {value!r}."
        )
    return value


def _key(value: Any) -> Any:
    """Return a key of a value; equal for 1 and 1.0, but not for 1 and True."""
    return (isinstance(value, bool), value)


def _check_order(name: str, low: float, high: float) -> None:
    if low > high:
        raise InvalidArgumentError(
            f"`max_value` of {name!r} must be at least `min_value`, {low}, but got {high}."
        )
