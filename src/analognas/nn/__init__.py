"""Analog layers: tiles with converters and noise, hardware-aware training, simulated chips."""

from ..core.former_names import former_names
from .aihwkit_states import load_aihwkit_state
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
from .convert.converters import register_converter
from .convert.module_surgery import change_class
from .convert.to_analog import StaysDigitalWarning, to_analog
from .convert.to_digital import to_digital
from .distributed.gather_ranges import gather_input_ranges
from .layers.attention import AnalogMultiheadAttention
from .layers.base import AnalogLayer
from .layers.composite import AnalogComposite, MatrixTiles
from .layers.conv import AnalogConv1d, AnalogConv2d, AnalogConv3d
from .layers.linear import AnalogLinear
from .layers.model_layers import analog_layers, network_config, set_modifier_factor
from .layers.recurrent import AnalogGRU, AnalogLSTM
from .lifecycle import at_time, attach, calibrate, clip_and_remap, program, run_chips, set_mode
from .norms.fuse import fuse_norms, rectified, register_fused, unfuse_norms
from .norms.memory_format import channels_first, channels_last
from .presets import (
    PRESETS,
    config_from_dict,
    config_to_dict,
    find_config,
    get_config,
    load_config,
    save_config,
)
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
    "calibrate",
    "change_class",
    "channels_first",
    "channels_last",
    "clip_and_remap",
    "config_from_dict",
    "config_to_dict",
    "find_config",
    "fuse_norms",
    "gather_input_ranges",
    "get_config",
    "load_aihwkit_state",
    "load_config",
    "network_config",
    "program",
    "rectified",
    "register_converter",
    "register_fused",
    "run_chips",
    "save_config",
    "set_mode",
    "set_modifier_factor",
    "summary",
    "to_analog",
    "to_digital",
    "unfuse_norms",
]

__getattr__ = former_names(__name__, {"become": "convert.module_surgery:change_class"})
