"""Tables of measured networks, and their file format."""

from ..core.former_names import former_names
from .analognasbench import SHIPPED_CHECKSUM, SHIPPED_TABLE, AnalogNASBench
from .csv_table import read_csv_table
from .hardware_table import CellCosts, LayerCosts, add_hw_nas_bench
from .hwnasbench import HWNASBench
from .lenient_bench import LenientBench
from .measured import MeasuredTable, find_table
from .measured_quality import MeasuredQuality
from .measured_rows import ENDINGS, MEASURED, TableRows, read_rows, write_rows
from .measurements import MEASUREMENTS, HardwareCost, MeasurementMethod, Provenance
from .nasbench201 import ACCURACY_SPLITS, Accuracies, NASBench201, add_nas_bench_201
from .net_configs import get_cell_based_tiny_net, get_fbnet
from .quality import LabelNoise, QualityReport
from .readings import DriftReading
from .table_file import Table, read_table, write_table
from .true_values import LabelNoiseModel, TrueValues

__all__ = [
    "ACCURACY_SPLITS",
    "ENDINGS",
    "MEASURED",
    "MEASUREMENTS",
    "SHIPPED_CHECKSUM",
    "SHIPPED_TABLE",
    "Accuracies",
    "AnalogNASBench",
    "CellCosts",
    "DriftReading",
    "HWNASBench",
    "HardwareCost",
    "LabelNoise",
    "LabelNoiseModel",
    "LayerCosts",
    "LenientBench",
    "MeasuredQuality",
    "MeasuredTable",
    "MeasurementMethod",
    "NASBench201",
    "Provenance",
    "QualityReport",
    "Table",
    "TableRows",
    "TrueValues",
    "add_hw_nas_bench",
    "add_nas_bench_201",
    "find_table",
    "get_cell_based_tiny_net",
    "get_fbnet",
    "read_csv_table",
    "read_rows",
    "read_table",
    "write_rows",
    "write_table",
]

__getattr__ = former_names(__name__, {"Measurement": "MeasurementMethod"})
