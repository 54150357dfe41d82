"""The figure of an experiment: one panel for each task."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.times import time_name
from ..drift.study import CURVES
from ..reproduce import Reproduction, TaskResult
from .style import COLOURS, GREY, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION_FIGURE", "reproduction_figure", "write_reproduction_report"]

REPRODUCTION_FIGURE = "reproduction.png"
_MARKERS = ("o", "s", "^", "D", "v")


def reproduction_figure(result: Reproduction) -> Figure:
    """Draw the metric of all networks over drift time, one panel for each task, with intervals.

    Args:
        result: The experiment.

    Returns:
        The figure; no global state of matplotlib is touched.
    """
    n = len(result.tasks)
    figure, panels = new_figure(1.0 + 4.0 * n, 4.4, panels=[1] * n)
    for axes, task in zip(panels, result.tasks, strict=True):
        _panel(axes, task)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(f"{result.title} ({result.scale} size)", fontsize=11)
    return figure


def _panel(axes: Axes, task: TaskResult) -> None:
    axes.axhline(task.first.reference, color="black", lw=1.2, ls="--", label="digital (FP32)")
    axes.axhline(task.quantized, color=GREY, lw=1.2, ls=":", label="quantized (8 bits)")
    for i, (name, curve) in enumerate(task.curves.items()):
        found = [curve.at(t) for t in curve.times]
        reach = np.array([one.reach for one in found]).T
        axes.errorbar(
            curve.times, [one.value for one in found], yerr=reach, color=COLOURS[i % len(COLOURS)],
            marker=_MARKERS[i % len(_MARKERS)], ms=4.5, lw=1.6, capsize=2.5, label=CURVES.get(name, name),
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(task.first.times, [time_name(t) for t in task.first.times], fontsize=8)
    axes.minorticks_off()
    axes.set_xlabel("time since programming")
    axes.set_ylabel(f"{task.metric}, mean over {task.first.n_chips} chips")
    if not task.first.task.higher_is_better:
        axes.set_yscale("log")
    axes.set_title(task.title, fontsize=10)


def write_reproduction_report(result: Reproduction, folder: str | os.PathLike[str]) -> Path:
    """Write the figure of an experiment into its folder, atomically.

    Returns:
        The file written.

    Raises:
        OutputFolderError: If it cannot be written.
    """
    path = Path(folder) / REPRODUCTION_FIGURE
    save_figure(reproduction_figure(result), path)
    return path
