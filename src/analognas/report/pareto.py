"""The non-dominated set of a search, for every pair of objectives."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, Metric
from ..core.metric_words import head_of
from ..evaluators import non_dominated
from ..search import SearchResult, number
from .style import COLOURS, GREY, clean_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MOST_OBJECTIVES = 6
"""Largest number of objectives in a figure."""

_PANEL = 3.3
_MARGIN = 0.08


def pareto_figure(result: SearchResult) -> Figure:
    """Draw all feasible architectures of a search for each pair of objectives, with the non-dominated set.

    Two objectives give one panel, more objectives the lower triangle of a matrix. In such a panel, a member of
    the set may look dominated, because it is better in another objective. A line joins the architectures that
    are not dominated in the two objectives of the panel. Points far from the set are outside the panel.

    Args:
        result: A search with two objectives or more.

    Raises:
        InvalidArgumentError: If there is one objective, or no feasible architecture.

    Example:
        >>> from analognas import Worker
        >>> worker = Worker(optimizer="nsga2", objectives=["analog_accuracy", "params"], runs=1, budget=20)
        >>> type(pareto_figure(worker.search())).__name__
        'Figure'
    """
    from matplotlib.figure import Figure

    problem = result.problem
    shown = [problem.metric(name) for name in problem.objectives[:MOST_OBJECTIVES]]
    if len(shown) < 2 or not result.feasible:
        raise InvalidArgumentError(
            "A front needs at least two objectives and a feasible architecture, but got "
            f"{len(shown)} objective(s) and {'some' if result.feasible else 'no'} feasible architectures."
        )
    costs = np.concatenate(
        [problem.costs(run.evaluation)[run.violation == 0] for run in result.runs]
    )
    front = non_dominated(costs)
    values = problem.in_own_units(costs)
    side = len(shown) - 1
    size = (2 * _PANEL, 1.4 * _PANEL) if side == 1 else (_PANEL * side, 0.9 * _PANEL * side)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    grid = figure.add_gridspec(side, side)
    for across, down in combinations(range(len(shown)), 2):
        axes = figure.add_subplot(grid[down - 1, across])
        clean_axes(axes)
        _panel(
            axes,
            values[:, [across, down]],
            front,
            np.array([-shown[across].sign, -shown[down].sign]),
        )
        _label(axes, shown[across], shown[down], bottom=down == side, left=across == 0)
    runs = "1 run" if len(result.runs) == 1 else f"{len(result.runs)} runs"
    ends = "; ".join(_range_text(values[front, i], metric) for i, metric in enumerate(shown[:2]))
    figure.suptitle(
        f"On the front, {ends}\n"
        f"{len(result.front)} non-dominated of {len(costs):,} feasible architectures, {runs}"
    )
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if side == 1:
        figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=3)
    else:
        # The upper triangle is empty.
        corner = figure.add_subplot(grid[0, side - 1])
        corner.axis("off")
        corner.legend(handles, labels, frameon=False, loc="upper right")
    return figure


def _range_text(values: Floats, metric: Metric) -> str:
    """Return the smallest and the largest value of a metric on the front, in words."""
    ends = (number(metric, float(end)) for end in (values.min(), values.max()))
    return f"{head_of(metric)} {' to '.join(ends)}"


def _panel(axes: Axes, values: Floats, front: NDArray[np.bool_], signs: Floats) -> None:
    """Draw two objectives, shape ``(n, 2)``; ``signs`` are 1 where smaller is better, else -1."""
    low, high = values[front].min(axis=0), values[front].max(axis=0)
    margin = _MARGIN * np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    low, high = low - margin, high + margin
    axes.plot(*values[~front].T, ".", color=GREY, alpha=0.3, markersize=3, label="dominated")
    axes.plot(*values[front].T, "o", color=COLOURS[0], markersize=4.5, label="non-dominated")
    corner = np.where(signs > 0, high, low)
    line = _staircase(values * signs, corner * signs) * signs
    axes.plot(*line.T, color=COLOURS[1], linewidth=1.2, zorder=1.5, label="best of these two")
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])


def _staircase(costs: Floats, corner: Floats) -> Floats:
    """Outline of the region that minimised points dominate, shape ``(m, 2)``, up to the edges of the panel."""
    best = costs[non_dominated(costs)]
    best = best[np.argsort(best[:, 0], kind="stable")]
    across = np.append(np.repeat(best[:, 0], 2), corner[0])
    down = np.append(corner[1], np.repeat(best[:, 1], 2))
    return np.stack([across, down], axis=1)


def _label(axes: Axes, across: Metric, down: Metric, *, bottom: bool, left: bool) -> None:
    from matplotlib.ticker import EngFormatter

    for axis, metric, shown in ((axes.xaxis, across, bottom), (axes.yaxis, down, left)):
        if not metric.unit:
            axis.set_major_formatter(EngFormatter(sep=""))
        if shown:
            axis.set_label_text(_axis_text(metric))
        else:
            axis.set_tick_params(labelbottom=False, labelleft=False)


def _axis_text(metric: Metric) -> str:
    direction = "higher is better" if metric.higher_is_better else "lower is better"
    return f"{head_of(metric)}, {direction}"
