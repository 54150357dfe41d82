"""The builder: measures the networks of a space on a data set, and makes a table of what it finds."""

from ..core.former_names import former_names
from .additions import add_architectures, add_further, add_seeds, add_table
from .compare import MetricComparison, TableComparison, compare_tables
from .coordinator import BuildProgress
from .folder import Build
from .measurement import NetworkMeasurement
from .measurement_settings import (
    CONDITIONS,
    ChipSettings,
    ExampleCounts,
    MeasurementSettings,
)
from .merge import MergeReport, merge_build, merge_tables
from .protocol import Measurement, Result
from .run import BuildResult, resume_build, run_build, start_with_tables
from .sampling import choose_architectures
from .specification import (
    BuildSettings,
    Repeats,
    SampleSettings,
    builtin_specifications,
    find_specification,
)
from .status import status_of, status_text
from .unit_result import UnitResult
from .verify import VerifyReport, verify_build, verify_table
from .workers import WORKERS, PoolWorkers, SerialWorkers, Workers, make_workers

__all__ = [
    "CONDITIONS",
    "WORKERS",
    "Build",
    "BuildProgress",
    "BuildResult",
    "BuildSettings",
    "ChipSettings",
    "ExampleCounts",
    "Measurement",
    "MeasurementSettings",
    "MergeReport",
    "MetricComparison",
    "NetworkMeasurement",
    "PoolWorkers",
    "Repeats",
    "Result",
    "SampleSettings",
    "SerialWorkers",
    "TableComparison",
    "UnitResult",
    "VerifyReport",
    "Workers",
    "add_architectures",
    "add_further",
    "add_seeds",
    "add_table",
    "builtin_specifications",
    "choose_architectures",
    "compare_tables",
    "find_specification",
    "make_workers",
    "merge_build",
    "merge_tables",
    "resume_build",
    "run_build",
    "start_with_tables",
    "status_of",
    "status_text",
    "verify_build",
    "verify_table",
]

__getattr__ = former_names(
    __name__, {"Comparison": "TableComparison", "default_workers": "make_workers"}
)
