"""Shares of the layers in time, energy and crossbars of an analog chip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .style import COLOURS, GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..hardware import ChipCost

__all__ = ["cost_figure"]

_MOST_ROWS = 24
_ROW_HEIGHT = 0.26


def cost_figure(cost: ChipCost, *, title: str | None = None) -> Figure:
    """Draw the share of time, energy and crossbars of each kind of layer, the costliest first.

    Layers of equal shape share a row; after 23 rows, all others share the last. If the chip states energies of
    other components than MVMs, a fourth panel shows the share of each component.

    Args:
        cost: Result of :func:`analognas.hardware.network_cost`.
        title: Heading.

    Returns:
        The figure; no global state of matplotlib is touched.
    """
    rows = _rows(cost)
    parts = {name: value for name, value in cost.components.items() if value != 0}
    split = len(parts) > 1
    height = 1.5 + _ROW_HEIGHT * max(len(rows), len(parts) if split else 0)
    figure, panels = new_figure(
        12.4 if split else 9.6, height, panels=(1, 1, 1, 1) if split else (1, 1, 1)
    )
    names = ("time", "energy", "crossbars")
    # One scale for all shares, so that bars of different panels compare.
    largest = max((100 * share for row in rows for share in row[1] if share == share), default=0.0)
    for i, (axes, name) in enumerate(zip(panels[:3], names, strict=True)):
        axes.set_xlim(0.0, 1.05 * largest or 1.0)
        _bars(axes, [100 * row[1][i] for row in rows], COLOURS[i])
        axes.set_xlabel(f"share of {name} (%)")
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), [row[0] for row in rows] if i == 0 else [], fontsize=8)
    if split:
        _components(panels[3], parts, cost.energy)
    time, energy = (
        f"{value:.4g} {unit}" if value == value else f"unknown {what}"
        for value, unit, what in ((cost.latency, "ms", "time"), (cost.energy, "mJ", "energy"))
    )
    head = f"{cost.chip.name}: {time}, {energy}, {cost.tiles} crossbars"
    panels[0].set_ylabel("layers, by energy or crossbars:\nrows x columns at positions", fontsize=8)
    finding = f"{head} ({cost.utilisation:.0%} used)"
    figure.suptitle(title or "\n".join(filter(None, [finding, _costliest(rows)])), fontsize=10)
    return figure


def _costliest(rows: list[tuple[str, list[float]]]) -> str:
    """Return which row takes most of the energy, or of the time if energies are not known."""
    for part, name in ((1, "energy"), (0, "time")):
        known = [(row[1][part], row[0]) for row in rows if row[1][part] == row[1][part]]
        if known and max(known)[0] > 0.0:
            share, label = max(known)
            return f"{label} positions: {share:.0%} of the {name}"
    return ""


def _components(axes: Axes, parts: dict[str, float], energy: float) -> None:
    """Draw the share of energy of each component, unknown ones first, then the largest."""
    order = sorted(
        parts, key=lambda name: -parts[name] if parts[name] == parts[name] else -math.inf
    )
    _bars(axes, [100 * parts[name] / energy for name in order], COLOURS[3])
    axes.set_xlabel("share of energy (%)")
    axes.set_ylim(len(order) - 0.4, -0.6)
    labels = [name if parts[name] == parts[name] else f"{name} (unknown)" for name in order]
    axes.set_yticks(range(len(order)), labels, fontsize=8)


def _bars(axes: Axes, values: list[float], colour: str) -> None:
    known = [value if value == value else 0.0 for value in values]
    axes.barh(range(len(values)), known, color=colour, alpha=0.8, height=0.7)
    if known != values:
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", color=GREY)
        axes.set_xticks([])


def _rows(cost: ChipCost) -> list[tuple[str, list[float]]]:
    """Return labels, and shares of time, energy and crossbars."""
    groups: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    tiles = sum(layer.tiles for layer in cost.layers) or 1
    for layer in cost.layers:
        matrix = f"{layer.rows} x {layer.columns}" + (
            f" x {layer.groups}" if layer.groups > 1 else ""
        )
        label = f"{matrix} at {layer.positions:,}"
        shares = groups.setdefault(label, [0.0, 0.0, 0.0])
        counts[label] = counts.get(label, 0) + 1
        for i, part in enumerate((layer.latency_share, layer.energy_share, layer.tiles / tiles)):
            shares[i] += part
    rows = [(f"{counts[label]} of {label}", shares) for label, shares in groups.items()]
    rows.sort(key=lambda row: -max(row[1][1], row[1][2]))
    if len(rows) > _MOST_ROWS:
        rest = [sum(row[1][i] for row in rows[_MOST_ROWS - 1 :]) for i in range(3)]
        rows = [*rows[: _MOST_ROWS - 1], (f"{len(rows) - _MOST_ROWS + 1} others", rest)]
    return rows
