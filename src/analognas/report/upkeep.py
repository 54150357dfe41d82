"""Accuracy of a network over a year against the energy spent, by how it is kept accurate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..core.times import time_name
from .style import COLOURS, GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..hardware import UpkeepResult
    from ..hardware.policy_comparison import PolicyResult

__all__ = ["upkeep_figure"]

_DAY = 86400.0
_MARKED = {_DAY: "o", 2592000.0: "s", 31536000.0: "D"}
"""Times that are marked on the lines."""
_PURPOSES = {"inferences": "#BBBBBB", "recalibration": "#56B4E9", "programming": "#332288"}


def upkeep_figure(result: UpkeepResult, *, title: str | None = None) -> Figure:
    """Draw the metric against the energy spent so far, and what the energy of each policy consists of.

    Each policy is a line, the mean over chips, with a band for its interval; programmings and the first day
    after each are thin lines. A day, a month and a year are marked. The second panel has the energy at the end,
    and the metric averaged over time.

    Args:
        result: What :func:`analognas.hardware.upkeep` returned.
        title: Heading.

    Returns:
        The figure; no global state of matplotlib is touched.
    """
    figure, (curves, bars) = new_figure(11.0, 4.6, panels=(1.7, 1.0))
    for i, found in enumerate(result.policies):
        _draw(curves, found, COLOURS[i % len(COLOURS)])
    curves.axhline(result.digital, color=GREY, lw=1.0, ls="--", label="digital, FP32")
    for t, marker in _MARKED.items():
        if t <= result.settings.duration:
            curves.plot([], [], color="black", marker=marker, ms=5, lw=0, label=time_name(t))
    curves.set_xlabel("energy spent since the first programming, that included (mJ)")
    curves.set_ylabel(f"{result.metric}{f' ({result.unit})' if result.unit else ''}")
    curves.set_xlim(left=0.0)
    if any(found.n_programmings > 1 for found in result.policies):
        curves.text(
            0.99, 0.02, "thin: a programming, and the day after it", transform=curves.transAxes,
            ha="right", fontsize=8, color=GREY,
        )  # fmt: skip
    curves.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    _bars(bars, result)
    rate = f"{result.settings.rate * 86400.0:,.4g} inferences a day"
    about = (
        f"{time_name(result.settings.duration)} on {result.chip}, {rate}: mean over "
        f"{result.settings.chips} chips with its 95 % interval"
    )
    figure.suptitle(title or f"{_finding(result)}\n{about}", fontsize=10)
    return figure


def _finding(result: UpkeepResult) -> str:
    """Return the policies that are nearest to and farthest from the digital network, in words."""
    ranked = sorted(result.policies, key=lambda one: abs(one.mean.value - result.digital))
    unit = f" {result.unit}" if result.unit else ""
    shown = [ranked[0]] if len(ranked) == 1 else [ranked[0], ranked[-1]]
    return "; ".join(
        f"{one.policy.name}: {one.mean.value:.1f}{unit} over time for {one.energies[-1]:.3g} mJ"
        for one in shown
    )


def _draw(axes: Axes, found: PolicyResult, colour: str) -> None:
    """Draw one policy; programmings and the first day after each are thin."""
    x, y = found.energies, [a.value for a in found.accuracy]
    low, high = zip(*(a.shown for a in found.accuracy), strict=True)
    settled = [_age(found, t) >= _DAY for t in found.times]
    axes.plot(x, y, color=colour, lw=0.8, alpha=0.45)
    axes.fill_between(x, low, high, where=settled, color=colour, alpha=0.18, lw=0)
    late = [value if is_late else math.nan for value, is_late in zip(y, settled, strict=True)]
    axes.plot(x, late, color=colour, lw=2.0, label=found.policy.name)
    for t, marker in _MARKED.items():
        if t in found.times:
            at = found.times.index(t)
            axes.plot([x[at]], [y[at]], color=colour, marker=marker, ms=5.5, mec="white", mew=0.7)


def _age(found: PolicyResult, t: float) -> float:
    """Time since the last programming; what is measured at a programming comes before it."""
    period = found.policy.reprogram_every
    return t if period is None else t % period or period


def _bars(axes: Axes, result: UpkeepResult) -> None:
    """Draw energy by purpose at the end, one bar for each policy."""
    n = len(result.policies)
    largest = max(found.energies[-1] for found in result.policies)
    for purpose, colour in _PURPOSES.items():
        left = [0.0] * n
        for before in list(_PURPOSES)[: list(_PURPOSES).index(purpose)]:
            left = [x + f.spent[before] for x, f in zip(left, result.policies, strict=True)]
        values = [found.spent[purpose] for found in result.policies]
        axes.barh(range(n), values, left=left, height=0.5, color=colour, label=purpose)
    for i, found in enumerate(result.policies):
        axes.text(
            0.01 * largest, i - 0.31, f"{found.policy.name}: {found.mean.value:.1f} {result.unit} over time",
            fontsize=8, color=COLOURS[i % len(COLOURS)], va="bottom", fontweight="bold",
        )  # fmt: skip
    axes.set_xlim(0.0, 1.05 * largest)
    axes.set_ylim(n - 0.5, -0.75)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"energy after {time_name(result.settings.duration)} (mJ)")
    axes.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
