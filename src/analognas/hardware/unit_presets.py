"""Arrays of measured chips by name, calibrated to their published points, and chip files with an array."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..core import InvalidArgumentError, check_choice
from ..core.checks import value_text
from .calibration import MeasuredPoint, calibrate
from .chip import AIMCChip
from .mvm_unit import MVMUnit
from .silicon.points import OperatingPoint, operating_points
from .unit_chips import unit_chip

__all__ = ["UNITS", "chip_of_unit", "find_unit"]

UNITS = {
    "ambrogio2023": ("Ambrogio 2023", "peak", {}),
    "hermes": ("HERMES 64-core", "one-phase read", {}),
    "hermes-core": ("HERMES core", "0.8 V, 8b in x 4b weight, 256 rows", {}),
    "jia2020": ("Jia 2020", "0.85 V, 1b x 1b", {}),
    "jia2021": ("Jia 2021", "0.8 V, 1b in x 1b weight, 1152 rows", {}),
    # Two cells one below the other hold a weight.
    "neurram": ("NeuRRAM", "4b in, 6b out, one-phase", {"rows": 128}),
}
"""Chip and operating point in the published figures by name, and entries that differ there."""


def find_unit(name: str) -> MVMUnit:
    """Return the array of a measured chip, calibrated to all published points of this chip.

    Raises:
        UnknownNameError: If there is none of this name; lists the choices.

    Example:
        >>> from analognas.hardware import mvm_cost
        >>> cost = mvm_cost(find_unit("hermes-core"))
        >>> round(cost.latency), round(cost.energy, -2)
        (130, 12500.0)
    """
    chip, point, entries = UNITS[check_choice("unit", name, UNITS)]
    own = [found for found in operating_points() if found.chip == chip]
    base = next(found for found in own if found.name == point)
    points = [_measured(found, base.unit) for found in own]
    sources = "; ".join(dict.fromkeys(source for found in own for source in found.sources))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the misfit is in the factors
        known = calibrate(base.unit, points)
    return known.replace(source=f"{chip}: {sources}", **entries)


def _measured(point: OperatingPoint, base: MVMUnit) -> MeasuredPoint:
    entries, known = point.unit.to_dict(), base.to_dict()
    values = {
        "energy": point.energy,
        "latency": point.time * point.unit.repeats,
        "area": point.area,
    }
    return MeasuredPoint(
        changes={name: value for name, value in entries.items() if value != known[name]},
        **{name: value for name, value in values.items() if value == value},
    )


def chip_of_unit(entries: Mapping[str, Any]) -> AIMCChip:
    """Return the chip of a file that describes its array instead of the figures of an MVM.

    Args:
        entries: ``unit``, entries of an :class:`MVMUnit` or the name of one, also with ``base`` and what
            differs; ``measured``, points to calibrate it to; and entries of the chip, such as ``name`` and
            ``n_tiles``.

    Raises:
        InvalidArgumentError: If an entry is missing, of the wrong kind or out of range.
        UnknownNameError: If an entry or a name is unknown.

    Example:
        >>> chip_of_unit({"unit": {"base": "hermes", "input_bits": 4}, "name": "four-bit"}).columns
        256
    """
    rest = dict(entries)
    unit, points = _unit(rest.pop("unit")), rest.pop("measured", None)
    if "base" in rest:
        raise InvalidArgumentError(
            "A chip file must have `base` or `unit`, but has both; omit one, or give `base` of the unit."
        )
    if points is not None:
        if not isinstance(points, Sequence) or isinstance(points, str):
            raise InvalidArgumentError(
                f"`measured` must be a list of measured points, but got {value_text(points)}."
            )
        unit = calibrate(unit, [MeasuredPoint.from_dict(point) for point in points])
    return unit_chip(unit, **{"name": "unnamed", **rest})


def _unit(given: Any) -> MVMUnit:
    if isinstance(given, str):
        return find_unit(given)
    if isinstance(given, Mapping) and "base" in given:
        changes = {name: value for name, value in given.items() if name != "base"}
        return find_unit(given["base"]).replace(**changes)
    return MVMUnit.from_dict(given)
