"""A chart of networks by two metrics, with the best compromises between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...core import Metric
from ...core.metric_words import better_of, head_of
from ...optimizers.crowding import front_ranks
from ...search import number
from .charts import Axis, Chart
from .document import paragraph

__all__ = ["tradeoff_chart"]

Floats = NDArray[np.float64]

_POINTS = 1500
"""Points that are drawn at most: the best compromises, and an even share of the others."""


def tradeoff_chart(
    metrics: tuple[Metric, Metric],
    values: tuple[Floats, Floats],
    feasible: NDArray[np.bool_],
    names: Callable[[NDArray[np.int64]], Sequence[str]],
) -> str:
    """Return the chart, or a sentence if no network has both values.

    Args:
        metrics: Metrics of the horizontal and of the vertical axis.
        values: Their values, shape ``(n,)`` each; NaN where there is none.
        feasible: Whether each network meets the constraints, shape ``(n,)``.
        names: Names of networks by their positions.
    """
    (across, up), (x, y) = metrics, values
    sound = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not len(sound):
        return paragraph(f"No network has both {head_of(across)} and {head_of(up)}.")
    allowed = feasible[sound]
    costs = np.column_stack([-across.sign * x[sound], -up.sign * y[sound]])
    best = np.zeros(len(sound), dtype=bool)
    if allowed.any():
        best[np.flatnonzero(allowed)[front_ranks(costs[allowed]) == 0]] = True
    drawn = _thinned(best)
    rows, allowed, on_front = sound[drawn], allowed[drawn], best[drawn]
    tips = [
        f"{name}: {head_of(up)} {number(up, float(y[row]))}, {head_of(across)} {number(across, float(x[row]))}"
        for name, row in zip(names(rows), rows.tolist(), strict=True)
    ]
    left_out = (
        f" {len(drawn):,} of {len(sound):,} networks are drawn." if len(drawn) < len(sound) else ""
    )
    one = best.sum() == 1
    chart = Chart(
        f"{int(best.sum())} network{' is a best compromise' if one else 's are best compromises'}: no other "
        f"has both {better_of(up)} and {better_of(across)}.{left_out}",
        Axis.over(head_of(across), x[sound].tolist(), log=None),
        Axis.over(head_of(up), y[sound].tolist()),
    )
    groups = (
        ("breaks a constraint", ~allowed, 6, True),
        ("other networks", allowed & ~on_front, 0, True),
        ("best compromises", on_front, 1, False),
    )
    for label, members, colour, faint in groups:
        places = np.flatnonzero(members).tolist()
        if places:
            chart.dots(
                x[rows[places]].tolist(),
                y[rows[places]].tolist(),
                label,
                colour=colour,
                tips=[tips[place] for place in places],
                radius=3.5 if faint else 5.5,
                faint=faint,
            )
    return chart.html()


def _thinned(kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return positions to draw."""
    if len(kept) <= _POINTS:
        return np.arange(len(kept))
    others = np.flatnonzero(~kept)
    step = -(-len(others) // max(1, _POINTS - int(kept.sum())))
    return np.sort(np.concatenate([np.flatnonzero(kept), others[::step]]))
