"""Quality of a measured table: failures, impossible values, and label noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.text_tables import wrapped
from .measured_rows import TableRows
from .quality import LabelNoise, label_noise, noise_table

__all__ = ["MeasuredQuality", "assess_measured", "find_rising", "followed_in_time"]

SIGMAS = 3.0
"""A later reading this many standard errors above an earlier one is suspicious."""

LEAST_REPEATED = 3
"""Fewest architectures with several seeds for an estimate of the noise."""


@dataclass(frozen=True)
class MeasuredQuality:
    """Result of :meth:`.MeasuredTable.quality`.

    Attributes:
        n_architectures: Architectures.
        n_rows: Rows: architectures times seeds.
        n_repeated: Architectures with several seeds.
        n_failed: Rows with an error.
        complete: Whether the build had ended when the table was merged.
        rising: Architectures whose accuracy on chips rises with time by more than three standard errors.
        noise: Label noise by metric, from architectures with several seeds; empty with fewer than three.

    Example:
        >>> from analognas.tables import MeasuredTable
        >>> found = MeasuredTable("my-build/table.parquet").quality()
        >>> found.n_architectures, found.n_repeated, found.complete
        (6, 3, True)
    """

    n_architectures: int
    n_rows: int
    n_repeated: int
    n_failed: int
    complete: bool
    rising: tuple[Any, ...]
    noise: tuple[LabelNoise, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.n_architectures} architectures, {self.n_rows} rows"
            + ("" if self.complete else "; the build had not ended"),
            f"{self.n_failed} rows with an error",
            f"{len(self.rising)} architectures whose accuracy on chips rises by more than {SIGMAS:g} standard "
            "errors",
        ]
        if not self.noise:
            lines.append(
                f"{self.n_repeated} architectures with several seeds: too few for an estimate of label noise"
            )
            return "\n".join(map(wrapped, lines))
        lines.append(f"{self.n_repeated} architectures with several seeds; their noise:")
        return "\n".join([*map(wrapped, lines), noise_table(self.noise)])


def assess_measured(
    rows: TableRows, places: NDArray[np.int64], *, rising: Sequence[Any], complete: bool
) -> MeasuredQuality:
    """Examine the rows of a measured table.

    Args:
        rows: Rows of the file.
        places: Which architecture each row is about, shape ``(n_rows,)``.
        rising: Architectures of :func:`find_rising`.
        complete: Whether the build had ended when the table was merged.
    """
    sizes = np.bincount(places)
    repeated = int((sizes > 1).sum())
    noise = [] if repeated < LEAST_REPEATED else _noise(rows, places)
    return MeasuredQuality(
        n_architectures=len(sizes),
        n_rows=len(rows),
        n_repeated=repeated,
        n_failed=sum(bool(error) for error in rows.errors),
        complete=complete,
        rising=tuple(rising),
        noise=tuple(noise),
    )


def followed_in_time(metrics: Sequence[str]) -> list[list[str]]:
    """Return the accuracies on chips by kind, each from the earliest time on.

    Example:
        >>> followed_in_time(["analog_drift_3600", "params", "analog_drift_60"])
        [['analog_drift_60', 'analog_drift_3600']]
    """
    found = []
    for kind in ("noisy", "analog"):
        start = f"{kind}_drift_"
        times = sorted(int(name.removeprefix(start)) for name in metrics if name.startswith(start))
        found.append([f"{start}{time}" for time in times])
    return [names for names in found if names]


def find_rising(
    columns: Mapping[str, NDArray[np.float64]], groups: Sequence[Sequence[str]]
) -> NDArray[np.bool_]:
    """Find architectures that gain accuracy with time beyond their standard errors, shape ``(n,)``.

    Args:
        columns: Metrics and their standard errors (``METRIC_sem``) by name, shape ``(n,)`` each.
        groups: Names of the metrics as :func:`followed_in_time` sorts them.
    """
    rising = np.zeros(len(next(iter(columns.values()), ())), dtype=bool)
    for names in groups:
        for early, late in pairwise(names):
            gain = columns[late] - columns[early]
            rising |= gain > SIGMAS * np.hypot(columns[f"{early}_sem"], columns[f"{late}_sem"])
    return rising


def _noise(rows: TableRows, all_places: NDArray[np.int64]) -> list[LabelNoise]:
    found = []
    for name in rows.metrics:
        values = rows.values[name]
        known = np.isfinite(values)
        places = all_places[known]
        if (np.bincount(places, minlength=1) > 1).sum() >= LEAST_REPEATED:
            found.append(label_noise(name, values[known], places))
    return found
