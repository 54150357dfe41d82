"""Chips made of arrays that the component model prices."""

from __future__ import annotations

import math
from typing import Any

from ..core import InvalidArgumentError, check_int
from .chip import NETWORK_FACTOR, AIMCChip
from .mvm_model import mvm_cost
from .mvm_unit import MVMUnit

__all__ = ["unit_chip"]


def unit_chip(unit: MVMUnit, *, name: str, n_tiles: int | None = None, **entries: Any) -> AIMCChip:
    """Return a chip of equal arrays, with time, energy and area of an MVM from the component model.

    A crossbar is the whole array: all its rows, and its columns in weights. An MVM of it takes one use of the
    array for each group of active rows and for each group of columns that share converters, which multiplies
    time and energy. Columns are counted in weights as ``columns / cells_per_weight``; if these are fewer than
    the outputs, a column holds all cells of its weights.

    The error factors of the chip, with which its costs print, are those of the prediction, but at least the
    error of networks on published systems (``NETWORK_FACTOR``).

    Args:
        unit: The array at one operating point; calibrated or not.
        name: What the chip is called.
        n_tiles: Arrays that there are; None: as many as a network needs.
        **entries: Other arguments of :class:`AIMCChip`, such as ``rows``, ``columns`` and ``fixed_share``; rows
            and columns change the uses of an MVM.

    Raises:
        InvalidArgumentError: If ``unit`` is no unit or has more outputs than columns, or an argument does not
            fit.

    Example:
        >>> unit = MVMUnit(device="PCM", node=14, rows=256, columns=256, outputs=256, integration_time=130)
        >>> chip = unit_chip(unit, name="mine", fixed_share=0.0)
        >>> chip.mvm_latency, chip.energy_factor > 1
        (130.0, True)
        >>> eight = unit.replace(outputs=32, cells_per_weight=1)  # eight columns share a converter
        >>> shared = unit_chip(eight, name="shared")
        >>> shared.columns, shared.mvm_latency
        (256, 1040.0)
    """
    cost = mvm_cost(unit)
    rows = check_int("rows", entries.get("rows", unit.rows), minimum=1)
    columns = check_int("columns", entries.get("columns", _weight_columns(unit)), minimum=1)
    uses = math.ceil(rows / unit.active) * math.ceil(columns / unit.outputs)
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
        "rows": rows,
        "columns": columns,
        "mvm_latency": cost.latency * uses,
        "mvm_energy": cost.energy * 1e-3 * uses,
        "tile_area": cost.area,
        "energy_factor": max(cost.energy_factor, NETWORK_FACTOR),
        "latency_factor": max(cost.latency_factor, NETWORK_FACTOR),
        "area_factor": cost.area_factor if cost.area_factor > 1.0 else None,
        "source": source,
    }
    return AIMCChip(**{"name": name, "n_tiles": n_tiles, **given, **entries})


def _weight_columns(unit: MVMUnit) -> int:
    """Columns of the array, in weights."""
    if unit.outputs > unit.columns:
        raise InvalidArgumentError(
            f"`outputs` must be at most `columns`, {unit.columns}, but got {unit.outputs:g}."
        )
    weights = int(unit.columns / unit.cells)
    return weights if weights >= unit.outputs else unit.columns
