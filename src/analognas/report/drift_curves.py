"""Accuracy over drift time of networks on simulated chips, with bands."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.times import time_name
from .style import COLOURS, GREY, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

from ..drift import DriftResult
from ..drift.intervals import possible_metric

DRIFT_FILE = "drift.png"
_NOTE_WIDTH = 90
_TITLE_WIDTH = 80
_MARKERS = ("D", "o", "s", "^", "v", "P")
_APART = 0.05
"""Distance of the points of devices at one time, decades."""
_STYLES = {
    "hwa": (COLOURS[0], "o"),
    "direct": (COLOURS[1], "s"),
    "direct_uncompensated": (COLOURS[3], "^"),
}


_BELOW: dict[str, Any] = {
    "frameon": False,
    "fontsize": 8,
    "loc": "upper center",
    "bbox_to_anchor": (0.5, -0.13),
    "ncols": 3,
}
"""Legends are below the axes, where they cover no data."""


def drift_curves(
    results: Mapping[str, DriftResult],
    *,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    lines: Mapping[str, float] | None = None,
) -> Figure:
    """Draw the metric against the time since programming, for several networks.

    Each network has its mean, error bars for the interval of the mean, and a band from the 5 % to the 95 %
    quantile of its chips. Dashed lines are the digital reference networks.

    Args:
        results: Evaluations by name; names in :data:`analognas.drift.study.CURVES` have fixed colours.
        labels: Labels by name.
        title: Heading.
        lines: Values of further digital networks by label, drawn as horizontal lines.

    Returns:
        The figure; no global state of matplotlib is touched.
    """
    from ..drift.devices import device_note
    from ..drift.intervals import NO_INTERVAL
    from ..drift.study import CURVES

    known = CURVES | dict(labels or {})
    note = device_note(dict(results))
    figure, (axes,) = new_figure(7.5, 5.0 if note is None else 5.2)
    for i, (name, result) in enumerate(results.items()):
        colour, marker = _STYLES.get(name, (COLOURS[i % len(COLOURS)], _MARKERS[i % len(_MARKERS)]))
        apart = 0.0 if note is None else _APART * (i - (len(results) - 1) / 2.0)
        _draw(axes, result, colour, marker, known.get(name, name), apart)
    first = next(iter(results.values()))
    _draw_references(axes, results, known)
    for i, (label, value) in enumerate((lines or {}).items()):
        axes.axhline(value, color=COLOURS[(i + 4) % len(COLOURS)], lw=1.0, ls=":", label=label)
    times = sorted({t for result in results.values() for t in result.times if t > 0.0})
    axes.set_xscale("log")
    axes.set_xticks(times, [time_name(t) for t in times])
    axes.minorticks_off()
    if not first.task.higher_is_better:
        axes.set_yscale("log")
    axes.set_xlabel("time since programming")
    unit = f" ({first.task.unit})" if first.task.unit else ""
    axes.set_ylabel(f"{first.task.metric_name}{unit}")
    share = f"{100 * first.confidence:g} %"
    heading = f"Mean over chips, its {share} interval, and the band of 90 % of the chips"
    if all(result.n_chips == 1 for result in results.values()):
        heading = NO_INTERVAL.capitalize()
    found = textwrap.fill(_finding(results, known), _TITLE_WIDTH)
    axes.set_title(title or f"{found}\n{heading}", fontsize=10)
    axes.legend(**_BELOW)
    if note is not None:
        figure.supxlabel("\n".join(textwrap.wrap(note, _NOTE_WIDTH)), fontsize=8, color=GREY)
    return figure


def _finding(results: Mapping[str, DriftResult], labels: Mapping[str, str]) -> str:
    """Return the metric of each network at the last time, the best first, in up to three parts."""
    first = next(iter(results.values()))
    last = max(t for result in results.values() for t in result.times)
    found = [
        (result.at(last).value, labels.get(name, name))
        for name, result in results.items()
        if last in result.times
    ]
    found.sort(key=lambda pair: pair[0], reverse=first.task.higher_is_better)
    unit = f" {first.task.unit}" if first.task.unit else ""
    parts = [f"{label} {value:.1f}{unit}" for value, label in found[:3]]
    more = f", {len(found) - 3} more" if len(found) > 3 else ""
    return f"After {time_name(last)}: {', '.join(parts)}{more}"


def write_drift_report(results: Mapping[str, DriftResult], folder: str | os.PathLike[str]) -> Path:
    """Write the figure of an evaluation into its folder, atomically.

    Returns:
        The file written.

    Raises:
        OutputFolderError: If it cannot be written.
    """
    path = Path(folder) / DRIFT_FILE
    save_figure(drift_curves(results), path)
    return path


def _draw_references(
    axes: Axes, results: Mapping[str, DriftResult], labels: Mapping[str, str]
) -> None:
    """Draw the digital references, one line for each distinct value."""
    groups: dict[float, list[str]] = {}
    for name, result in results.items():
        groups.setdefault(result.reference, []).append(name)
    for i, (value, names) in enumerate(groups.items()):
        of = ", ".join(labels.get(name, name) for name in names)
        label = "digital, FP32" if len(groups) == 1 else f"digital, FP32, of {of}"
        axes.axhline(value, color=GREY, lw=1.2, ls=("--", "-.", ":")[i % 3], label=label)


def _draw(
    axes: Axes, result: DriftResult, colour: str, marker: str, label: str, apart: float
) -> None:
    times = [t for t in result.times if t > 0.0]
    found = [result.at(t) for t in times]
    drawn = [t * 10.0**apart for t in times]
    mean = np.array([estimate.value for estimate in found])
    reach = np.array([estimate.reach for estimate in found]).T
    # In adaptive mode, a chip's value comes from some examples only; use the estimated spread of chips.
    if result.tolerance is None:
        low, high = np.array([np.quantile(result.chips_at(t), [0.05, 0.95]) for t in times]).T
    else:
        spread = 1.645 * np.nan_to_num([result.chip_std(t) for t in times])
        low, high = np.clip([mean - spread, mean + spread], *possible_metric(result.task))
    axes.fill_between(times, low, high, color=colour, alpha=0.2, lw=0)
    axes.errorbar(
        drawn, mean, yerr=reach, color=colour, marker=marker, ms=4, lw=1.6, capsize=2.5, label=label
    )
