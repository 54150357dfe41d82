"""The builder: measures the networks of a space on a data set, and makes a table of what it finds."""

from .coordinator import BuildProgress
from .folder import Build
from .measurement import NetworkMeasurement
from .measurement_settings import (
    CONDITIONS,
    ChipSettings,
    ExampleCounts,
    MeasurementSettings,
)
from .merge import MergeReport, merge_build
from .protocol import Measurement, Result
from .specification import (
    BuildSettings,
    Repeats,
    SampleSettings,
    builtin_specifications,
    find_specification,
)
from .status import status_of, status_text
from .unit_result import UnitResult
from .workers import WORKERS, PoolWorkers, SerialWorkers, Workers, default_workers

__all__ = [
    "CONDITIONS",
    "WORKERS",
    "Build",
    "BuildProgress",
    "BuildSettings",
    "ChipSettings",
    "ExampleCounts",
    "Measurement",
    "MeasurementSettings",
    "MergeReport",
    "NetworkMeasurement",
    "PoolWorkers",
    "Repeats",
    "Result",
    "SampleSettings",
    "SerialWorkers",
    "UnitResult",
    "Workers",
    "builtin_specifications",
    "default_workers",
    "find_specification",
    "merge_build",
    "status_of",
    "status_text",
]
