"""The builder: measures the networks of a space on a data set, and makes a table of what it finds.

Most names load on first use, so that a worker whose measurement needs no torch starts without it.
"""

from typing import TYPE_CHECKING

from ..core.former_names import former_names
from ..lazy_exports import lazy_exports

if TYPE_CHECKING:
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

_HOMES = {
    "Build": "folder",
    "BuildProgress": "coordinator",
    "BuildResult": "run",
    "BuildSettings": "specification",
    "CONDITIONS": "measurement_settings",
    "ChipSettings": "measurement_settings",
    "ExampleCounts": "measurement_settings",
    "Measurement": "protocol",
    "MeasurementSettings": "measurement_settings",
    "MergeReport": "merge",
    "MetricComparison": "compare",
    "NetworkMeasurement": "measurement",
    "PoolWorkers": "workers",
    "Repeats": "specification",
    "Result": "protocol",
    "SampleSettings": "specification",
    "SerialWorkers": "workers",
    "TableComparison": "compare",
    "UnitResult": "unit_result",
    "VerifyReport": "verify",
    "WORKERS": "workers",
    "Workers": "workers",
    "add_architectures": "additions",
    "add_further": "additions",
    "add_seeds": "additions",
    "add_table": "additions",
    "builtin_specifications": "specification",
    "choose_architectures": "sampling",
    "compare_tables": "compare",
    "find_specification": "specification",
    "make_workers": "workers",
    "merge_build": "merge",
    "merge_tables": "merge",
    "resume_build": "run",
    "run_build": "run",
    "start_with_tables": "run",
    "status_of": "status",
    "status_text": "status",
    "verify_build": "verify",
    "verify_table": "verify",
}

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

_lazy, __dir__ = lazy_exports(__name__, _HOMES)
__getattr__ = former_names(
    __name__,
    {"Comparison": "TableComparison", "default_workers": "make_workers"},
    otherwise=_lazy,
)
