"""The builder: measures the networks of a space on a data set, and makes a table of what it finds."""

from .measurement import NetworkMeasurement
from .measurement_settings import (
    CONDITIONS,
    ChipSettings,
    ExampleCounts,
    MeasurementSettings,
)
from .protocol import Measurement, Result
from .unit_result import UnitResult

__all__ = [
    "CONDITIONS",
    "ChipSettings",
    "ExampleCounts",
    "Measurement",
    "MeasurementSettings",
    "NetworkMeasurement",
    "Result",
    "UnitResult",
]
