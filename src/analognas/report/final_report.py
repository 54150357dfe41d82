"""Figures of a final training: how it learned, and how accurate it stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .drift_curves import write_drift_report
from .training import write_training_report

if TYPE_CHECKING:
    from ..search import FinalTraining


def write_final_report(final: FinalTraining) -> list[Path]:
    """Write the figures of both parts beside their numbers, and return their paths.

    Args:
        final: What :meth:`.Worker.train_best` returned.
    """
    return [
        *write_training_report(list(final.training), final.folder),
        write_drift_report(final.drift, final.folder / "drift"),
    ]
