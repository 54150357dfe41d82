"""The names of the package ``analognasbench``, for its scripts: only their import lines change."""

from __future__ import annotations

import os

from .analognasbench import AnalogNASBench as _Table
from .lenient_bench import LenientBench
from .readings import DriftReading as DriftMeasurement

__all__ = ["AnalogNASBench", "DriftMeasurement"]


class AnalogNASBench(LenientBench):
    """The table, with texts for architectures that do not exist; see :meth:`.AnalogNASBench.lenient`.

    Args:
        path: A Parquet file of the same format; by default the shipped table.

    Example:
        >>> bench = AnalogNASBench()
        >>> bench.query_metric((0, 0, 0, 4, 3, 5), "analog_accuracy")
        'architecture not found'
        >>> isinstance(bench.query_metric((0, 0, 0, 4, 3, 2), "analog_drift_60"), DriftMeasurement)
        True
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        super().__init__(_Table(path))
