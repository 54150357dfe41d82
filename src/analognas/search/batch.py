"""A batch of a run: the proposed architectures, and which of them are measured."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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


def grown(array: NDArray[Any], capacity: int) -> NDArray[Any]:
    """Return an array with room for more rows."""
    larger = np.empty((capacity, *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
