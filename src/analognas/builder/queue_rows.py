"""Reading and writing rows of a work queue, with checksums of results and checks of all types."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..core import ResumeError
from ..core.files import json_checksum
from ..core.limits import parse_json, shown
from .lease_owners import Owner
from .units import STATES

__all__ = ["SELECT", "checksum", "genotype_of", "result_of", "sealed", "unit_of"]

_KEY = "sha256"
_RESULT = {"values", "stds", "sems"}
_NUMBER = (int, float)
_FIELDS = {
    "position": (int,),
    "seed": (int,),
    "condition": (str,),
    "state": (int,),
    "attempts": (int,),
    "owner": (str, type(None)),
    "result": (str, type(None)),
    "error": (str, type(None)),
    "seconds": (*_NUMBER, type(None)),
    "cpu_seconds": (*_NUMBER, type(None)),
    "finished": (*_NUMBER, type(None)),
}
SELECT = (
    f"SELECT {', '.join(_FIELDS)}, genotype FROM units LEFT JOIN architectures USING (position) "
    "ORDER BY id"
)
"""Selects all units in the order of the queue."""


def checksum(result: Any, about: Any) -> str:
    """Return the SHA-256 of a result and its unit, JSON types."""
    return json_checksum([about, result])


def sealed(result: Mapping[str, Any], about: Sequence[Any]) -> str:
    """Return a result as JSON with its checksum.

    Args:
        result: ``values``, ``stds`` and ``sems``.
        about: Position, seed, condition and genotype (JSON) of its unit.
    """
    return json.dumps({**result, _KEY: checksum(result, list(about))})


def result_of(text: Any, about: Sequence[Any]) -> dict[str, Any]:
    """Return the result that :func:`sealed` wrote; results of earlier versions have no checksum.

    Raises:
        ResumeError: If it is damaged.
    """
    position, seed, condition, _ = about
    what = f"the result of {shown(condition, 60)!r} of architecture {position}, seed {seed},"
    found = _json(text)
    stated = found.pop(_KEY, None) if isinstance(found, dict) else None
    sound = isinstance(found, dict) and all(
        isinstance(part, dict) and all(type(value) in _NUMBER for value in part.values())
        for part in found.values()
    )
    if not sound or found.keys() != _RESULT:
        raise ResumeError(f"{what} is not one")
    if stated is not None and stated != checksum(found, list(about)):
        raise ResumeError(f"{what} does not match its checksum")
    return dict(found)


def genotype_of(text: Any) -> tuple[int, ...]:
    """Return a genotype from JSON.

    Raises:
        ResumeError: If it is not a genotype.
    """
    genes = _json(text)
    if not isinstance(genes, list) or not all(type(gene) is int for gene in genes):
        raise ResumeError(f"it has the genotype {shown(repr(text), 60)}")
    return tuple(genes)


def unit_of(row: Sequence[Any]) -> dict[str, Any]:
    """Return a row of :data:`SELECT` as a mapping by the names of its columns, the result read.

    Raises:
        ResumeError: If a field has the wrong type, or the result does not match its checksum.
    """
    unit = dict(zip(_FIELDS, row, strict=False))
    for name, kinds in _FIELDS.items():
        if type(unit[name]) not in kinds:
            raise ResumeError(f"a unit has {shown(repr(unit[name]), 60)} as {name!r}")
    if not 0 <= unit["state"] < len(STATES):
        raise ResumeError(f"a unit has {unit['state']} as 'state'")
    unit["state"] = STATES[unit["state"]]
    if (unit["state"] == "done") != (unit["result"] is not None):
        raise ResumeError(f"a unit is {unit['state']}, but its result says otherwise")
    if unit["owner"] is not None:
        Owner.read(unit["owner"])
    if unit["result"] is not None:
        about = unit["position"], unit["seed"], unit["condition"], row[-1]
        unit["result"] = result_of(unit["result"], about)
    return unit


def _json(text: Any) -> Any:
    if not isinstance(text, str):
        raise ResumeError(f"it has {shown(repr(text), 60)} as JSON")
    return parse_json(text, where="its JSON", error=ResumeError)
