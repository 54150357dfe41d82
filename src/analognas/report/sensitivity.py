"""Cost in accuracy of making single layers analog."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.times import time_name
from .style import COLOURS, GREY, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..drift import Sensitivity

SENSITIVITY_FILE = "sensitivity.png"
_ROW_HEIGHT = 0.24


def sensitivity_figure(result: Sensitivity, *, title: str | None = None) -> Figure:
    """Draw the cost of each layer in network order, with intervals, and single chips as dots.

    The costliest layer is highlighted. The last row is the whole network.

    Args:
        result: The sensitivity.
        title: Heading.

    Returns:
        The figure; no global state of matplotlib is touched.
    """
    from ..drift.intervals import NO_INTERVAL

    n = len(result.layers) - 1
    figure, (axes, sizes) = new_figure(8.6, 1.7 + _ROW_HEIGHT * (n + 1), panels=(4, 1))
    worst = int(np.argmax(result.costs[:, :-1].mean(axis=0)))
    if result.kind == "spared":
        worst = int(np.argmin(result.costs[:, :-1].mean(axis=0)))
    rows = np.arange(n + 1)
    for i, name in enumerate(result.layers):
        cost = result.cost(name)
        colour = GREY if i == n else COLOURS[1] if i == worst else COLOURS[0]
        axes.barh(i, cost.value, color=colour, alpha=0.55, height=0.7)
        axes.plot(result.costs[:, i], np.full(len(result.costs), i), ".", color=colour, ms=3)
        if np.isfinite(cost.sem):
            axes.errorbar(
                cost.value, i, xerr=np.array([cost.reach]).T, color="black", capsize=2.5, lw=1.2
            )
    for panel in (axes, sizes):
        panel.set_ylim(n + 0.6, -0.6)
        panel.axhline(n - 0.5, color=GREY, lw=0.6)
    axes.axvline(0.0, color=GREY, lw=0.8)
    axes.set_yticks(rows, list(result.layers), fontsize=8)
    unit = " (points)" if result.task.unit == "%" else ""
    share = f"{100 * result.confidence:g} %"
    what = f"mean over chips with {share} interval" if len(result.costs) > 1 else NO_INTERVAL
    axes.set_xlabel(f"{result.task.metric_name} lost{unit}, {what}")
    what = "each layer alone is analog" if result.kind == "alone" else "each layer alone is digital"
    axes.set_title(
        title or f"{what.capitalize()}, {time_name(result.time)} after programming", fontsize=10
    )
    sizes.barh(rows, result.parameters, color=GREY, alpha=0.5, height=0.7)
    sizes.set_xscale("log")
    sizes.set_yticks([])
    sizes.set_xlabel("weights")
    return figure


def write_sensitivity_report(result: Sensitivity, folder: str | os.PathLike[str]) -> Path:
    """Write the figure of a sensitivity into its folder, atomically.

    Returns:
        The file written.

    Raises:
        OutputFolderError: If it cannot be written.
    """
    path = Path(folder) / SENSITIVITY_FILE
    save_figure(sensitivity_figure(result), path)
    return path
