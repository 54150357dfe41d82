"""Configurations as YAML or JSON files: an explicit schema, read strictly, written atomically.

A file holds one mapping with the fields of :class:`AnalogConfig`; parts are mappings of their own::

    device: {model: PCM, g_max: 25.0}
    tile: {rows: 512, columns: 512}
    out_noise: 0.04

Fields left out have their defaults; unknown keys are refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..core import Registry, check_choice
from ..core.config_files import (
    check_keys,
    check_mapping,
    is_config_file,
    read_mapping,
    write_mapping,
)
from ..physics import (
    DifferentialPair,
    MultiPair,
    SingleDevice,
    device_from_dict,
    device_to_dict,
)
from ..physics import Mapping as WeightMapping
from .config import PARTS, AnalogConfig
from .presets import PRESETS

_KIND = "configuration"

MAPPINGS: Registry[type[WeightMapping]] = Registry(
    "weight mapping", {kind.__name__: kind for kind in (DifferentialPair, MultiPair, SingleDevice)}
)
"""Classes that ``pair`` may name."""


def config_to_dict(config: AnalogConfig) -> dict[str, Any]:
    """Return ``config`` as plain numbers, texts, lists and mappings.

    Raises:
        UnknownNameError: If its device or weight mapping is of a class that is not registered.

    Example:
        >>> config_to_dict(AnalogConfig())["adc"]
        {'bits': 8, 'bound': 10.0, 'bound_management': False}
    """
    payload: dict[str, Any] = {}
    for entry in fields(config):
        value = getattr(config, entry.name)
        if entry.name == "device":
            payload[entry.name] = device_to_dict(value)
        elif entry.name == "pair":
            check_choice("weight mapping", type(value).__name__, MAPPINGS)
            payload[entry.name] = {"model": type(value).__name__, **_values(value)}
        else:
            payload[entry.name] = _values(value) if entry.name in PARTS else _plain(value)
    return payload


def config_from_dict(payload: Mapping[str, Any]) -> AnalogConfig:
    """Make a configuration from what :func:`config_to_dict` returned, or a part of it.

    Raises:
        InvalidArgumentError: If something has the wrong form or is outside its range.
        UnknownNameError: If a key or choice is unknown; names the nearest.
        PhysicalRangeError: If an argument of the device is outside its range.

    Example:
        >>> config_from_dict({"tile": {"rows": 256}}).tile
        TileSize(rows=256, columns=512)
    """
    arguments: dict[str, Any] = {}
    known = [entry.name for entry in fields(AnalogConfig)]
    check_keys("configuration key", check_mapping(_KIND, payload), known)
    for name, value in payload.items():
        if name == "device":
            arguments[name] = device_from_dict(value)
        elif name == "pair":
            chosen = dict(check_mapping(name, value))
            arguments[name] = _make(name, MAPPINGS.get(chosen.pop("model", "")), chosen)
        elif name in PARTS:
            arguments[name] = _make(name, PARTS[name], check_mapping(name, value))
        else:
            arguments[name] = tuple(value) if isinstance(value, list) else value
    return AnalogConfig(**arguments)


def save_config(config: AnalogConfig, path: str | os.PathLike[str]) -> None:
    """Write ``config`` to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Raises:
        UnknownNameError: If the ending is another one, or a class is not registered.
        OutputFolderError: If the folder does not exist or cannot be written to.
    """
    write_mapping(path, config_to_dict(config), _KIND)


def load_config(path: str | os.PathLike[str]) -> AnalogConfig:
    """Read a configuration from a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        InvalidArgumentError: If the file cannot be read or holds something else.
        UnknownNameError: If the ending, a key or a choice is unknown.
        PhysicalRangeError: If an argument of the device is outside its range.
    """
    return config_from_dict(read_mapping(path, _KIND))


def find_config(name: str) -> AnalogConfig:
    """Return the preset called ``name``, or read it where ``name`` ends as a configuration file does.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.
        InvalidArgumentError: If the file cannot be read.
    """
    return load_config(name) if is_config_file(name) else PRESETS.get(name)


def _values(part: Any) -> dict[str, Any]:
    return {entry.name: _plain(getattr(part, entry.name)) for entry in fields(part)}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _make(name: str, kind: type, arguments: Mapping[str, Any]) -> Any:
    check_keys(f"{name} argument", arguments, [entry.name for entry in fields(kind)])
    plain = {key: tuple(x) if isinstance(x, list) else x for key, x in arguments.items()}
    return kind(**plain)
