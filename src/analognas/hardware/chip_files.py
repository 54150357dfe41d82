"""Chips as YAML or JSON files: a mapping of the arguments of :class:`AIMCChip`.

A file may start from a chip that has a name::

    base: hermes
    name: bigger
    n_tiles: 256
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any

from ..core import InvalidArgumentError
from ..core.config_files import (
    check_keys,
    check_mapping,
    is_config_file,
    read_mapping,
    write_mapping,
)
from .chip import AIMCChip
from .presets import CHIPS

__all__ = ["chip_from_dict", "chip_to_dict", "find_chip", "load_chip", "save_chip"]

_KIND = "chip"


def chip_to_dict(chip: AIMCChip) -> dict[str, Any]:
    """Return all arguments of ``chip`` as plain values."""
    return asdict(chip)


def chip_from_dict(payload: Mapping[str, Any]) -> AIMCChip:
    """Make a chip from its arguments; with ``base``, the name of a chip, from those that differ.

    Raises:
        InvalidArgumentError: If an argument is missing, of the wrong kind or out of range.
        UnknownNameError: If a key or the base is unknown; names the nearest.

    Example:
        >>> chip_from_dict({"base": "hermes", "n_tiles": 256}).mvm_latency
        133.0
    """
    check_mapping(_KIND, payload)
    known = {field.name: field for field in fields(AIMCChip)}
    check_keys("chip argument", payload, ["base", *known])
    start = chip_to_dict(CHIPS.get(payload["base"])) if "base" in payload else {}
    arguments = start | {name: value for name, value in payload.items() if name != "base"}
    for name, field in known.items():
        if field.default is MISSING and name not in arguments:
            raise InvalidArgumentError(f"A chip must have `{name}`, but it is missing.")
    return AIMCChip(**arguments)


def save_chip(chip: AIMCChip, path: str | os.PathLike[str]) -> None:
    """Write ``chip`` to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Raises:
        UnknownNameError: If the ending is another one.
        OutputFolderError: If it cannot be written.
    """
    write_mapping(path, chip_to_dict(chip), _KIND)


def load_chip(path: str | os.PathLike[str]) -> AIMCChip:
    """Read a chip from a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        InvalidArgumentError: If it cannot be read, or as :func:`chip_from_dict`.
        UnknownNameError: If the ending, a key or the base is unknown.
    """
    return chip_from_dict(read_mapping(path, _KIND))


def find_chip(name: str) -> AIMCChip:
    """Return the chip called ``name``, or read it where ``name`` ends as a chip file does.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.
        InvalidArgumentError: If the file cannot be read.

    Example:
        >>> find_chip("hermes").n_tiles
        64
    """
    return load_chip(name) if is_config_file(name) else CHIPS.get(name)
