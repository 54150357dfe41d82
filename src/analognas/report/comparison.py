"""Comparison of two tables: one panel for each metric, with all common networks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..builder import MetricComparison, TableComparison
from ..core import METRICS, InvalidArgumentError
from .style import COLOURS, GREY, clean_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 12
"""Largest number of metrics in a figure."""

_COLUMNS = 4
_PANEL = 3.0


def comparison_figure(comparison: TableComparison) -> Figure:
    """Draw the values of two tables against each other, with rank correlation, its interval and its ceiling.

    Raises:
        InvalidArgumentError: If the tables have no common metric.

    Example:
        >>> from analognas.builder import compare_tables
        >>> from analognas.tables import AnalogNASBench, MeasuredTable
        >>> mine = MeasuredTable("my-build/table.parquet")
        >>> found = compare_tables(mine, AnalogNASBench(), ["baseline_accuracy"], n_resamples=100)
        >>> comparison_figure(found).savefig("comparison.png")
    """
    from matplotlib.figure import Figure

    shown = comparison.metrics[:MOST_PANELS]
    if not shown:
        raise InvalidArgumentError(
            "The tables must have a common metric to compare, but have none."
        )
    columns = min(_COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    size = (_PANEL * columns, _PANEL * rows)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    grid = figure.add_gridspec(rows, columns)
    for place, metric in enumerate(shown):
        axes = figure.add_subplot(grid[place // columns, place % columns])
        _panel(axes, metric, comparison.names)
    return figure


def _panel(axes: Axes, metric: MetricComparison, names: tuple[str, str]) -> None:
    clean_axes(axes)
    x, y = metric.values
    axes.scatter(x, y, s=9, color=COLOURS[0], alpha=0.7, linewidths=0)
    low = min(float(x.min()), float(y.min()))
    high = max(float(x.max()), float(y.max()))
    overlap = min(float(x.max()), float(y.max())) - max(float(x.min()), float(y.min()))
    if overlap > 0.2 * (
        high - low
    ):  # the diagonal of equal values is informative only if ranges overlap
        axes.plot([low, high], [low, high], color=GREY, linewidth=0.8)
    unit = METRICS[metric.metric].unit if metric.metric in METRICS else ""
    axes.set_title(metric.metric + (f" ({unit})" if unit else ""), fontsize=8)
    axes.set_xlabel(names[0], fontsize=7)
    axes.set_ylabel(names[1], fontsize=7)
    tau = metric.kendall_tau
    text = f"τ {tau}\nn {metric.n}"
    if metric.ceiling_tau is not None:
        text += f", ceiling {metric.ceiling_tau:.2f}"
    axes.annotate(text, (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=7)
    axes.tick_params(labelsize=7)
