"""One run: ask, evaluate, tell, log, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import ResumeError
from ..evaluators import Evaluation, Evaluator, Problem, StochasticEvaluator, reading_seeds
from ..optimizers import Optimizer
from ..spaces import Population
from .results import RunResult
from .trial_log import LoggedRun, TrialLog, sem_column

STALL = 10_000
"""A run ends after this many evaluations in a row that brought nothing new."""


class Run:
    """The state of one run; :meth:`execute` drives it.

    Args:
        number: Number of the run within the search.
        optimizer: An optimizer that was reset for this run.
        evaluator: Where values come from.
        problem: What is searched for.
        budget: Evaluations to pay for, see :attr:`n_spent`.
        log: Where trials go, if anywhere.
        seed: Seed of the search; the seeds of readings follow from it.
    """

    def __init__(
        self,
        number: int,
        *,
        optimizer: Optimizer,
        evaluator: Evaluator,
        problem: Problem,
        budget: int,
        log: TrialLog | None = None,
        seed: int = 0,
    ) -> None:
        self.number = number
        self.optimizer = optimizer
        self.evaluator = evaluator
        self.problem = problem
        self.budget = budget
        self.log = log
        self.seed = seed
        self.n_trials = 0
        self.n_distinct = 0
        self._sem_metrics = [name for name in problem.metrics if name in evaluator.metrics_with_sem]
        self._genotypes = np.empty((0, evaluator.space.n_genes), dtype=evaluator.space.dtype)
        self._values = np.empty((0, len(problem.metrics) + len(self._sem_metrics)))
        self._new = np.empty(0, dtype=bool)
        # Number of the trial that first measured each architecture, by code.
        self._first_trial: dict[Any, int] = {}
        # How often each architecture was read, by code; only where a repeat is a new measurement.
        self._n_readings: dict[Any, int] = {}
        self._logged = None if log is None else log.read_run(number, evaluator.space)

    def execute(self, after_batch: Callable[[Run], None] | None = None) -> RunResult:
        """Drive the optimizer until the budget is spent or nothing new is left.

        Args:
            after_batch: Called after every batch.

        Raises:
            ResumeError: If the log holds other trials than this run proposes.
        """
        batch = 0
        since_new = 0
        stopped_by = "budget"
        while self.n_spent < self.budget:
            proposed = self.optimizer.ask()
            if not len(proposed):
                stopped_by = "exhausted"
                break
            population, new = self._within_budget(proposed)
            first = self.n_trials
            evaluation = self._evaluate(population, new)
            self._record(population, new, evaluation)
            self.optimizer.tell(population, evaluation)
            if self.log is not None:
                self._append(self.log, first, batch, population, new, evaluation)
            batch += 1
            paid = any(new) or self.problem.stochastic
            since_new = 0 if paid else since_new + len(population)
            if since_new >= STALL:
                stopped_by = "stalled"
                break
            if after_batch is not None:
                after_batch(self)
        return self._result(stopped_by)

    @property
    def n_spent(self) -> int:
        """What counted against the budget: distinct architectures, or all readings where repeats are new."""
        return self.n_trials if self.problem.stochastic else self.n_distinct

    def snapshot(self) -> RunResult:
        """What the run has found so far."""
        return self._result("running")

    def _within_budget(self, proposed: Population) -> tuple[Population, list[bool]]:
        """Cut a proposal where the budget ends; tell which rows are new to the run."""
        left = self.budget - self.n_spent
        new: list[bool] = []
        for code in self.evaluator.space.codes(proposed).tolist():
            if not left:
                break
            is_new = code not in self._first_trial
            if is_new:
                self._first_trial[code] = self.n_trials + len(new)
            left -= is_new or self.problem.stochastic
            new.append(is_new)
        return proposed[: len(new)], new

    def _evaluate(self, population: Population, new: Sequence[bool]) -> Evaluation:
        logged = self._logged_part(population)
        if isinstance(self.evaluator, StochasticEvaluator):
            return self._read(self.evaluator, population, logged)
        if not len(logged):
            if all(new):
                return self.evaluator.evaluate(population, self.problem.metrics)
            return self._fill(population, new, 0, np.empty((0, self._values.shape[1])))
        if len(logged) == len(population):
            return logged.evaluation
        return self._fill(population, new, len(logged), self._matrix(logged.evaluation))

    def _read(
        self, evaluator: StochasticEvaluator, population: Population, logged: LoggedRun
    ) -> Evaluation:
        """Take a new reading of every row that the log does not hold."""
        readings = []
        for code in evaluator.space.codes(population).tolist():
            readings.append(self._n_readings.get(code, 0))
            self._n_readings[code] = readings[-1] + 1
        n_known = len(logged)
        if n_known == len(population):
            return logged.evaluation
        rows = population[n_known:]
        seeds = reading_seeds(self.seed, self.number, rows, readings[n_known:])
        measured = evaluator.measure(rows, self.problem.metrics, seeds=seeds)
        if not n_known:
            return measured
        known, added = self._matrix(logged.evaluation), self._matrix(measured)
        return self._evaluation(np.concatenate([known, added]))

    def _logged_part(self, population: Population) -> LoggedRun:
        """Return the trials that the log already holds for the rows of this batch."""
        if self._logged is None or self.n_trials >= len(self._logged):
            return LoggedRun(population[:0], Evaluation({}))
        part = slice(self.n_trials, self.n_trials + len(population))
        genotypes = self._logged.population[part]
        differs = (genotypes != population[: len(genotypes)]).any(axis=1)
        if differs.any():
            at = int(differs.argmax())
            raise ResumeError(
                f"Trial {self.n_trials + at} of run {self.number} in the log is "
                f"{genotypes[at].tolist()}, but this search proposes {population[at].tolist()}: the log "
                "belongs to another search or another version."
            )
        return LoggedRun(genotypes, self._logged.evaluation.take(part))

    def _fill(
        self,
        population: Population,
        new: Sequence[bool],
        n_known: int,
        known: NDArray[np.float64],
    ) -> Evaluation:
        """Complete a batch whose first rows are known: look repeats up, measure the rest."""
        matrix = np.empty((len(population), self._values.shape[1]))
        matrix[:n_known] = known
        open_rows = [row for row in range(n_known, len(population)) if new[row]]
        if open_rows:
            measured = self.evaluator.evaluate(population[open_rows], self.problem.metrics)
            matrix[open_rows] = self._matrix(measured)
        codes = self.evaluator.space.codes(population).tolist()
        for row in range(n_known, len(population)):
            if not new[row]:
                source = self._first_trial[codes[row]] - self.n_trials
                matrix[row] = (
                    matrix[source] if source >= 0 else self._values[source + self.n_trials]
                )
        return self._evaluation(matrix)

    def _record(self, population: Population, new: Sequence[bool], evaluation: Evaluation) -> None:
        end = self.n_trials + len(population)
        if end > len(self._new):
            capacity = max(end, 2 * len(self._new), 1024)
            self._genotypes = _grown(self._genotypes, capacity)
            self._values = _grown(self._values, capacity)
            self._new = _grown(self._new, capacity)
        part = slice(self.n_trials, end)
        self._genotypes[part] = population
        for column, values in enumerate(self._columns(evaluation)):
            self._values[part, column] = values
        self._new[part] = new
        self.n_trials = end
        self.n_distinct += sum(new)

    def _append(
        self,
        log: TrialLog,
        first: int,
        batch: int,
        population: Population,
        new: Sequence[bool],
        evaluation: Evaluation,
    ) -> None:
        """Log the rows of a batch that the log does not hold yet."""
        skip = max(0, min(len(population), len(self._logged or ()) - first))
        if skip < len(population):
            rows = slice(skip, None)
            taken = evaluation.take(rows) if skip else evaluation
            log.append(self.number, first + skip, batch, population[rows], new[rows], taken)

    def _columns(self, evaluation: Evaluation) -> list[NDArray[np.float64]]:
        means = [evaluation.means[name] for name in self.problem.metrics]
        return means + [evaluation.sems[name] for name in self._sem_metrics]

    def _matrix(self, evaluation: Evaluation) -> NDArray[np.float64]:
        return np.stack(self._columns(evaluation), axis=1)

    def _evaluation(self, matrix: NDArray[np.float64]) -> Evaluation:
        columns = dict(
            zip([*self.problem.metrics, *map(sem_column, self._sem_metrics)], matrix.T, strict=True)
        )
        sems = {name: columns.pop(sem_column(name)) for name in self._sem_metrics}
        return Evaluation(columns, sems)

    def _result(self, stopped_by: str) -> RunResult:
        evaluation = self._evaluation(self._values[: self.n_trials])
        violation = self.problem.violation(evaluation)
        score = np.where(violation > 0, -np.inf, self.problem.scores(evaluation)[:, 0])
        return RunResult(
            population=self._genotypes[: self.n_trials],
            new=self._new[: self.n_trials],
            evaluation=evaluation,
            score=score,
            violation=violation,
            stopped_by=stopped_by,
            n_evaluations=self.n_spent,
        )


def _grown(array: NDArray, capacity: int) -> NDArray:  # type: ignore[type-arg]
    grown = np.empty((capacity, *array.shape[1:]), dtype=array.dtype)
    grown[: len(array)] = array
    return grown
