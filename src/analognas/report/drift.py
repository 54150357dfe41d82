"""Accuracy against time since programming, for the best cells of a search."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core import DRIFT_TIME_NAMES, DRIFT_TIMES
from ..spaces import Space, architecture_labels
from .style import COLOURS, GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OFFSET = 0.035
"""Offset between error bars of different cells, as a fraction of a decade."""

_LABEL_WIDTH = 40
"""Largest number of characters of a line in the legend."""


def drift_figure(
    cells: Sequence[dict[str, Any]],
    title: str = "Best cells found",
    *,
    space: Space | None = None,
) -> Figure:
    """Draw mean accuracy over time with one standard deviation over the readings.

    The left panel compares the best cells. The right panel compares the first cell with and without
    hardware-aware training.

    Args:
        cells: Winners of a search, best first, each with ``architecture`` and ``metrics``.
        title: Name of the cells in the heading.
        space: Their space; None: inactive hyperparameters are shown.

    Example:
        >>> from analognas import AnalogNASBench
        >>> bench = AnalogNASBench()
        >>> cell = (2, 2, 0, 4, 2, 1)
        >>> metrics = {name: float(bench.query_metric(cell, name)) for name in bench.metrics}
        >>> type(drift_figure([{"architecture": cell, "metrics": metrics}])).__name__
        'Figure'
    """
    figure, (axes, contrast) = new_figure(10.0, 4.2, panels=(3, 2))
    labels = architecture_labels([cell["architecture"] for cell in cells], space).texts
    for rank, (name, cell) in enumerate(zip(labels, cells, strict=True)):
        shift = 10 ** (_OFFSET * (rank - (len(cells) - 1) / 2))
        name = "\n      ".join(textwrap.wrap(name, _LABEL_WIDTH))
        style = {"color": COLOURS[rank % len(COLOURS)], "marker": "o"}
        _curve(axes, cell["metrics"], "analog", shift, label=f"{rank + 1}.  {name}", **style)
    month = f"analog_drift_{DRIFT_TIMES[-1]}"
    axes.set_title(
        f"{title}: {cells[0]['metrics'][month]:.1f} % after {DRIFT_TIME_NAMES[DRIFT_TIMES[-1]]}",
        fontsize=10,
    )
    axes.set_ylabel("CIFAR-10 accuracy (%), readings: mean ± 1 std")
    axes.legend(title="cell", frameon=False, fontsize="small", loc="lower left")

    best = cells[0]["metrics"]
    contrast.axhline(best["baseline_accuracy"], color=GREY, linestyle=":", label="digital FP32")
    _curve(contrast, best, "analog", 1.0, label="hardware-aware", color=COLOURS[0], marker="o")
    _curve(contrast, best, "noisy", 1.0, label="mapped as it is", color=COLOURS[1], marker="s")
    lost = best[f"noisy_drift_{DRIFT_TIMES[-1]}"]
    contrast.set_title(f"First cell without training for the chip: {lost:.1f} %", fontsize=10)
    contrast.legend(frameon=False, fontsize="small", loc="lower left")
    for panel in (axes, contrast):
        panel.set_xscale("log")
        panel.set_xticks(DRIFT_TIMES, [DRIFT_TIME_NAMES[time] for time in DRIFT_TIMES])
        panel.minorticks_off()
        panel.set_xlabel("time since programming")
    return figure


def _curve(axes: Axes, metrics: dict[str, float], kind: str, shift: float, **style: Any) -> None:
    axes.errorbar(
        [time * shift for time in DRIFT_TIMES],
        [metrics[f"{kind}_drift_{time}"] for time in DRIFT_TIMES],
        yerr=[metrics[f"{kind}_drift_{time}_std"] for time in DRIFT_TIMES],
        capsize=2.5,
        markersize=4,
        linewidth=1.4,
        **style,
    )
