"""A batch of a run: the proposed architectures, and which of them are measured."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError
from ..evaluators import Evaluation, Evaluator
from ..spaces import Population, Space


class Batch(NamedTuple):
    """Proposed architectures, cut where the budget ends.

    Attributes:
        population: Shape ``(n, n_genes)``.
        new: Whether each row is measured for the first time in the run.
        paid: Whether each row is measured: all of these count against the budget.
        counted: Metrics that were checked before, of each row.
        fidelities: Fidelity of each row, shape ``(n,)``; None where all are measured in full.
    """

    population: Population
    new: list[bool]
    paid: list[bool]
    counted: dict[str, NDArray[np.float64]]
    fidelities: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.new)


def measurement_keys(
    space: Space, population: Population, fidelities: NDArray[np.float64] | None
) -> list[Any]:
    """Return what identifies a measurement of each row: its code, and at several fidelities its fidelity."""
    codes: list[Any] = space.codes(population).tolist()
    return codes if fidelities is None else list(zip(codes, fidelities.tolist(), strict=True))


def affordable(
    codes: Sequence[Any],
    barred: Sequence[bool] | None,
    first_trial: dict[Any, int],
    n_trials: int,
    left: float,
    *,
    stochastic: bool,
) -> tuple[list[bool], list[bool]]:
    """Return which rows of a proposal are new and which are measured, up to the end of the budget.

    Args:
        codes: What identifies the measurement of each row.
        barred: Which rows break a bound that is checked first; None: no row.
        first_trial: Number of the first trial of each code; new codes are added.
        n_trials: Number of earlier trials.
        left: Measurements that the budget has left.
        stochastic: Whether a repeat is a new measurement.
    """
    new: list[bool] = []
    paid: list[bool] = []
    for code, is_barred in zip(codes, barred or repeat(False, len(codes)), strict=True):
        if not left:
            break
        unseen = code not in first_trial
        if unseen:
            first_trial[code] = n_trials + len(new)
        new.append(unseen and not is_barred)
        paid.append((unseen or stochastic) and not is_barred)
        left -= paid[-1]
    return new, paid


def check_counts(
    evaluator: Evaluator, batch: Batch, rows: Sequence[int], measured: Evaluation
) -> None:
    """Check that an evaluator returns the values that were counted before.

    Args:
        evaluator: The evaluator.
        batch: The batch.
        rows: Which of its rows were measured.
        measured: Their metrics.

    Raises:
        InvalidArgumentError: If one differs.
    """
    for name, counted in batch.counted.items():
        before, after = counted[rows], measured.means[name]
        differs = ~(np.isclose(before, after, rtol=1e-9, atol=0.0) | np.isnan(after))
        if differs.any():
            at = int(differs.argmax())
            architecture = evaluator.space.decode(batch.population[rows[at]])
            raise InvalidArgumentError(
                f"{type(evaluator).__name__} says that {name!r} of {architecture} is {after[at]:.12g}, but "
                f"counted before it was {before[at]:.12g}. Bounds on it are checked first; where your {name!r} "
                "is something else, override `cheap_metrics`, for example with ()."
            )


def grown(array: NDArray[Any], capacity: int) -> NDArray[Any]:
    """Return an array with room for more rows."""
    larger = np.empty((capacity, *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
