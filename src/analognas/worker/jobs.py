"""What a back end is given to do, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import (
    DataNotFoundError,
    InvalidArgumentError,
    NotFittedError,
    TableIntegrityError,
    UnknownNameError,
)
from ..evaluators import Evaluation, Evaluator
from ..spaces import Population

NOT_READY = (
    DataNotFoundError,
    InvalidArgumentError,
    NotFittedError,
    TableIntegrityError,
    UnknownNameError,
)
"""Errors that speak of the evaluator, not of one architecture: a search ends with them at once."""

_LONGEST_ERROR = 500


@dataclass(frozen=True)
class Job:
    """A population to be measured.

    Attributes:
        population: Shape ``(n, n_genes)``.
        metrics: Names of the metrics wanted.
        sem_metrics: Those of them that come with a standard error.
        seeds: What the randomness of each row follows from, shape ``(n,)``, where the evaluator is a
            :class:`.StochasticEvaluator`; else None.
    """

    population: Population
    metrics: Sequence[str]
    sem_metrics: Sequence[str]
    seeds: NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self.population)

    def row(self, row: int) -> Job:
        """The part of it that is one architecture."""
        rows = slice(row, row + 1)
        seeds = None if self.seeds is None else self.seeds[rows]
        return Job(self.population[rows], self.metrics, self.sem_metrics, seeds)

    def run(self, evaluator: Any) -> Evaluation:
        """Measure it.

        Raises:
            InvalidArgumentError: If the evaluator does not return one value for each row.
        """
        if self.seeds is None:
            evaluation: Evaluation = evaluator.evaluate(self.population, self.metrics)
        else:
            evaluation = evaluator.measure(self.population, self.metrics, seeds=self.seeds)
        if len(evaluation) != len(self.population):
            raise InvalidArgumentError(
                f"An evaluator must return one value for each of {len(self.population)} architectures, but "
                f"{type(evaluator).__name__} returned {len(evaluation)}."
            )
        return evaluation

    def unmeasured(self) -> Evaluation:
        """NaN for every value: what stands for evaluations that failed."""
        return Evaluation(
            {name: np.full(len(self), np.nan) for name in self.metrics},
            {name: np.full(len(self), np.nan) for name in self.sem_metrics},
        )


class Outcome(NamedTuple):
    """Rows of a job that are done.

    Attributes:
        rows: Which rows, rising.
        evaluation: Their metrics, NaN where evaluating failed.
        error: Why it failed; None if it did not. Rows that fail come alone.
    """

    rows: Sequence[int]
    evaluation: Evaluation
    error: str | None = None


def error_text(error: BaseException) -> str:
    """An error as a trial log keeps it: kind and message, on one line."""
    message = " ".join(str(error).split())
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return text[:_LONGEST_ERROR]


def attempt(evaluator: Evaluator, job: Job) -> Evaluation | str:
    """Measure a job; return why not, if that fails.

    Raises:
        NOT_READY: If the evaluator itself is not ready.
    """
    try:
        return job.run(evaluator)
    except NOT_READY:
        raise
    except Exception as error:
        return error_text(error)
