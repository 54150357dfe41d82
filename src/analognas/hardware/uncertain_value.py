"""Numbers with the factor that they may be off by, or with their bounds."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.former_names import former_names

__all__ = [
    "BoundedValue",
    "UncertainValue",
    "estimated",
    "high_of",
    "low_of",
    "summed",
    "with_factor",
]


class UncertainValue(float):
    """A number that is only known to a factor; it counts and prints as a number otherwise.

    Args:
        value: The number.
        factor: Typical error of such numbers, the geometric mean over published chips or systems. About six of
            ten lie between ``value / factor`` and ``value * factor``; it is not a bound.
        unit: Its unit.

    Example:
        >>> energy = UncertainValue(0.5, 1.2, "mJ")
        >>> print(energy)
        0.50 mJ (x1.2)
        >>> energy * 2, round(energy.low, 3), f"{energy:.3f}"
        (1.0, 0.417, '0.500')
    """

    factor: float
    unit: str

    def __new__(cls, value: float, factor: float, unit: str) -> UncertainValue:
        """Make the number."""
        made = super().__new__(cls, value)
        made.factor = factor
        made.unit = unit
        return made

    def __getnewargs__(self) -> tuple[float, float, str]:  # type: ignore[override]
        return float(self), self.factor, self.unit

    @property
    def low(self) -> float:
        """The number divided by its factor."""
        return float(self) / self.factor

    @property
    def high(self) -> float:
        """The number multiplied by its factor."""
        return float(self) * self.factor

    def __str__(self) -> str:
        return f"{_two_digits(float(self))} {self.unit} (x{self.factor:.2g})"


def estimated(value: float, factor: float | None, unit: str) -> float:
    """Return a number with its factor, if there is one."""
    return value if factor is None else UncertainValue(value, factor, unit)


def low_of(value: float) -> float:
    """Return the lower end of a number, which is the number itself where it has no factor or bounds."""
    return float(getattr(value, "low", value))


def high_of(value: float) -> float:
    """Return the upper end of a number, likewise."""
    return float(getattr(value, "high", value))


def with_factor(value: float) -> str:
    """Return the factor of a number as text, such as `` (x1.2)``; empty where it has none."""
    return f" (x{value.factor:.2g})" if isinstance(value, UncertainValue) else ""


def summed(values: Sequence[float], unit: str) -> float:
    """Return the sum of numbers with its factor: errors of parts of one chip have one cause and add up.

    Example:
        >>> print(summed([UncertainValue(1.0, 1.5, "mJ"), UncertainValue(1.0, 1.5, "mJ")], "mJ"))
        2.0 mJ (x1.5)
        >>> summed([1.0, 2.0], "mJ")
        3.0
    """
    total = sum(float(value) for value in values)
    factors = {getattr(value, "factor", 1.0) for value in values if value != 0.0} or {
        getattr(value, "factor", 1.0) for value in values
    }
    if factors <= {1.0}:
        return total
    one = len(factors) == 1
    return UncertainValue(total, factors.pop() if one else sum(map(high_of, values)) / total, unit)


class BoundedValue(float):
    """A number with a lower and an upper bound; it counts as a number otherwise.

    Args:
        value: The number; NaN if unknown.
        low: It is at least this.
        high: It is at most this.
        unit: Its unit.

    Example:
        >>> print(BoundedValue(10.2, 1.9, 55.0, "ms"))
        10 ms (1.9 to 55)
    """

    low: float
    high: float
    unit: str

    def __new__(cls, value: float, low: float, high: float, unit: str) -> BoundedValue:
        """Make the number."""
        made = super().__new__(cls, value)
        made.low, made.high, made.unit = low, high, unit
        return made

    def __getnewargs__(self) -> tuple[float, float, float, str]:  # type: ignore[override]
        return float(self), self.low, self.high, self.unit

    def __str__(self) -> str:
        if self != self:
            return "not published"
        value = f"{_two_digits(float(self))} {self.unit}"
        if self.low == self.high:
            return value
        return f"{value} ({_two_digits(self.low)} to {_two_digits(self.high)})"


def _two_digits(value: float) -> str:
    if 100.0 <= value < 1e6:
        return f"{float(f'{value:.1e}'):,.0f}"
    text = f"{value:#.2g}"
    return text.rstrip(".") if "e" not in text else f"{value:.2g}"


__getattr__ = former_names(__name__, {"Estimate": "UncertainValue"})
