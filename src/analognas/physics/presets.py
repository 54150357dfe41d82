"""Devices by name, and devices in YAML and JSON files.

A device file holds the name of the model and the entries that differ from its defaults::

    model: PCM
    g_max: 25.0
    prog_noise_scale: 0.5
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..core import InvalidArgumentError, Registry
from ..core.config_files import is_config_file
from .checks import interval
from .custom import CustomDrift
from .device import MODELS, Device
from .fitted import FittedPowerLaw, FittedRelaxation
from .hermes import Hermes
from .pcm import PCM
from .power_law import Ideal, PowerLaw, StateIndependent
from .reram import ReRAMCMO, ReRAMWan2022

for _model in (
    PCM, PowerLaw, Hermes, ReRAMWan2022, ReRAMCMO, CustomDrift, StateIndependent, Ideal, FittedPowerLaw,
    FittedRelaxation,
):  # fmt: skip
    MODELS.add(_model.__name__, _model)

DEVICES: Registry[Device] = Registry(
    "device",
    {
        "PCM": PCM(),
        "Hermes": Hermes(),
        "Hermes-1": Hermes(n_devices=1),
        "ReRAMWan2022": ReRAMWan2022(),
        "ReRAMCMO": ReRAMCMO(),
        "ReRAMCMO-2": ReRAMCMO(acceptance=2.0),
        "PowerLaw": PowerLaw(),
        "PowerLaw-0.05": PowerLaw(nu=0.05, t_0=20.0),
        "StateIndependent": StateIndependent(),
        "Ideal": Ideal(),
    },
)
"""Devices by name."""


def get_device(name: str) -> Device:
    """Return the device called ``name``.

    Raises:
        UnknownNameError: If there is no such device. The message contains the nearest name.

    Example:
        >>> get_device("PCM").g_max
        25.0
    """
    return DEVICES.get(name)


def register_device(name: str, device: Device) -> None:
    """Register a device under a name, and its class for device files.

    Args:
        name: The name.
        device: The device.

    Raises:
        InvalidArgumentError: If ``device`` is not a device, or the name of the device or its class is taken.

    Example:
        >>> register_device("slow-PCM", find_device("PCM").replace(drift_scale=0.5))
        >>> find_device("slow-PCM").drift_scale
        0.5
    """
    if not isinstance(device, Device):
        raise InvalidArgumentError(
            f"`device` must be an instance of a Device, but got {type(device).__name__}."
        )
    model = type(device)
    if name in DEVICES:
        raise InvalidArgumentError(f"device {name!r} is already registered; choose another name.")
    if model.__name__ not in MODELS:
        MODELS.add(model.__name__, model)
    elif MODELS.get(model.__name__) is not model:
        raise InvalidArgumentError(
            f"device model {model.__name__!r} is already registered; choose another name."
        )
    DEVICES.add(name, device)


def device_to_dict(device: Device) -> dict[str, Any]:
    """Return the model and all entries of a device as plain values.

    Raises:
        UnknownNameError: If the class of the device is not registered.

    Example:
        >>> device_to_dict(PowerLaw(nu=0.05))["nu"]
        0.05
    """
    return device.to_dict()


def device_from_dict(payload: Mapping[str, Any]) -> Device:
    """Make a device from its model and its entries. Omitted entries have their defaults.

    Raises:
        UnknownNameError: If the model or an entry is unknown. The message contains the nearest name.
        InvalidArgumentError: If ``payload`` is not a mapping or has no model, or an entry has the wrong type.
        PhysicalRangeError: If a value is outside its range.

    Example:
        >>> device_from_dict({"model": "PowerLaw", "nu": 0.05}).nu
        0.05
    """
    return Device.from_dict(payload)


def save_device(device: Device, path: str | os.PathLike[str]) -> None:
    """Write a device to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Raises:
        UnknownNameError: If the file ending is unknown, or the class of the device is not registered.
        OutputFolderError: If the file cannot be written.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas.physics import PCM
        >>> save_device(PCM(), f"{folder}/pcm.yaml")
        >>> os.listdir(folder)
        ['pcm.yaml']
    """
    device.save(path)


def load_device(path: str | os.PathLike[str]) -> Device:
    """Read a device from a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        UnknownNameError: If the file ending, the model or an entry is unknown.
        InvalidArgumentError: If the file cannot be read, or an entry has the wrong type.
        PhysicalRangeError: If a value is outside its range.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas.physics import PCM, save_device
        >>> save_device(PCM(), f"{folder}/pcm.yaml")
        >>> load_device(f"{folder}/pcm.yaml").g_max
        25.0
    """
    return Device.load(path)


def find_device(name: str) -> Device:
    """Return a device by its name or from its file.

    Args:
        name: A name, or a path that ends in ``.yaml``, ``.yml`` or ``.json``.

    Raises:
        UnknownNameError: If there is no such device. The message contains the nearest name.
        InvalidArgumentError: If the file cannot be read.

    Example:
        >>> find_device("PCM").g_max
        25.0
    """
    return load_device(name) if is_config_file(name) else DEVICES.get(name)


def describe_devices() -> list[dict[str, Any]]:
    """Return a description of each registered device.

    Returns:
        A mapping for each device: ``name``, ``source``, ``fitted_range``, the valid times as ``t_range`` (text,
        s), and the entries that :func:`device_to_dict` returns.

    Example:
        >>> "PCM" in str(describe_devices())
        True
    """
    described = []
    for name in DEVICES:
        device = DEVICES.get(name)
        about = {"name": name, "source": device.source, "fitted_range": device.fitted_range}
        described.append({**about, "t_range": interval(*device.t_range), **device.to_dict()})
    return described
