"""A batch of a run: what the optimizer proposed, and what of it is measured."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..spaces import Population


class Batch(NamedTuple):
    """What the optimizer proposed, as far as the budget reaches.

    Attributes:
        population: Shape ``(n, n_genes)``.
        new: Whether each row is measured for the first time in the run.
        paid: Whether each row is measured: all of these count against the budget.
        counted: Metrics that were checked before, of each row.
    """

    population: Population
    new: list[bool]
    paid: list[bool]
    counted: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.new)
