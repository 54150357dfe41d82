"""A number with its confidence interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["Interval"]


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
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def to_dict(self) -> dict[str, float]:
        """Return value and bounds by name."""
        return asdict(self)
