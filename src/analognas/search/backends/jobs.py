"""Jobs of a back end, and their outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core import (
    DataNotFoundError,
    InvalidArgumentError,
    NotFittedError,
    OutputFolderError,
    TableIntegrityError,
    UnknownNameError,
)
from ...core.processes import one_line
from ...evaluators import FIDELITY, Evaluation, Evaluator
from ...spaces import Population

NOT_READY = (
    DataNotFoundError,
    InvalidArgumentError,
    NotFittedError,
    OutputFolderError,
    TableIntegrityError,
    UnknownNameError,
)
"""Errors of the evaluator instead of an architecture; they end a search at once."""

_LONGEST_ERROR = 500
_LONGEST_VALUE = 60


@dataclass(frozen=True)
class Job:
    """A population to be measured.

    Attributes:
        population: Shape ``(n, n_genes)``.
        metrics: Names of the metrics.
        sem_metrics: Metrics with a standard error.
        seeds: Seed of each row, shape ``(n,)``, for stochastic evaluators; else None.
        fidelities: Fidelity of each row, shape ``(n,)``, which then is a metric as well; None: full fidelity.
    """

    population: Population
    metrics: Sequence[str]
    sem_metrics: Sequence[str]
    seeds: NDArray[np.uint64] | None = None
    fidelities: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.population)

    def row(self, row: int) -> Job:
        """Return the job of one architecture."""
        return self.rows(row, row + 1)

    def rows(self, start: int, stop: int) -> Job:
        """Return the job of consecutive architectures."""
        if start == 0 and stop == len(self):
            return self
        rows = slice(start, stop)
        seeds = None if self.seeds is None else self.seeds[rows]
        fidelities = None if self.fidelities is None else self.fidelities[rows]
        return Job(self.population[rows], self.metrics, self.sem_metrics, seeds, fidelities)

    def run(self, evaluator: Any) -> Evaluation:
        """Measure it.

        Raises:
            InvalidArgumentError: If the evaluator does not return an evaluation with one number of each metric
                and standard error for each row.
        """
        evaluation: Any
        if self.fidelities is not None:
            wanted = [name for name in self.metrics if name != FIDELITY]
            evaluation = evaluator.evaluate_at(self.population, wanted, fidelities=self.fidelities)
        elif self.seeds is not None:
            evaluation = evaluator.measure(self.population, self.metrics, seeds=self.seeds)
        else:
            evaluation = evaluator.evaluate(self.population, self.metrics)
        kind = type(evaluator).__name__
        if not isinstance(evaluation, Evaluation):
            raise InvalidArgumentError(
                f"An evaluator must return an Evaluation, but {kind} returned {_short(evaluation)}; write "
                "Evaluation({metric: values, ...}, {metric: standard errors, ...})."
            )
        means = evaluation.means
        if self.fidelities is not None:
            means = {**means, FIDELITY: self.fidelities}
        return Evaluation(
            self._columns(kind, "values", means, self.metrics),
            self._columns(kind, "standard errors", evaluation.sems, self.sem_metrics),
        )

    def _columns(
        self, kind: str, what: str, given: Mapping[str, Any], wanted: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Return the requested arrays of an evaluation, after a check."""
        columns = {}
        for name in wanted:
            if name not in given:
                listed = ", ".join(map(str, given)) or "none"
                raise InvalidArgumentError(
                    f"An evaluator must return the {what} of {name!r} that it lists, but {kind} returned "
                    f"{what} of {listed}."
                )
            column = np.asarray(given[name])
            if column.shape != (len(self),):
                n = len(column) if column.ndim == 1 else f"an array of shape {column.shape}"
                raise InvalidArgumentError(
                    f"An evaluator must return one value for each of {len(self)} architectures, but {kind} "
                    f"returned {n} for {name!r}."
                )
            if column.dtype.kind not in "fiub":
                raise InvalidArgumentError(
                    f"An evaluator must return numbers, but {kind} returned {_short(column[0])} for {name!r}."
                )
            columns[name] = column
        return columns

    def unmeasured(self) -> Evaluation:
        """Return the evaluation of failures: NaN for every value but the fidelity."""
        means = {name: np.full(len(self), np.nan) for name in self.metrics}
        if self.fidelities is not None:
            means[FIDELITY] = self.fidelities
        return Evaluation(
            means,
            {name: np.full(len(self), np.nan) for name in self.sem_metrics},
        )


class Outcome(NamedTuple):
    """Finished rows of a job.

    Attributes:
        rows: Positions of the rows, ascending.
        evaluation: Their metrics; NaN after a failure.
        error: Reason of the failure; None if there was none. Each failed row has its own outcome.
    """

    rows: Sequence[int]
    evaluation: Evaluation
    error: str | None = None

    def separated(self) -> Iterator[Outcome]:
        """Yield all valid rows as one outcome, and each row with an impossible value as a failure.

        Infinite values, and infinite or negative standard errors, become NaN. NaN from an evaluator is not a
        failure: the value does not exist.
        """
        flaws = [] if self.error is not None else _flaws(self.evaluation)
        if not flaws:
            yield self
            return
        at_fault = np.any([flaw.where for flaw in flaws], axis=0)
        sound = np.flatnonzero(~at_fault)
        if len(sound):
            yield Outcome([self.rows[at] for at in sound.tolist()], self.evaluation.take(sound))
        for at in np.flatnonzero(at_fault).tolist():
            first = next(flaw for flaw in flaws if flaw.where[at])
            alone = self.evaluation.take(slice(at, at + 1))
            for columns in (alone.means, alone.sems):
                void = [flaw.metric for flaw in flaws if flaw.where[at] and flaw.metric in columns]
                columns.update(dict.fromkeys(void, np.array([np.nan])))
            yield Outcome([self.rows[at]], alone, f"its {first.column} is {first.values[at]:g}")


class _Flaw(NamedTuple):
    """A column with impossible values, and where they are."""

    metric: str
    column: str
    values: NDArray[Any]
    where: NDArray[np.bool_]


def _flaws(evaluation: Evaluation) -> list[_Flaw]:
    found = [_Flaw(name, name, v, np.isinf(v)) for name, v in evaluation.means.items()]
    for name, v in evaluation.sems.items():
        found.append(_Flaw(name, f"{name}_sem", v, np.isinf(v) | (v < 0)))
    return [flaw for flaw in found if flaw.where.any()]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def error_text(error: BaseException) -> str:
    """Return an error as a trial log stores it: class and message, on one line."""
    return one_line(error)[:_LONGEST_ERROR]


def attempt(evaluator: Evaluator, job: Job) -> Evaluation | str:
    """Measure a job; return the error as text if that fails.

    Raises:
        NOT_READY: If the evaluator itself is not ready.
    """
    try:
        return job.run(evaluator)
    except NOT_READY:
        raise
    except Exception as error:
        return error_text(error)
