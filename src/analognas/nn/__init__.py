"""Analog layers: tiles with converters and noise, hardware-aware training, simulated chips."""

from .attention import AnalogMultiheadAttention
from .config import (
    ADC,
    DAC,
    AnalogConfig,
    Clip,
    DriftCompensation,
    InputRange,
    ReadNoise,
    TileSize,
    WeightModifier,
    WeightScaling,
)
from .config_files import config_from_dict, config_to_dict, find_config, load_config, save_config
from .conv import AnalogConv1d, AnalogConv2d, AnalogConv3d
from .convert import StaysDigitalWarning, to_analog
from .converters import register_converter
from .digital import to_digital
from .exchange import become
from .layer import AnalogLayer, analog_layers, set_modifier_factor
from .linear import AnalogLinear
from .matrix import AnalogComposite, MatrixTiles
from .model import at_time, attach, calibrate, clip_and_remap, program, run_chips, set_mode
from .presets import PRESETS, get_config
from .recurrent import AnalogGRU, AnalogLSTM
from .summary import LayerSummary, ModelSummary, summary

__all__ = [
    "ADC",
    "DAC",
    "PRESETS",
    "AnalogComposite",
    "AnalogConfig",
    "AnalogConv1d",
    "AnalogConv2d",
    "AnalogConv3d",
    "AnalogGRU",
    "AnalogLSTM",
    "AnalogLayer",
    "AnalogLinear",
    "AnalogMultiheadAttention",
    "Clip",
    "DriftCompensation",
    "InputRange",
    "LayerSummary",
    "MatrixTiles",
    "ModelSummary",
    "ReadNoise",
    "StaysDigitalWarning",
    "TileSize",
    "WeightModifier",
    "WeightScaling",
    "analog_layers",
    "at_time",
    "attach",
    "become",
    "calibrate",
    "clip_and_remap",
    "config_from_dict",
    "config_to_dict",
    "find_config",
    "get_config",
    "load_config",
    "program",
    "register_converter",
    "run_chips",
    "save_config",
    "set_mode",
    "set_modifier_factor",
    "summary",
    "to_analog",
    "to_digital",
]
