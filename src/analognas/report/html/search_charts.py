"""Charts of a search: accuracy of the winners over time, and the course of each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import DRIFT_TIME_NAMES, DRIFT_TIMES, Metric
from ...core.metric_words import head_of
from ...search import Trials, number
from ...spaces import Space, architecture_labels
from .charts import Axis, Chart
from .document import paragraph

__all__ = ["best_so_far", "convergence_chart", "winners_over_time"]

Floats = NDArray[np.float64]

_CURVES = 5
"""Architectures whose drift is drawn."""


def best_so_far(trials: Trials, metric: Metric) -> list[Floats]:
    """Return the best value of a metric after each evaluation, for each run; NaN while nothing is feasible."""
    curves = []
    for run in sorted({*trials.run.tolist()}):
        own = trials.run == run
        usable = np.where(trials.violation[own] == 0, trials.values[metric.name][own], np.nan)
        best = np.maximum.accumulate(np.where(np.isfinite(usable), metric.sign * usable, -np.inf))
        curves.append(np.where(np.isfinite(best), metric.sign * best, np.nan))
    return curves


def winners_over_time(winners: Sequence[Mapping[str, Any]], space: Space | None = None) -> str:
    """Return a chart of the accuracy of the best networks over time; empty text if it was not measured.

    Args:
        winners: Entries of ``best.json``, best first.
        space: Their space; None: inactive hyperparameters are shown.
    """
    kind = next(
        (
            kind
            for kind in ("analog", "noisy")
            if sum(winners[0]["metrics"].get(f"{kind}_drift_{t}") is not None for t in DRIFT_TIMES)
            > 1
        ),
        None,
    )
    if kind is None:
        return ""
    curves = []
    for cell in winners[:_CURVES]:
        metrics = cell["metrics"]
        times = [t for t in DRIFT_TIMES if metrics.get(f"{kind}_drift_{t}") is not None]
        values = np.array([metrics[f"{kind}_drift_{t}"] for t in times])
        spread = np.array([metrics.get(f"{kind}_drift_{t}_std") or 0.0 for t in times])
        curves.append((cell, times, values, spread))
    ends = np.concatenate([[v - s, v + s] for _, _, v, s in curves], axis=1).ravel()
    marks = [(float(t), DRIFT_TIME_NAMES[t]) for t in DRIFT_TIMES]
    first = curves[0]
    lost = first[2][0] - first[2][-1]
    about_band = (
        " Its band is one standard deviation over readings of the chip." if first[3].any() else ""
    )
    chart = Chart(
        f"From {DRIFT_TIME_NAMES[first[1][0]]} to {DRIFT_TIME_NAMES[first[1][-1]]} after programming, the "
        f"best network {'loses' if lost >= 0 else 'gains'} {abs(lost):.2f} points.{about_band}",
        Axis.over("time since programming", DRIFT_TIMES, log=True, marks=marks),
        Axis.over("accuracy (%)", ends.tolist(), least=0.0, most=100.0),
    )
    names = architecture_labels([cell["architecture"] for cell, *_ in curves], space).texts
    for place, (name, (_, times, values, spread)) in enumerate(zip(names, curves, strict=True)):
        chart.line(
            times,
            values.tolist(),
            f"{place + 1}. {name}",
            colour=place,
            band=((values - spread).tolist(), (values + spread).tolist())
            if spread.any() and place == 0
            else None,
            tips=[
                f"{place + 1}. {name}, {DRIFT_TIME_NAMES[t]}: {v:.2f} %"
                + (f" ± {s:.2f}" if s else "")
                for t, v, s in zip(times, values, spread, strict=True)
            ],
        )
    return chart.html()


def convergence_chart(searches: Mapping[str, Trials], metric: Metric) -> str:
    """Return a chart of the best value so far of each run, or a sentence if no run found anything.

    Args:
        searches: Logs by name. Runs of one search have a colour each, runs of several that of their search.
        metric: The objective.
    """
    groups = {name: best_so_far(trials, metric) for name, trials in searches.items()}
    curves = [curve for group in groups.values() for curve in group]
    ends = [curve[-1] for curve in curves if len(curve) and np.isfinite(curve[-1])]
    if not ends:
        return paragraph("No run found a network that meets the constraints.")
    spread = f"; their best values lie between {number(metric, min(ends))} and {number(metric, max(ends))}"
    known = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    # The first random networks are far off; what matters happens later.
    worst = np.quantile(known, 0.02 if metric.higher_is_better else 0.98)
    chart = Chart(
        f"Best reading so far in {len(curves)} run{'s' if len(curves) > 1 else ''}"
        f"{spread if len(ends) > 1 else ''}.",
        Axis.over("evaluations", [1, max(map(len, curves))], least=0.0, integer=True),
        Axis.over(f"best {head_of(metric)}", [worst, *ends]),
    )
    several = len(groups) > 1
    labels = [
        (name, colour) if several else (f"run {run}" if len(curves) <= 6 else "", run % 6)
        for colour, (name, group) in enumerate(groups.items())
        for run in range(len(group))
    ]
    for curve, (label, colour) in zip(curves, labels, strict=True):
        kept = (curve >= chart.y.low) & (curve <= chart.y.high)
        steps = np.repeat(np.where(kept, curve, np.nan), 2)[:-1]
        x = np.repeat(np.arange(1, len(curve) + 1), 2)[1:]
        chart.line(
            x.tolist(),
            steps.tolist(),
            label,
            colour=colour,
            kind="" if len(curves) == 1 else "thin",
        )
    return chart.html()
