"""What a drift result prints."""

from __future__ import annotations

import math
from typing import Any

from ..core.text_tables import ShownTable, with_unit
from ..core.times import time_name
from ..training.tasks import lost_unit

__all__ = ["drift_table"]


def drift_table(result: Any, level: float) -> ShownTable:
    """Return what a :class:`.DriftResult` prints: the metric and its interval at each time.

    Args:
        result: The result.
        level: Normalised metric that counts as equal to the digital network.
    """
    loss = lost_unit(result.task)
    named = with_unit(result.task.metric_name, result.task.unit)
    heads = ("time", named, "95 % interval", "iso", with_unit("chip std", loss), "normalised")
    rows = []
    for t in result.times:
        here, share, std = result.at(t), result.normalised(t).value, result.chip_std(t)
        rows.append(
            (
                time_name(t),
                f"{here.value:.2f}",
                here.interval,
                result.iso_accuracy(t),
                "-" if math.isnan(std) else f"{std:.2f}",
                "-" if math.isnan(share) else f"{share:.4f}",
            )
        )
    return ShownTable(
        f"{result.task.metric_name}: {result.reference_text}, {result.n_chips} chip"
        f"{'s' * (result.n_chips > 1)}, {result.n_scored:,} forwards of one example",
        tuple(head.replace("95", f"{100 * result.confidence:g}") for head in heads),
        tuple(rows),
        (f"iso: whether at least {100 * level:g} % of the digital value above chance is kept",),
    )
