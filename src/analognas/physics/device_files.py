"""Devices as YAML or JSON files: an explicit schema, read strictly, written atomically.

A file holds one mapping: ``model`` names the class, every other key is one of its arguments::

    model: PCM
    g_max: 25.0
    prog_noise_scale: 0.5

Arguments left out have their defaults; unknown keys are refused.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import yaml

from ..core import (
    InvalidArgumentError,
    check_choice,
    dump_json,
    write_text,
)
from .checks import check_quantity, interval
from .device import Device
from .presets import DEVICES, MODELS

_EXPONENT = re.compile(r"[-+]?\d+[eE][-+]?\d+")
ENDINGS = (".yaml", ".yml", ".json")
"""Endings of device files."""


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
    if not isinstance(payload, Mapping) or not all(isinstance(key, str) for key in payload):
        raise InvalidArgumentError(
            f"A device must be a mapping of names to values, but got {type(payload).__name__}."
        )
    if "model" not in payload:
        raise InvalidArgumentError(
            "A device must name its `model`, but got no such key. "
            f"Choices: {', '.join(MODELS.names())}."
        )
    model = MODELS.get(payload["model"])
    hints = get_type_hints(model)
    kinds = {field.name: hints[field.name] for field in fields(model)}
    arguments: dict[str, Any] = {}
    for name, value in payload.items():
        if name == "model":
            continue
        check_choice(f"{model.__name__} argument", name, kinds)
        arguments[name] = _plain(name, value, kinds[name])
    return model(**arguments)


def save_device(device: Device, path: str | os.PathLike[str]) -> None:
    """Write ``device`` to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Raises:
        UnknownNameError: If the ending is another one, or its class is not registered.
        OutputFolderError: If the folder does not exist or cannot be written to.
    """
    payload = device_to_dict(device)
    as_json = _ending(path) == ".json"
    write_text(
        path, dump_json(payload) + "\n" if as_json else yaml.safe_dump(payload, sort_keys=False)
    )


def load_device(path: str | os.PathLike[str]) -> Device:
    """Read a device from a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        InvalidArgumentError: If the file cannot be read or is no such mapping.
        UnknownNameError: If the ending, the model or a key is unknown.
        PhysicalRangeError: If a value is outside its range.
    """
    ending = _ending(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
        payload = json.loads(text) if ending == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InvalidArgumentError(f"Cannot read a device from {str(path)!r}: {reason}.") from None
    return device_from_dict(payload if ending == ".json" else _exponents_as_numbers(payload))


def find_device(name: str) -> Device:
    """Return the device called ``name``, or read it where ``name`` ends as a device file does.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.
        InvalidArgumentError: If the file cannot be read.
    """
    return load_device(name) if Path(name).suffix.lower() in ENDINGS else DEVICES.get(name)


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


def _exponents_as_numbers(value: Any) -> Any:
    """YAML 1.1 takes 1e-6, which has no point, for a text; people mean the number."""
    if isinstance(value, dict):
        return {key: _exponents_as_numbers(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_exponents_as_numbers(entry) for entry in value]
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def _ending(path: str | os.PathLike[str]) -> str:
    return check_choice("device file ending", Path(path).suffix.lower(), ENDINGS)


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
