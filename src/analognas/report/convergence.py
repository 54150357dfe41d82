"""Convergence of a search: best value against the number of evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from ..core import Metric, get_metric
from ..core.metric_words import head_of
from .style import COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def convergence_figure(
    curves: NDArray[np.float64],
    metric: Metric | str | None,
    truth: tuple[float, float, float] | None = None,
    *,
    counted: str = "distinct architectures evaluated",
) -> Figure:
    """Draw each run, and their mean with a band of one standard deviation.

    Args:
        curves: Best value so far, shape ``(n_runs, n_queries)``; NaN before the first feasible architecture.
        metric: The metric, or its name in the vocabulary; None: the curves are hypervolumes.
        truth: Estimate of the winner's true value and the bounds of its interval, where readings have label
            noise.
        counted: Label of the horizontal axis.

    Example:
        >>> from analognas import Worker
        >>> result = Worker(optimizer="random_search", runs=2, budget=20).search()
        >>> figure = convergence_figure(result.convergence(), "analog_drift_2592000")
        >>> figure.axes[0].get_xlabel()
        'distinct architectures evaluated'
    """
    rises = metric is None or get_metric(metric).higher_is_better
    figure, (axes,) = new_figure()
    queries = np.arange(1, curves.shape[1] + 1)
    for number, curve in enumerate(curves):
        label = f"each of {len(curves)} runs" if number == 0 else None
        style: dict[str, Any] = {"alpha": 0.35, "linewidth": 0.9, "label": label}
        if len(curves) == 1:  # a single run is one strong line
            style = {"linewidth": 1.8, "label": "the run"}
        axes.step(queries, curve, where="post", color=COLOURS[0], **style)
    # The mean starts when all runs have found something; earlier it would jump.
    complete = np.isfinite(curves).all(axis=0)
    if len(curves) > 1 and complete.any():
        mean, std = curves[:, complete].mean(axis=0), curves[:, complete].std(axis=0, ddof=1)
        axes.fill_between(
            queries[complete],
            mean - std,
            mean + std,
            color=COLOURS[0],
            alpha=0.15,
            linewidth=0,
            step="post",
        )
        axes.step(
            queries[complete],
            mean,
            where="post",
            color=COLOURS[0],
            linewidth=1.8,
            label="mean ± 1 std",
        )
    finite = curves[np.isfinite(curves)]
    if len(finite):
        # Leave out the first draws, which are much worse, to show late differences.
        early = np.nanquantile(finite, 0.02 if rises else 0.98)
        best = finite.max() if rises else finite.min()
        margin = 0.08 * abs(best - early) or 1.0
        shown = [early, best, *(truth or ())]
        low, high = min(shown), max(shown)
        axes.set_ylim(low - margin, high + margin)
    if truth is not None:
        estimate, lower, upper = truth
        axes.axhline(
            estimate, color=COLOURS[1], linewidth=1.4, label="winner's true value, estimated"
        )
        axes.axhspan(lower, upper, color=COLOURS[1], alpha=0.12, linewidth=0, label="95 % interval")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(counted)
    axes.set_ylabel(
        "hypervolume, in units of ideal and nadir of all runs"
        if metric is None
        else f"best {'' if truth is None else 'reading of '}{head_of(get_metric(metric))}"
    )
    axes.set_title(_finding(curves, metric, truth), fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4)
    return figure


def _finding(
    curves: NDArray[np.float64],
    metric: Metric | str | None,
    truth: tuple[float, float, float] | None,
) -> str:
    """Return what the search has found, for the heading."""
    finals = curves[:, -1:][np.isfinite(curves[:, -1:])]
    if not len(finals):
        return "Nothing met the constraints"
    if metric is None:
        return f"Hypervolume {finals.max():.3g} after {curves.shape[1]:,} evaluations"
    known = get_metric(metric)
    best = finals.max() if known.higher_is_better else finals.min()
    unit = f" {known.unit}" if known.unit else ""
    kind = "value" if truth is None else "reading"
    said = f"Best {kind} {best:.4g}{unit} after {curves.shape[1]:,} evaluations"
    return said if truth is None else f"{said}; estimated true value {truth[0]:.4g}{unit}"
