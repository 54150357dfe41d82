"""Device physics: programming and read noise, drift, weight mappings."""

from .blocks import Generators, split_generator
from .chip import Chip
from .custom import CustomDrift
from .device import Device, Law
from .device_files import (
    describe_devices,
    device_from_dict,
    device_to_dict,
    find_device,
    load_device,
    save_device,
)
from .hermes import Hermes
from .mapping import DifferentialPair, Mapping, MultiPair, SingleDevice, normalize_weights
from .pcm import PCM
from .power_law import Ideal, PowerLaw, PowerLawDevice, StateIndependent
from .presets import DEVICES, MODELS, get_device, register_device
from .reram import ReRAMCMO, ReRAMWan2022

__all__ = [
    "DEVICES",
    "MODELS",
    "PCM",
    "Chip",
    "CustomDrift",
    "Device",
    "DifferentialPair",
    "Generators",
    "Hermes",
    "Ideal",
    "Law",
    "Mapping",
    "MultiPair",
    "PowerLaw",
    "PowerLawDevice",
    "ReRAMCMO",
    "ReRAMWan2022",
    "SingleDevice",
    "StateIndependent",
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
