"""Tables of measured networks, and their file format."""

from .analognasbench import AnalogNASBench
from .quality import LabelNoise, QualityReport
from .readings import DriftReading
from .table_file import Table, read_table, write_table

__all__ = [
    "AnalogNASBench",
    "DriftReading",
    "LabelNoise",
    "QualityReport",
    "Table",
    "read_table",
    "write_table",
]
