"""What a network costs on a tiled analog chip: crossbars, latency, energy, area.

Tracing a network needs torch, which is loaded on first use: populations are counted without it.
"""

from typing import TYPE_CHECKING, Any

from .chip import AIMCChip
from .chip_files import chip_from_dict, chip_to_dict, find_chip, load_chip, save_chip
from .cost import ChipCost, LayerCost, network_cost, population_costs
from .presets import CHIPS, register_chip

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name not in ("NamedLayers", "trace_layers"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import trace

    return getattr(trace, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
