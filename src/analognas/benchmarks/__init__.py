"""Tables of measured networks, and their file format."""

from .analognasbench import AnalogNASBench
from .hardware_table import CellCosts, LayerCosts, add_hw_nas_bench
from .hwnasbench import HWNASBench, get_cell_based_tiny_net, get_fbnet
from .measurements import MEASUREMENTS, HardwareCost, Measurement, Provenance
from .quality import LabelNoise, QualityReport
from .readings import DriftReading
from .table_file import Table, read_table, write_table

__all__ = [
    "MEASUREMENTS",
    "AnalogNASBench",
    "CellCosts",
    "DriftReading",
    "HWNASBench",
    "HardwareCost",
    "LabelNoise",
    "LayerCosts",
    "Measurement",
    "Provenance",
    "QualityReport",
    "Table",
    "add_hw_nas_bench",
    "get_cell_based_tiny_net",
    "get_fbnet",
    "read_table",
    "write_table",
]
