"""A number with its confidence interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["Interval", "number_text"]


def number_text(value: float, spec: str = ".2f") -> str:
    """Return a number as text, without the minus sign of a number that is rounded to zero.

    Example:
        >>> number_text(-0.001), number_text(-0.01)
        ('0.00', '-0.01')
    """
    text = f"{value:{spec}}"
    return text.removeprefix("-") if not text.strip("-0.") else text


@dataclass(frozen=True)
class Interval:
    """A number with its confidence interval.

    Attributes:
        value: The estimate.
        low: Lower bound.
        high: Upper bound.

    Example:
        >>> found = Interval(0.5, 0.25, 0.75)
        >>> print(found, f"{found:.3f}")
        0.50 [0.25, 0.75] 0.500 [0.250, 0.750]
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self:.2f}"

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        value, low, high = (number_text(one, spec) for one in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"

    def to_dict(self) -> dict[str, float]:
        """Return value and bounds by name."""
        return asdict(self)
