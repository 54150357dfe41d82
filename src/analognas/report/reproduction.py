"""The figures of an experiment: networks over time by task, and variants beside their base."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.times import time_name
from ..reproduce import Reproduction, TableResult, TaskResult
from .style import COLOURS, GREY, clean_axes, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "REPRODUCTION_FIGURE",
    "VARIANTS_FIGURE",
    "reproduction_figure",
    "variants_figure",
    "write_reproduction_report",
]

REPRODUCTION_FIGURE, VARIANTS_FIGURE = "reproduction.png", "variants.png"
_MARKERS = ("o", "s", "^", "D", "v")


def reproduction_figure(result: Reproduction) -> Figure:
    """Draw the metric of all networks over drift time, one panel for each task, with intervals.

    Args:
        result: The experiment.

    Returns:
        The figure; no global state of matplotlib is touched.
    """
    n = len(result.tasks)
    figure, panels = new_figure(2.0 + 4.0 * n, 4.6, panels=[1] * n)
    for axes, task in zip(panels, result.tasks, strict=True):
        _panel(axes, task)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(n, 3), frameon=False, fontsize=9
    )
    figure.suptitle(f"{result.title} ({result.scale} size)", fontsize=11)
    return figure


def _panel(axes: Axes, task: TaskResult) -> None:
    axes.axhline(task.first.reference, color="black", lw=1.2, ls="--", label="digital (FP32)")
    if task.quantized is not None:
        axes.axhline(task.quantized, color=GREY, lw=1.2, ls=":", label="quantized (8 bits)")
    for i, (name, curve) in enumerate(task.curves.items()):
        found = [curve.at(t) for t in curve.times]
        reach = np.array([one.reach for one in found]).T
        axes.errorbar(
            curve.times, [one.value for one in found], yerr=reach, color=COLOURS[i % len(COLOURS)],
            marker=_MARKERS[i % len(_MARKERS)], ms=4.5, lw=1.6, capsize=2.5, label=task.title_of(name),
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(task.first.times, [time_name(t) for t in task.first.times], fontsize=8)
    axes.minorticks_off()
    axes.set_xlabel("time since programming")
    axes.set_ylabel(f"{task.metric}, mean over {task.first.n_chips} chips")
    if not task.first.task.higher_is_better:
        axes.set_yscale("log")
    axes.set_title(task.title, fontsize=10)


def variants_figure(result: Reproduction) -> Figure:
    """Draw how far each variant is from its base, with intervals, one row of panels for each table.

    Args:
        result: An experiment with tables of variants.

    Returns:
        The figure. A row has a panel for the first and for the last time of the experiment; a variant that was
        not measured at the last time is drawn at its own last time, which its label names.
    """
    from matplotlib.figure import Figure

    tables = [(task, table) for task in result.tasks for table in task.tables]
    heights = [1.0 + len(table.rows) for _, table in tables]
    figure = Figure(figsize=(10.0, 1.2 + 0.33 * sum(heights)), dpi=150, layout="constrained")
    grid = figure.add_gridspec(len(tables), 2, height_ratios=heights)
    for row, (task, table) in enumerate(tables):
        last = None
        for column in range(2):
            axes = figure.add_subplot(grid[row, column], sharex=last, sharey=last)
            clean_axes(axes)
            _differences(axes, task, table, last=column == 1)
            last = axes
    several = len(result.tasks) > 1
    figure.suptitle(f"{result.title} ({result.scale} size)", fontsize=11)
    for i, (task, table) in enumerate(tables):
        head = f"{task.title}: {table.title}" if several else table.title
        figure.axes[2 * i].set_title(
            f"{head} (0: {table.base_title or 'as it is'})", fontsize=9, loc="left"
        )
    return figure


def _differences(axes: Axes, task: TaskResult, table: TableResult, *, last: bool) -> None:
    """Draw the differences of a table at the first or at the last time."""
    axes.axvline(0.0, color="black", lw=1.0)
    labels = []
    for place, (name, (title, curve)) in enumerate(table.rows.items()):
        t = table.last_time(name) if last else curve.times[0]
        found = table.difference(name, t)
        low, high = found.reach
        axes.errorbar(
            found.value, place, xerr=[[low], [high]], fmt="o", ms=4.5, capsize=2.5, color=COLOURS[last],
        )  # fmt: skip
        short = table.last_time(name) < table.base.times[-1]
        labels.append(f"{title} (right: {time_name(table.last_time(name))})" if short else title)
    if last:  # the axes are shared: the labels are those of the left panel
        axes.tick_params(axis="y", labelleft=False)
    else:
        axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="x", labelsize=8)
    at = time_name(table.base.times[-1 if last else 0])
    metric = task.metric.replace("(%)", "(points)")
    axes.set_xlabel(f"{metric}: difference after {at}", fontsize=8)


def write_reproduction_report(result: Reproduction, folder: str | os.PathLike[str]) -> Path:
    """Write the figures of an experiment into its folder, atomically.

    Returns:
        The first file written.

    Raises:
        OutputFolderError: If it cannot be written.
    """
    path = Path(folder) / REPRODUCTION_FIGURE
    save_figure(reproduction_figure(result), path)
    if any(task.tables for task in result.tasks):
        save_figure(variants_figure(result), Path(folder) / VARIANTS_FIGURE)
    return path
