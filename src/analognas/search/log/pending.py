"""Trials that are not yet written to a log, as rows of its table and as cells of its checksum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...evaluators import Evaluation
from ...spaces import Population, Space
from ...spaces.genotypes import row_texts
from .commit_checksums import Failure, Sealed, joined
from .content import SEM


class PendingBatch(NamedTuple):
    """A batch, or a part of one."""

    run: int
    first: int
    batch: int
    time: float
    population: Population
    new: Sequence[bool]
    evaluation: Evaluation
    errors: Mapping[int, str]

    def column(self, name: str) -> NDArray[Any]:
        """Values of one column."""
        means = self.evaluation.means
        return means[name] if name in means else self.evaluation.sems[name.removesuffix(SEM)]


class Pending:
    """Batches that are written together.

    Args:
        batches: The batches, in the order in which they came.
        columns: Names of the value columns.
        space: The space, if they are written with their architectures.

    Attributes:
        extents: Which trials they are.
        sealed: The trials as their checksum sees them.
        failures: Why some have no values.
    """

    def __init__(
        self, batches: Sequence[PendingBatch], columns: Sequence[str], space: Space | None
    ) -> None:
        sizes = [len(one.population) for one in batches]
        self.extents = joined(
            (one.run, one.first, size) for one, size in zip(batches, sizes, strict=True)
        )
        facts = np.array([(one.run, one.batch) for one in batches], dtype=np.int64)
        self._run, batch = np.repeat(facts, sizes, axis=0).T
        times = np.repeat(np.array([one.time for one in batches], dtype=np.float64), sizes)
        self._new = list(chain.from_iterable(one.new for one in batches))
        self._values = np.empty((len(columns), len(self._new)))
        for row, name in zip(self._values, columns, strict=True):
            np.concatenate([one.column(name) for one in batches], out=row)
        self._genotypes = np.concatenate([one.population for one in batches])
        architectures: Sequence[str | None] = [None] * len(self._new)
        if space is not None:
            architectures = list(space.json_texts(self._genotypes))
        self._facts = batch, times, self._new
        self.sealed = Sealed.of(self._facts, self._genotypes, self._values.T, architectures)
        self.failures: list[Failure] = [
            (one.run, number, error.encode(errors="backslashreplace").decode())
            for one in batches
            for number, error in one.errors.items()
        ]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows of the table ``trials``."""
        batch, times, new = self._facts
        return zip(
            self._run.tolist(),
            chain.from_iterable(range(first, first + count) for _, first, count in self.extents),
            batch.tolist(),
            times.tolist(),
            new,
            row_texts(self._genotypes),
            *self._values.tolist(),
            self.sealed.architectures,
            strict=True,
        )
