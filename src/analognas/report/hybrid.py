"""Accuracy against the share of digital weights, or energy, of networks with some digital layers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.times import time_name
from ..hardware.hybrid import HybridMapping
from .style import COLOURS, GREY, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAP_FIGURE = "map.png"
BLUE, ORANGE, GREEN = COLOURS[:3]
_ROW_HEIGHT = 0.22


def hybrid_figure(result: HybridMapping, *, title: str | None = None) -> Figure:
    """Draw measured mappings, the chosen one, and what each layer costs when it alone is analog.

    Left, the metric against the share of digital weights, with intervals of the mean over chips; centre,
    against energy if it is known; right, the layers, those of the chosen mapping in colour.

    Args:
        result: Measured mappings.
        title: Heading.

    Returns:
        The figure; no global state of matplotlib is touched.
    """
    energies = np.array([choice.energy for choice in result.choices])
    with_energy = bool(np.isfinite(energies).all())
    names = [cost.name for cost in result.costs]
    height = max(4.4, 1.6 + _ROW_HEIGHT * len(names))
    panels = (3, 3, 2.4) if with_energy else (3, 2.2)
    figure, axes = new_figure(13.5 if with_energy else 10.5, height, panels=panels)
    shares = 100.0 * np.array([choice.share for choice in result.choices])
    _draw_front(axes[0], result, shares)
    axes[0].set_xlabel("digital weights (%)")
    axes[0].set_xscale("symlog", linthresh=_first_step(shares), linscale=0.5)
    ticks = [t for t in (0, 0.01, 0.1, 1, 10, 100) if t == 0 or t >= _first_step(shares)]
    axes[0].set_xlim(-0.4 * _first_step(shares), 150.0)
    axes[0].set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes[0].minorticks_off()
    if with_energy:
        from matplotlib.ticker import EngFormatter, MaxNLocator

        _draw_front(axes[1], result, 1e-3 * energies)
        axes[1].xaxis.set_major_locator(MaxNLocator(4))
        axes[1].xaxis.set_major_formatter(EngFormatter(unit="J"))
        axes[1].set_xlabel("energy of an inference")
    handles, words = axes[0].get_legend_handles_labels()
    figure.legend(handles, words, frameon=False, fontsize=8, loc="outside lower center", ncols=6)
    _draw_layers(axes[-1], result, names)
    t = time_name(result.settings.times[0])
    about = f"Mean over {result.settings.chips} chips with its 95 % interval, {t} after programming"
    figure.suptitle(title or f"{_finding(result)}\n{about}", fontsize=11)
    return figure


def _finding(result: HybridMapping) -> str:
    """Return what the chosen mapping loses beside the one that is all analog, in words."""
    unit = " points" if result.sensitivity.task.unit == "%" else ""
    found = result.choices[result.nearest]
    kind = "chosen" if result.chosen is not None else "nearest to the budget"
    return (
        f"With {100 * found.share:.2g} % of the weights digital ({kind}), {found.loss.value:.1f}{unit} are "
        f"lost; with none, {result.choices[0].loss.value:.1f}{unit}"
    )


def write_map_report(result: HybridMapping, folder: str | os.PathLike[str]) -> Path:
    """Write the figure of a choice of layers into its folder, atomically.

    Returns:
        The file written.

    Raises:
        OutputFolderError: If it cannot be written.
    """
    path = Path(folder) / MAP_FIGURE
    save_figure(hybrid_figure(result), path)
    return path


def _draw_front(axes: Axes, result: HybridMapping, x: np.ndarray) -> None:
    """Draw the metric of each measured mapping."""
    sign = 1.0 if result.sensitivity.task.higher_is_better else -1.0
    loss = np.array([choice.loss.value for choice in result.choices])
    below, above = np.array([choice.loss.reach for choice in result.choices]).T
    values = result.digital - sign * loss
    # A larger loss is a lower accuracy, but a higher perplexity.
    reach = np.array([above, below] if sign > 0.0 else [below, above])
    predicted = np.array([choice.predicted for choice in result.choices])
    order = np.argsort(x, kind="stable")
    front = pareto_front(x, loss)
    axes.plot(
        x[order],
        result.digital - sign * predicted[order],
        color=GREY,
        lw=0.0,
        marker="x",
        ms=4,
        label="expected from single layers",
    )
    axes.errorbar(
        x[order],
        values[order],
        yerr=reach[:, order],
        fmt="o",
        ms=4,
        lw=1.4,
        capsize=2.5,
        color=BLUE,
        label="measured on chips, mean and 95 % interval",
    )
    axes.plot(
        x[front],
        values[front],
        color=BLUE,
        lw=1.6,
        drawstyle="steps-post",
        label="Pareto front of the means",
    )
    if result.chosen is not None:
        at = result.chosen
        axes.plot(
            x[at],
            values[at],
            "o",
            ms=11,
            mfc="none",
            mew=1.8,
            color=ORANGE,
            label="chosen",
        )
    axes.axhline(result.digital, color=GREY, lw=1.0, ls="--", label="digital network")
    axes.axhline(
        result.digital - sign * result.accepted, color=GREEN, lw=1.0, ls="-.", label="accepted"
    )
    unit = f" ({result.sensitivity.task.unit})" if result.sensitivity.task.unit else ""
    axes.set_ylabel(f"{result.metric}{unit}")


def pareto_front(x: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Return the points that no other beats in cost and loss, in the order of their cost.

    Example:
        >>> pareto_front(np.array([0.0, 2.0, 1.0]), np.array([3.0, 4.0, 1.0])).tolist()
        [0, 2]
    """
    found: list[int] = []
    for i in np.lexsort((loss, x)).tolist():
        if not found or loss[i] < loss[found[-1]]:
            found.append(i)
    return np.array(found)


