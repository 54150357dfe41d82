"""Numbers with the factor that they may be off by."""

from __future__ import annotations

__all__ = ["UncertainValue"]


class UncertainValue(float):
    """A number that is only known to a factor; it counts and prints as a number otherwise.

    Args:
        value: The number.
        factor: It lies between ``value / factor`` and ``value * factor``.
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
        """Lower end of the interval."""
        return float(self) / self.factor

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return float(self) * self.factor

    def __str__(self) -> str:
        return f"{_two_digits(float(self))} {self.unit} (x{self.factor:.2g})"


def _two_digits(value: float) -> str:
    text = f"{value:#.2g}"
    return text.rstrip(".") if "e" not in text else f"{value:.2g}"
