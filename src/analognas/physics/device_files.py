"""Devices as YAML or JSON files: an explicit schema, read strictly, written atomically.

A file holds one mapping: ``model`` names the class, every other key is one of its arguments::

    model: PCM
    g_max: 25.0
    prog_noise_scale: 0.5

Arguments left out have their defaults; unknown keys are refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_origin, get_type_hints

from ..core import InvalidArgumentError, check_choice
from ..core.config_files import (
    check_keys,
    check_mapping,
    is_config_file,
    read_mapping,
    write_mapping,
)
from .checks import check_quantity, interval
from .device import Device
from .presets import DEVICES, MODELS

_KIND = "device"


def device_to_dict(device: Device) -> dict[str, Any]:
    """Return ``device`` as plain numbers and lists: ``model`` and all its arguments.

    Raises:
        UnknownNameError: If its class is not registered, since it could not be read back.

    Example:
        >>> from analognas.physics import PowerLaw
        >>> device_to_dict(PowerLaw(nu=0.05))["nu"]
        0.05
    """
    check_choice("device model", type(device).__name__, MODELS)
    arguments = {field.name: getattr(device, field.name) for field in fields(device)}
    plain = {
        name: [float(entry) for entry in value] if isinstance(value, tuple) else value
        for name, value in arguments.items()
    }
    return {"model": type(device).__name__, **plain}


def device_from_dict(payload: Mapping[str, Any]) -> Device:
    """Make a device from what :func:`device_to_dict` returned, or a part of it.

    Raises:
        InvalidArgumentError: If ``payload`` is no mapping, or an argument has the wrong form.
        UnknownNameError: If the model or a key is unknown; names the nearest.
        PhysicalRangeError: If a value is outside its range.

    Example:
        >>> device_from_dict({"model": "PowerLaw", "nu": 0.05}).nu
        0.05
    """
    check_mapping(_KIND, payload)
    if "model" not in payload:
        raise InvalidArgumentError(
            "A device must name its `model`, but got no such key. "
            f"Choices: {', '.join(MODELS.names())}."
        )
    model = MODELS.get(payload["model"])
    hints = get_type_hints(model)
    kinds = {field.name: hints[field.name] for field in fields(model)}
    arguments = {name: value for name, value in payload.items() if name != "model"}
    check_keys(f"{model.__name__} argument", arguments, kinds)
    return model(**{name: _plain(name, value, kinds[name]) for name, value in arguments.items()})


def save_device(device: Device, path: str | os.PathLike[str]) -> None:
    """Write ``device`` to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Raises:
        UnknownNameError: If the ending is another one, or its class is not registered.
        OutputFolderError: If the folder does not exist or cannot be written to.
    """
    write_mapping(path, device_to_dict(device), _KIND)


def load_device(path: str | os.PathLike[str]) -> Device:
    """Read a device from a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        InvalidArgumentError: If the file cannot be read or is no such mapping.
        UnknownNameError: If the ending, the model or a key is unknown.
        PhysicalRangeError: If a value is outside its range.
    """
    return device_from_dict(read_mapping(path, _KIND))


def find_device(name: str) -> Device:
    """Return the device called ``name``, or read it where ``name`` ends as a device file does.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.
        InvalidArgumentError: If the file cannot be read.
    """
    return load_device(name) if is_config_file(name) else DEVICES.get(name)


def describe_devices() -> list[dict[str, Any]]:
    """Return what is known of every device that has a name.

    Returns:
        One mapping a device: its ``name``, ``source``, ``fitted_range``, the times it may be asked
        for as ``t_range`` (text, s), and all that :func:`device_to_dict` returns.
    """
    return [
        {
            "name": name,
            "source": DEVICES.get(name).source,
            "fitted_range": DEVICES.get(name).fitted_range,
            "t_range": interval(*DEVICES.get(name).t_range),
            **device_to_dict(DEVICES.get(name)),
        }
        for name in DEVICES
    ]


def _plain(name: str, value: Any, kind: Any) -> Any:
    """Return ``value`` as the plain type that a field of ``kind`` (its annotation) holds."""
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise InvalidArgumentError(f"`{name}` must be a list of numbers, but got {value!r}.")
        return tuple(check_quantity(f"{name}[{i}]", entry) for i, entry in enumerate(value))
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidArgumentError(f"`{name}` must be an integer, but got {value!r}.")
        return value
    return check_quantity(name, value)
