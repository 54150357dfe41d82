"""One run: ask, evaluate, tell, log, until the budget is spent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..evaluators import FIDELITY, Evaluation, Evaluator, Problem, reading_seeds
from ..optimizers import Optimizer
from ..spaces import Population
from .backends.base import Backend
from .backends.jobs import Job, Outcome
from .batch import Batch, affordable, check_counts, grown, measurement_keys
from .budget import Budget
from .components import searched_metrics
from .log.run_log import RunLog
from .log.trial_log import TrialLog, sem_column
from .results.run_result import RunResult
from .results.standings import Standings
from .start import Start

_SLOW = 0.01
"""If an evaluation takes longer, s, each result is written at once."""

STALL = 10_000
"""A run ends after this many proposals in a row without a new evaluation."""


class Run:
    """The state of one run; :meth:`execute` drives it.

    Args:
        number: Number of the run within the search.
        optimizer: An optimizer that was reset for this run.
        generator: The random generator that it was given.
        evaluator: Where values come from.
        backend: What measures with it; it is open.
        problem: What is searched for.
        budget: What may be spent.
        log: Where trials go, if anywhere.
        seed: Seed of the search; the seeds of readings follow from it.
        start: What the run starts from, in place of random architectures.

    Attributes:
        n_trials: Trials told to the optimizer.
        n_distinct: Distinct architectures measured.
        n_spent: What counted against the budget: distinct architectures, each of its fidelities, or all
            readings where repeats are new.
        seconds: Time that the run has taken, that before an interruption included, s.
        cost: Sum of the budget's cost metric.
        errors: Why an evaluation failed, by number of the trial.
    """

    def __init__(
        self,
        number: int,
        *,
        optimizer: Optimizer,
        generator: np.random.Generator,
        evaluator: Evaluator,
        backend: Backend,
        problem: Problem,
        budget: Budget,
        log: TrialLog | None = None,
        seed: int = 0,
        start: Start | None = None,
    ) -> None:
        self.number = number
        self.optimizer = optimizer
        self.evaluator = evaluator
        self.problem = problem
        self.budget = budget
        self.n_trials = 0
        self.n_distinct = 0
        self.n_spent = 0
        self.seconds = 0.0
        self.cost = 0.0
        self.errors: dict[int, str] = {}
        self.seed = seed
        self._start = start
        self._generator = generator
        self._backend = backend
        self._log = RunLog(log, number, evaluator.space)
        self._metrics = searched_metrics(problem, budget, evaluator)
        self._sem_metrics = [name for name in self._metrics if name in evaluator.metrics_with_sem]
        self._genotypes = np.empty((0, evaluator.space.n_genes), dtype=evaluator.space.dtype)
        self._values = np.empty((0, len(self._metrics) + len(self._sem_metrics)))
        self._new = np.empty(0, dtype=bool)
        # Number of the trial that first measured each architecture, by its measurement_keys.
        self._first_trial: dict[Any, int] = {}
        self._batch = 0
        # How often each architecture was read, by code; only where a repeat is a new measurement.
        self._n_readings: dict[Any, int] = {}
        # Runs as soon as something is measured; what the log holds was within the time of its day.
        self._clock: float | None = None

    def execute(self, after_batch: Callable[[Run], object] | None = None) -> RunResult:
        """Drive the optimizer until the budget is spent or nothing new is left.

        Args:
            after_batch: Called after every batch; ends the run by returning something true.

        Raises:
            ResumeError: If the log holds other trials than this run proposes.
            EvaluationError: If nothing can be evaluated.
        """
        since_new = 0
        self._begin()
        while (stopped_by := self._limit()) is None:
            proposed = self.optimizer.ask()
            if not len(proposed):
                stopped_by = "exhausted"
                break
            batch = self._within_budget(proposed, self.optimizer.asked_fidelities())
            self._take(batch, self._evaluate(batch))
            since_new = 0 if any(batch.paid) else since_new + len(batch)
            if since_new >= STALL:
                stopped_by = "stalled"
                break
            if after_batch is not None and after_batch(self):
                stopped_by = "callback"
                break
        return self._result(stopped_by)

    def _begin(self) -> None:
        """Start from given architectures, if there are any: use their results, or measure them."""
        if self._start is None:
            return
        population, known = self._start.population, self._start.evaluation
        self.optimizer.start_from(population)
        if known is None:
            batch = self._within_budget(population, self.optimizer.asked_fidelities())
            self._take(batch, self._evaluate(batch))
            return
        n = len(population)
        batch = Batch(population, [True] * n, [False] * n, {})
        self._first_trial.update(
            zip(self.evaluator.space.codes(population).tolist(), range(n), strict=True)
        )
        logged = self._log.recall(0, population)[0]
        if missing := sorted({*range(n)}.difference(logged)):
            self._keep(missing, batch, known.take(missing))
        self._take(batch, known)

    def _take(self, batch: Batch, evaluation: Evaluation) -> None:
        """Record results, and tell the optimizer."""
        self._record(batch, evaluation)
        self.optimizer.tell(batch.population, evaluation)
        self._after_tell()

    @property
    def fraction(self) -> float:
        """How much of the budget is spent, from 0 to 1."""
        return self.budget.fraction(self.n_spent, self.seconds, self.cost)

    @property
    def replaying(self) -> bool:
        """Whether the trials so far come from the log."""
        return self._clock is None

    def _limit(self) -> str | None:
        """Which limit is reached, if any."""
        if self._clock is None and self.n_trials >= self._log.end:
            self._start_clock()
        seconds = 0.0 if self._clock is None else self.seconds
        return self.budget.reached(self.n_spent, seconds, self.cost)

    def _start_clock(self) -> None:
        self.seconds = self._log.seconds
        self._clock = time.monotonic() - self.seconds

    def _after_tell(self) -> None:
        """Store the state of the run after a batch, or compare that of a replay with the log."""
        self._batch += 1
        state = self._generator.bit_generator.state
        if self._clock is None:
            self._log.check_state(self.n_trials, state)
        else:
            self.seconds = time.monotonic() - self._clock
            self._log.keep_state(self.n_trials, self.seconds, state)

    def snapshot(self) -> RunResult:
        """Return what the run has found so far."""
        return self._result("running")

    def _within_budget(self, proposed: Population, fidelities: NDArray[np.float64] | None) -> Batch:
        """Cut a proposal where the budget ends, and mark the rows that are new and those that are measured."""
        left = self.budget.most - self.n_spent
        codes = measurement_keys(self.evaluator.space, proposed, fidelities)
        counted, barred = self._check_first(proposed)
        first_trial = self._first_trial
        distinct = dict(zip(codes, range(self.n_trials, self.n_trials + len(codes)), strict=True))
        if (
            len(distinct) == len(codes) <= left
            and first_trial.keys().isdisjoint(codes)
            and (barred is None or not any(barred))
        ):
            # The usual case at once: all of them are new, and there is budget for all.
            first_trial.update(distinct)
            return Batch(proposed, [True] * len(codes), [True] * len(codes), counted, fidelities)
        new, paid = affordable(
            codes, barred, first_trial, self.n_trials, left, stochastic=self.problem.stochastic
        )
        n = len(new)
        counted = {name: values[:n] for name, values in counted.items()}
        return Batch(
            proposed[:n], new, paid, counted, fidelities if fidelities is None else fidelities[:n]
        )

    def _check_first(
        self, proposed: Population
    ) -> tuple[dict[str, NDArray[np.float64]], list[bool] | None]:
        """Count the metrics that need no measurement, and return which rows break a bound on them."""
        if not self.problem.first_bounds:
            return {}, None
        names = dict.fromkeys(bound.metric for bound in self.problem.first_bounds)
        counted = self.evaluator.evaluate_cheaply(proposed, list(names))
        return counted.means, (self.problem.violation_beforehand(counted) > 0).tolist()

    def _evaluate(self, batch: Batch) -> Evaluation:
        """Return the metrics of a batch: from the log, then from new measurements, then from earlier trials."""
        n, first, population = len(batch), self.n_trials, batch.population
        known, logged, errors = self._log.recall(first, population, batch.fidelities)
        self.errors.update(errors)
        if len(known) == n:
            self._count_readings(batch)
            return logged
        matrix = np.empty((n, self._values.shape[1]))
        if known:
            matrix[known] = self._matrix(logged)
        missing = sorted({*range(n)}.difference(known)) if known else list(range(n))
        readings = self._count_readings(batch)
        fresh = self._take_set_aside(
            matrix, batch, [row for row in missing if batch.paid[row]], readings
        )
        start, n_done = time.monotonic(), 0
        for outcome in self._measure(batch, fresh, readings):
            rows = [fresh[row] for row in outcome.rows]
            if outcome.error is not None:
                self.errors[first + rows[0]] = outcome.error
            check_counts(self.evaluator, batch, rows, outcome.evaluation)
            self._keep(rows, batch, outcome.evaluation, outcome.error)
            n_done += len(rows)
            if time.monotonic() - start > _SLOW * n_done:
                # The next result may be long in coming.
                self._log.flush()
            if len(rows) == n:
                return outcome.evaluation
            matrix[rows] = self._matrix(outcome.evaluation)
        others = [row for row in missing if not batch.paid[row]]
        if others:
            self._look_up(matrix, batch, others)
            self._keep(others, batch, self._evaluation(matrix[others]))
        return self._evaluation(matrix)

    def _take_set_aside(
        self,
        matrix: NDArray[np.float64],
        batch: Batch,
        rows: list[int],
        readings: Sequence[int],
    ) -> list[int]:
        """Fill rows with values that were set aside, and return the other rows."""
        if not rows or not self._log.has_set_aside:
            return rows
        codes = self.evaluator.space.codes(batch.population[rows]).tolist()
        found, values = self._log.set_aside(codes, [readings[row] for row in rows])
        if not found:
            return rows
        known = [rows[at] for at in found]
        matrix[known] = values
        self._keep(known, batch, self._evaluation(values))
        return [row for row in rows if row not in known]

    def _measure(self, batch: Batch, rows: list[int], readings: Sequence[int]) -> Iterable[Outcome]:
        """Measure some rows of a batch."""
        if not rows:
            return ()
        return self._backend.measure(self._job(batch, rows, readings))

    def _job(self, batch: Batch, rows: list[int], readings: Sequence[int]) -> Job:
        """Return the job of some rows of a batch; the clock runs from now."""
        population, seeds = batch.population, None
        fidelities = None if batch.fidelities is None else batch.fidelities[rows]
        if self.problem.stochastic:
            seeds = reading_seeds(
                self.seed, self.number, population[rows], [readings[row] for row in rows]
            )
        if self._clock is None:
            self._start_clock()
        part = population if len(rows) == len(population) else population[rows]
        return Job(part, self._metrics, self._sem_metrics, seeds, fidelities)

    def _count_readings(self, batch: Batch) -> list[int]:
        """How often each row was read before; where repeats are new, every row is read, now or in the log.

        At several fidelities, each of the lower ones was one reading.
        """
        population = batch.population
        if batch.fidelities is not None:
            return [self.optimizer.fidelities.index(value) for value in batch.fidelities.tolist()]
        if not self.problem.stochastic:
            return [0] * len(population)
        readings = []
        for code in self.evaluator.space.codes(population).tolist():
            readings.append(self._n_readings.get(code, 0))
            self._n_readings[code] = readings[-1] + 1
        return readings

    def _look_up(self, matrix: NDArray[np.float64], batch: Batch, rows: Sequence[int]) -> None:
        """Fill rows that are not measured with their earlier values, or with counted ones."""
        keys = measurement_keys(self.evaluator.space, batch.population, batch.fidelities)
        for row in rows:
            number = self._first_trial[keys[row]]
            here = number - self.n_trials
            if here != row and not self.problem.stochastic:
                matrix[row] = matrix[here] if here >= 0 else self._values[number]
                continue
            matrix[row] = np.nan
            for name, counted in batch.counted.items():
                matrix[row, self._metrics.index(name)] = counted[row]
            if batch.fidelities is not None:
                matrix[row, self._metrics.index(FIDELITY)] = batch.fidelities[row]

    def _keep(
        self,
        rows: Sequence[int],
        batch: Batch,
        evaluation: Evaluation,
        error: str | None = None,
    ) -> None:
        """Log some rows of this batch, whose metrics are ``evaluation``."""
        self._log.keep(
            self.n_trials, self._batch, rows, batch.population, batch.new, evaluation, error
        )

    def _record(self, batch: Batch, evaluation: Evaluation) -> None:
        end = self.n_trials + len(batch)
        if end > len(self._new):
            capacity = max(end, 2 * len(self._new), 1024)
            self._genotypes = grown(self._genotypes, capacity)
            self._values = grown(self._values, capacity)
            self._new = grown(self._new, capacity)
        part = slice(self.n_trials, end)
        self._genotypes[part] = batch.population
        for column, values in enumerate(self._columns(evaluation)):
            self._values[part, column] = values
        self._new[part] = batch.new
        self.n_trials = end
        first = np.array(batch.new, dtype=bool)
        if batch.fidelities is not None:
            # Every architecture is measured at the lowest fidelity first.
            first &= batch.fidelities == self.optimizer.fidelities[0]
        self.n_distinct += int(first.sum())
        self.n_spent += sum(batch.paid)
        if self.budget.cost_metric is not None:
            # What failed has no cost that could be known.
            paid = np.array(batch.paid, dtype=bool)
            self.cost += float(np.nansum(evaluation.means[self.budget.cost_metric][paid]))

    def _columns(self, evaluation: Evaluation) -> list[NDArray[np.float64]]:
        means = [evaluation.means[name] for name in self._metrics]
        return means + [evaluation.sems[name] for name in self._sem_metrics]

    def _matrix(self, evaluation: Evaluation) -> NDArray[np.float64]:
        return np.stack(self._columns(evaluation), axis=1)

    def _evaluation(self, matrix: NDArray[np.float64]) -> Evaluation:
        columns = dict(
            zip([*self._metrics, *map(sem_column, self._sem_metrics)], matrix.T, strict=True)
        )
        sems = {name: columns.pop(sem_column(name)) for name in self._sem_metrics}
        return Evaluation(columns, sems)

    def _result(self, stopped_by: str) -> RunResult:
        genotypes = self._genotypes[: self.n_trials]
        evaluation = self._evaluation(self._values[: self.n_trials])
        if self.problem.stochastic:
            standings = Standings(self.evaluator.space, self.problem, genotypes, evaluation)
            violation = standings.violation[standings.of_trial]
            score = standings.score[standings.of_trial]
        else:
            violation = self.problem.violation(evaluation)
            score = np.where(violation > 0, -np.inf, self.problem.scores(evaluation)[:, 0])
        return RunResult(
            population=genotypes,
            new=self._new[: self.n_trials],
            evaluation=evaluation,
            score=score,
            violation=violation,
            stopped_by=stopped_by,
            n_evaluations=self.n_spent,
            errors=dict(sorted(self.errors.items())),
            n_barred=int((self.problem.violation_beforehand(evaluation) > 0).sum()),
        )
