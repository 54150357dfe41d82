"""How far a measured table can be trusted: what failed, what cannot be, and the noise of its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .quality import LabelNoise, label_noise

if TYPE_CHECKING:
    from .measured import MeasuredTable

__all__ = ["MeasuredQuality", "assess_measured"]

SIGMAS = 3.0
"""A later reading that lies so many standard errors above an earlier one is suspicious."""

LEAST_REPEATED = 3
"""Architectures with several seeds that an estimate of the noise needs."""


@dataclass(frozen=True)
class MeasuredQuality:
    """What :meth:`.MeasuredTable.quality` found.

    Attributes:
        n_architectures: Architectures.
        n_rows: Rows: architectures times seeds.
        n_repeated: Architectures with several seeds.
        n_failed: Rows with an error.
        complete: Whether the build had ended when the table was merged.
        rising: Architectures whose accuracy on chips rises with time by more than three standard errors.
        noise: Label noise by metric, from architectures with several seeds; empty with fewer than three.
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
            return "\n".join(lines)
        lines += [
            f"{self.n_repeated} architectures with several seeds; their noise:",
            f"  {'metric':<22}{'median std':>12}{'pooled std':>12}{'ceiling tau':>13}",
        ]
        lines += [
            f"  {row.metric:<22}{row.median_std:>12.2f}{row.pooled_std:>12.2f}{row.ceiling_tau:>13.3f}"
            for row in self.noise
        ]
        return "\n".join(lines)


def assess_measured(table: MeasuredTable) -> MeasuredQuality:
    """Examine a measured table."""
    sizes = np.bincount(table.places, minlength=len(table))
    repeated = int((sizes > 1).sum())
    noise = [] if repeated < LEAST_REPEATED else _noise(table, table.rows.metrics)
    return MeasuredQuality(
        n_architectures=len(table),
        n_rows=len(table.rows),
        n_repeated=repeated,
        n_failed=sum(bool(error) for error in table.rows.errors),
        complete=table.complete,
        rising=tuple(table.full_space.decode(row) for row in table.population[_rising(table)]),
        noise=tuple(noise),
    )


def _noise(table: MeasuredTable, metrics: Sequence[str]) -> list[LabelNoise]:
    found = []
    for name in metrics:
        values = table.rows.values[name]
        known = np.isfinite(values)
        places = table.places[known]
        if (np.bincount(places, minlength=1) > 1).sum() >= LEAST_REPEATED:
            found.append(label_noise(name, values[known], places))
    return found


def _rising(table: MeasuredTable) -> NDArray[np.bool_]:
    """Architectures that gain accuracy with time beyond their standard errors."""
    rising = np.zeros(len(table), dtype=bool)
    for kind in ("noisy", "analog"):
        start = f"{kind}_drift_"
        times = sorted(
            int(name.removeprefix(start)) for name in table.rows.metrics if name.startswith(start)
        )
        names = [f"{start}{time}" for time in times if f"{start}{time}" in table.metrics_with_sem]
        for early, late in pairwise(names):
            wanted = (early, late, f"{early}_sem", f"{late}_sem")
            columns = table.query(table.population, wanted)
            gain = columns[late] - columns[early]
            rising |= gain > SIGMAS * np.hypot(columns[f"{early}_sem"], columns[f"{late}_sem"])
    return rising
