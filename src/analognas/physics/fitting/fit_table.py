"""What a fitted device prints."""

from __future__ import annotations

from typing import Any

from ...core.text_tables import ShownTable
from ...core.times import time_name

__all__ = ["fit_table"]

_QUANTITIES = {
    "programming_std": "programming std (µS)",
    "nu_means": "exponent mean",
    "nu_stds": "exponent std",
    "read_qs": "read noise Q",
    "read_stds": "read noise (µS)",
    "spread": "spread (µS)",
}
_VERDICTS = {True: "holds", False: "does not hold", None: "not tested"}


def fit_table(fit: Any) -> ShownTable:
    """Return the fitted numbers at each target, the checks and the remarks of a :class:`.DeviceFit`."""
    rows = [
        (
            label + ("" if quantity.time is None else f" at {time_name(quantity.time)}"),
            f"{quantity.target:.4g}",
            f"{quantity.value:.4g}",
            f"[{quantity.low:.4g}, {quantity.high:.4g}]",
        )
        for name, label in _QUANTITIES.items()
        for quantity in fit.select(name)
    ]
    checks = [f"{one.name}: {_VERDICTS[one.passed]}" for one in fit.checks]
    level = f"{100 * fit.settings.confidence:g} % interval"
    return ShownTable(
        f"{type(fit.device).__name__}: {len(fit.data.target):,} devices at {len(fit.data.targets)} "
        f"{'target' if len(fit.data.targets) == 1 else 'targets'}",
        ("quantity", "target (µS)", "value", level),
        tuple(rows),
        (*checks, *(f"note: {remark}" for remark in fit.remarks)),
    )
