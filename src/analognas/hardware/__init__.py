"""What a network costs on a tiled analog chip: crossbars, latency, energy, area."""

from .chip import AIMCChip
from .chip_files import chip_from_dict, chip_to_dict, find_chip, load_chip, save_chip
from .cost import ChipCost, LayerCost, network_cost, population_costs
from .presets import CHIPS, register_chip
from .trace import NamedLayers, trace_layers

__all__ = [
    "CHIPS",
    "AIMCChip",
    "ChipCost",
    "LayerCost",
    "NamedLayers",
    "chip_from_dict",
    "chip_to_dict",
    "find_chip",
    "load_chip",
    "network_cost",
    "population_costs",
    "register_chip",
    "save_chip",
    "trace_layers",
]
