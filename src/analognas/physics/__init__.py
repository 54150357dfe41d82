"""Device physics: programming and read noise, drift, weight mappings."""

from ..core.former_names import former_names
from .cache_blocks import Generators, split_generator
from .custom import CustomDrift
from .device import MODELS, Device, Law
from .fitted import FittedPowerLaw, FittedRelaxation
from .hermes import Hermes
from .mapping import DifferentialPair, MultiPair, SingleDevice, WeightMapping, normalize_weights
from .pcm import PCM
from .power_law import Ideal, PowerLaw, PowerLawDevice, StateIndependent
from .presets import (
    DEVICES,
    describe_devices,
    device_from_dict,
    device_to_dict,
    find_device,
    get_device,
    load_device,
    register_device,
    save_device,
)
from .programmed_devices import ProgrammedDevices
from .reram import ReRAMCMO, ReRAMWan2022

__all__ = [
    "DEVICES",
    "MODELS",
    "PCM",
    "CustomDrift",
    "Device",
    "DifferentialPair",
    "FittedPowerLaw",
    "FittedRelaxation",
    "Generators",
    "Hermes",
    "Ideal",
    "Law",
    "MultiPair",
    "PowerLaw",
    "PowerLawDevice",
    "ProgrammedDevices",
    "ReRAMCMO",
    "ReRAMWan2022",
    "SingleDevice",
    "StateIndependent",
    "WeightMapping",
    "describe_devices",
    "device_from_dict",
    "device_to_dict",
    "find_device",
    "get_device",
    "load_device",
    "normalize_weights",
    "register_device",
    "save_device",
    "split_generator",
]

__getattr__ = former_names(
    __name__, {"Chip": "programmed_devices:ProgrammedDevices", "Mapping": "mapping:WeightMapping"}
)
