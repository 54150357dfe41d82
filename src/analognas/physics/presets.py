"""Devices and device models by name."""

from __future__ import annotations

from ..core import InvalidArgumentError, Registry
from .custom import CustomDrift
from .device import Device
from .hermes import Hermes
from .pcm import PCM
from .power_law import Ideal, PowerLaw, StateIndependent
from .reram import ReRAMCMO, ReRAMWan2022

MODELS: Registry[type[Device]] = Registry(
    "device model",
    {
        model.__name__: model
        for model in (
            PCM,
            PowerLaw,
            Hermes,
            ReRAMWan2022,
            ReRAMCMO,
            CustomDrift,
            StateIndependent,
            Ideal,
        )
    },
)
"""Classes that a device file may name."""

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
"""Devices that a person may ask for by name."""


def get_device(name: str) -> Device:
    """Return the device called ``name``.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.

    Example:
        >>> get_device("PCM").g_max
        25.0
    """
    return DEVICES.get(name)


def register_device(name: str, device: Device) -> None:
    """Make ``device`` known under ``name``, and its class to device files.

    Args:
        name: A name that is not taken.
        device: The device.

    Raises:
        InvalidArgumentError: If ``device`` is none, or a name is taken by another.
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
