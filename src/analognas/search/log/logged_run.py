"""The trials of one run, from a trial log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.limits import parse_json
from ...evaluators import Evaluation
from ...spaces import Population, Space
from .content import SEM, Content
from .schema import DamagedLogError


@dataclass(frozen=True)
class LoggedRun:
    """The trials of one run, in the order of their numbers.

    Attributes:
        numbers: Their numbers within the run, shape ``(n,)``, rising. Some may be absent: of a batch that was
            measured in parallel, those that had not ended.
        population: Genotypes, shape ``(n, n_genes)``.
        evaluation: Their metrics.
        errors: Why an evaluation has no values, by number.
        states: State of the run's random generator, by the number of trials that had been told.
        seconds: Time that the run had taken when it was last written.
    """

    numbers: NDArray[np.int64]
    population: Population
    evaluation: Evaluation
    errors: dict[int, str] = field(default_factory=dict)
    states: dict[int, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def of(cls, content: Content, run: int, space: Space) -> LoggedRun:
        """Take one run out of a log.

        Raises:
            DamagedLogError: If a genotype is not of the space, or a state cannot be read.
        """
        rows = content.run == run
        means, sems = {}, {}
        for name, column in zip(content.columns, content.values[rows].T, strict=True):
            if name.endswith(SEM):
                sems[name.removesuffix(SEM)] = column
            else:
                means[name] = column
        states = [state for state in content.states if state[0] == run]
        return cls(
            content.number[rows],
            in_space(content.genotypes[rows], space),
            Evaluation(means, sems),
            {number: error for of_run, number, error in content.failures if of_run == run},
            {
                number: parse_json(text, where="a state of a run", error=DamagedLogError)
                for _, number, _, text in states
            },
            float(states[-1][2]) if states else 0.0,
        )


def in_space(genotypes: NDArray[np.int64], space: Space) -> Population:
    """Return genotypes in the number type of a space.

    Raises:
        DamagedLogError: If one has another length, or an index that the space does not have.
    """
    if not len(genotypes):
        return np.empty((0, space.n_genes), dtype=space.dtype)
    n_genes = genotypes.shape[1]
    if n_genes != space.n_genes:
        raise DamagedLogError(
            f"its genotypes have {n_genes} genes, but those of the space {space.name!r} have {space.n_genes}"
        )
    outside = ((genotypes < 0) | (genotypes >= space.n_choices)).any(axis=1)
    if outside.any():
        raise DamagedLogError(
            f"its genotype {genotypes[outside][0].tolist()} is not one of the space {space.name!r}"
        )
    return genotypes.astype(space.dtype)


def sem_column(metric: str) -> str:
    """Name of the column that holds the standard error of a metric."""
    return metric + SEM
