"""What a network costs on a tiled analog chip: crossbars, latency, energy, area.

Tracing a network needs torch, which is loaded on first use: populations are counted without it.
"""

from typing import TYPE_CHECKING

from ..lazy_exports import lazy_exports
from ..spaces import NamedLayers
from .calibration import MeasuredPoint, calibrate
from .chip import CHIPS, AIMCChip
from .cost import ChipCost, LayerCost, architecture_cost, network_cost, population_costs
from .mixed_chips import mixed_cost
from .mvm_model import MVMCost, mvm_cost
from .mvm_unit import Calibration, MVMUnit
from .policy_comparison import UpkeepResult, upkeep
from .presets import (
    chip_from_dict,
    chip_to_dict,
    find_chip,
    load_chip,
    register_chip,
    save_chip,
)
from .programming import Programming, noise_scale
from .recalibration import RecalibrationCost, recalibration_cost
from .unit_chips import unit_chip
from .unit_presets import UNITS, find_unit
from .upkeep_policies import UpkeepPolicy, UpkeepSettings
from .writing_costs import ProgrammingCost, programming_cost

if TYPE_CHECKING:
    from .trace import trace_layers

__all__ = [
    "CHIPS",
    "UNITS",
    "AIMCChip",
    "Calibration",
    "ChipCost",
    "LayerCost",
    "MVMCost",
    "MVMUnit",
    "MeasuredPoint",
    "NamedLayers",
    "Programming",
    "ProgrammingCost",
    "RecalibrationCost",
    "UpkeepPolicy",
    "UpkeepResult",
    "UpkeepSettings",
    "architecture_cost",
    "calibrate",
    "chip_from_dict",
    "chip_to_dict",
    "find_chip",
    "find_unit",
    "load_chip",
    "mixed_cost",
    "mvm_cost",
    "network_cost",
    "noise_scale",
    "population_costs",
    "programming_cost",
    "recalibration_cost",
    "register_chip",
    "save_chip",
    "trace_layers",
    "unit_chip",
    "upkeep",
]


__getattr__, __dir__ = lazy_exports(__name__, {"trace_layers": "trace"})
