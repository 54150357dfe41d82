"""Chips made of arrays that the component model prices."""

from __future__ import annotations

from typing import Any

from ..core import InvalidArgumentError
from .chip import AIMCChip
from .mvm_model import mvm_cost
from .mvm_unit import MVMUnit

__all__ = ["unit_chip"]


def unit_chip(unit: MVMUnit, *, name: str, n_tiles: int | None = None, **entries: Any) -> AIMCChip:
    """Return a chip of equal arrays, with time, energy and area of an MVM from the component model.

    The error factors of the prediction become those of the chip, so that its costs print with them. A crossbar
    has as many rows as the unit's active ones and as many columns as its outputs, in weights.

    Args:
        unit: The array at one operating point; calibrated or not.
        name: What the chip is called.
        n_tiles: Arrays that there are; None: as many as a network needs.
        **entries: Other arguments of :class:`AIMCChip`, such as ``rows``, ``columns`` and ``fixed_share``.

    Raises:
        InvalidArgumentError: If ``unit`` is no unit, or an argument does not fit.

    Example:
        >>> unit = MVMUnit(device="PCM", node=14, rows=256, columns=256, outputs=256, integration_time=130)
        >>> chip = unit_chip(unit, name="mine", fixed_share=0.0)
        >>> chip.mvm_latency, chip.energy_factor > 1
        (130.0, True)
    """
    if not isinstance(unit, MVMUnit):
        raise InvalidArgumentError(f"`unit` must be an MVMUnit, but got {unit!r}.")
    cost = mvm_cost(unit)
    notes = [
        text
        for text, holds in (
            ("the time of an MVM is a guess", cost.latency_guessed),
            (f"a supply of {unit.volts:g} V is assumed", cost.supply_assumed),
        )
        if holds
    ]
    source = "; ".join(filter(None, [unit.source, "component model of the MVM", *notes]))
    given = {
        "rows": int(unit.active),
        "columns": int(unit.outputs),
        "mvm_latency": cost.latency,
        "mvm_energy": cost.energy * 1e-3,
        "tile_area": cost.area,
        "energy_factor": cost.energy_factor,
        "latency_factor": cost.latency_factor if cost.latency_factor > 1.0 else None,
        "area_factor": cost.area_factor if cost.area_factor > 1.0 else None,
        "source": source,
    }
    return AIMCChip(**{"name": name, "n_tiles": n_tiles, **given, **entries})