def _draw_layers(axes: Axes, result: HybridMapping, names: list[str]) -> None:
    """Draw the loss of each layer alone, and how many weights it has."""
    chosen = None if result.chosen is None else result.choices[result.chosen].mapping
    rows = np.arange(len(names))
    for i, name in enumerate(names):
        cost = result.sensitivity.cost(name)
        digital = chosen is not None and name in chosen.digital
        doubled = chosen is not None and name in chosen.doubled
        colour = ORANGE if digital else GREEN if doubled else BLUE
        axes.barh(i, cost.value, color=colour, alpha=0.6, height=0.7)
        if np.isfinite(cost.sem):
            axes.errorbar(
                cost.value, i, xerr=np.array([cost.reach]).T, color="black", capsize=2, lw=0.9
            )
    weights = np.array(result.sensitivity.parameters[:-1], dtype=np.float64)
    labels = [
        f"{name} ({100.0 * share:.2g} %)"
        for name, share in zip(names, weights / max(weights.sum(), 1.0), strict=True)
    ]
    axes.set_yticks(rows, labels, fontsize=7)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for colour, label in ((ORANGE, "digital"), (GREEN, "doubled"), (BLUE, "analog")):
        if label != "doubled" or (chosen is not None and chosen.doubled):
            axes.barh([0], [0], color=colour, alpha=0.6, label=label)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    axes.axvline(0.0, color=GREY, lw=0.8)
    spared = result.sensitivity.kind == "spared"
    title = "Only this layer digital" if spared else "Only this layer analog"
    unit = " (points)" if result.sensitivity.task.unit == "%" else ""
    axes.set_xlabel(f"{result.metric} lost{unit}\n{title.lower()} (share of weights)", fontsize=9)


def _first_step(shares: np.ndarray) -> float:
    """Return the smallest share above 0, which ends the linear part of the axis, %."""
    positive = shares[shares > 0.0]
    return float(positive.min()) if len(positive) else 1.0
