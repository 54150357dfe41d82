"""Configurations as YAML or JSON files: an explicit schema, read strictly, written atomically.

A file holds one mapping with the fields of :class:`AnalogConfig`; parts are mappings of their own::

    device: {model: PCM, g_max: 25.0}
    tile: {rows: 512, columns: 512}
    out_noise: 0.04

Fields left out have their defaults; unknown keys are refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from ..core import InvalidArgumentError, Registry, check_choice, dump_json, write_text
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

ENDINGS = (".yaml", ".yml", ".json")
"""Endings of configuration files."""

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
    for name, value in _mapping("configuration", payload).items():
        check_choice("configuration key", name, known)
        if name == "device":
            arguments[name] = device_from_dict(value)
        elif name == "pair":
            chosen = dict(_mapping(name, value))
            arguments[name] = _make(name, MAPPINGS.get(chosen.pop("model", "")), chosen)
        elif name in PARTS:
            arguments[name] = _make(name, PARTS[name], _mapping(name, value))
        else:
            arguments[name] = tuple(value) if isinstance(value, list) else value
    return AnalogConfig(**arguments)


def save_config(config: AnalogConfig, path: str | os.PathLike[str]) -> None:
    """Write ``config`` to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Raises:
        UnknownNameError: If the ending is another one, or a class is not registered.
        OutputFolderError: If the folder does not exist or cannot be written to.
    """
    payload = config_to_dict(config)
    is_json = _ending(path) == ".json"
    write_text(
        path, dump_json(payload) + "\n" if is_json else yaml.safe_dump(payload, sort_keys=False)
    )


def load_config(path: str | os.PathLike[str]) -> AnalogConfig:
    """Read a configuration from a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        InvalidArgumentError: If the file cannot be read or holds something else.
        UnknownNameError: If the ending, a key or a choice is unknown.
        PhysicalRangeError: If an argument of the device is outside its range.
    """
    ending = _ending(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
        payload = json.loads(text) if ending == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        message = f"Cannot read a configuration from {str(path)!r}: {reason}."
        raise InvalidArgumentError(message) from None
    return config_from_dict(payload)


def find_config(name: str) -> AnalogConfig:
    """Return the preset called ``name``, or read it where ``name`` ends as a configuration file does.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.
        InvalidArgumentError: If the file cannot be read.
    """
    return load_config(name) if Path(name).suffix.lower() in ENDINGS else PRESETS.get(name)


def _ending(path: str | os.PathLike[str]) -> str:
    return check_choice("configuration file ending", Path(path).suffix.lower(), ENDINGS)


def _values(part: Any) -> dict[str, Any]:
    return {entry.name: _plain(getattr(part, entry.name)) for entry in fields(part)}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _mapping(name: str, payload: Any) -> Mapping[str, Any]:
    if not isinstance(payload, Mapping) or not all(isinstance(key, str) for key in payload):
        raise InvalidArgumentError(
            f"`{name}` must be a mapping of names to values, but got {type(payload).__name__}."
        )
    return payload


def _make(name: str, kind: type, arguments: Mapping[str, Any]) -> Any:
    known = [entry.name for entry in fields(kind)]
    for key in arguments:
        check_choice(f"{name} argument", key, known)
    plain = {key: tuple(x) if isinstance(x, list) else x for key, x in arguments.items()}
    return kind(**plain)
