"""A drift reading: a mean with the spread of its readings."""

from __future__ import annotations

from typing import Any


class DriftReading(float):
    """Accuracy after some drift time, in percent: a float with its ``std``.

    Args:
        value: Mean accuracy over the readings, %.
        std: Standard deviation over the readings, percentage points.

    Example:
        >>> reading = DriftReading(88.4, 0.6)
        >>> reading > 88, reading.std, float(reading)
        (True, 0.6, 88.4)
        >>> print(reading)
        88.4 ± 0.6
    """

    __slots__ = ("std",)

    std: float

    def __new__(cls, value: float, std: float = 0.0) -> DriftReading:
        """Make a reading of ``value`` with spread ``std``."""
        reading = super().__new__(cls, value)
        reading.std = float(std)
        return reading

    @property
    def value(self) -> float:
        """The mean, %; the name that AnalogNAS-Bench uses."""
        return float(self)

    @property
    def uncertainty(self) -> float:
        """The standard deviation, percentage points; the name that AnalogNAS-Bench uses."""
        return self.std

    def __str__(self) -> str:
        return f"{float(self)} ± {self.std}"

    def __repr__(self) -> str:
        return f"DriftReading({float(self)}, std={self.std})"

    def __reduce__(self) -> tuple[type[DriftReading], tuple[Any, ...]]:
        return DriftReading, (float(self), self.std)
