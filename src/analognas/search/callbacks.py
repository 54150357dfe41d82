"""Progress of a search, and callbacks that may end it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isnan, nan
from typing import Any

import numpy as np

from ..core import InvalidArgumentError
from ..evaluators import Problem
from ..spaces import Space
from .results.run_result import RunResult
from .run import Run

_PROGRESS_SECONDS = 0.1


class StopSearch(Exception):  # noqa: N818 - a signal like StopIteration, not an error
    """Raised by a callback to end the search after the batch that it was called for.

    Example:
        >>> issubclass(StopSearch, Exception)
        True
    """


@dataclass(frozen=True)
class SearchProgress:
    """Progress of a search.

    Attributes:
        run: Number of the run at work.
        n_distinct: Evaluations that counted against its budget, see :class:`.RunResult`.
        best: Best value of the objective in all runs so far; NaN before the first feasible one.
        fraction: How much of its budget the run has spent, from 0 to 1.
        n_failed: Evaluations of the run that failed.

    Example:
        >>> from analognas import Worker
        >>> def tell(progress):
        ...     last[:] = [f"run {progress.run}: {progress.fraction:.0%}"]
        >>> last = []
        >>> _ = Worker(optimizer="random_search", runs=1, budget=20, on_progress=tell).search()
        >>> last
        ['run 0: 100%']
    """

    run: int
    n_distinct: int
    best: float
    fraction: float
    n_failed: int


@dataclass(frozen=True)
class SearchView:
    """A read-only view of a search after a batch, for callbacks.

    Expensive attributes are computed on first use.

    Attributes:
        run: Number of the run at work.
        n_trials: Trials told to its optimizer.
        n_distinct: Distinct architectures among them.
        seconds: Time that the run has taken, s.
        cost: What the run has spent of the budget's cost metric.
        fraction: How much of its budget the run has spent, from 0 to 1.
        replaying: Whether these trials come from the log of an interrupted search.

    Example:
        >>> from analognas import Worker
        >>> def enough(view):
        ...     return view.best > 85.0
        >>> run = Worker(optimizer="random_search", runs=1, budget=500, callbacks=[enough]).search().runs[0]
        >>> run.n_distinct < 500
        True
    """

    run: int
    n_trials: int
    n_distinct: int
    seconds: float
    cost: float
    fraction: float
    replaying: bool
    _state: Run = field(repr=False)
    _space: Space = field(repr=False)
    _best_before: float = field(repr=False)

    @classmethod
    def of(cls, run: Run, best_before: float) -> SearchView:
        """Look at a run; ``best_before`` is the best value of the runs before it."""
        return cls(
            run.number,
            run.n_trials,
            run.n_distinct,
            run.seconds,
            run.cost,
            run.fraction,
            run.replaying,
            run,
            run.evaluator.space,
            best_before,
        )

    @cached_property
    def result(self) -> RunResult:
        """What the run has found so far, arrays that cannot be written to."""
        result = self._state.snapshot()
        evaluation = result.evaluation
        arrays = [result.population, result.new, result.score, result.violation]
        for array in (*arrays, *evaluation.means.values(), *evaluation.sems.values()):
            array.flags.writeable = False
        return result

    @property
    def best(self) -> float:
        """Best value of the objective in all runs so far; NaN before the first feasible one."""
        problem = self._state.problem
        return best_value(problem, [self._best_before, self.result.best_value(problem)])

    @property
    def best_architecture(self) -> Any:
        """The run's best architecture in the space's own form."""
        return self._space.decode(self.result.population[self.result.best])


Callback = Callable[[SearchView], object]
"""Called after every batch; ends the search by returning True or raising :class:`StopSearch`."""


def check_callbacks(callbacks: Sequence[Callback]) -> tuple[Callback, ...]:
    """Return callbacks as a tuple.

    Raises:
        InvalidArgumentError: If one cannot be called.
    """
    listed = isinstance(callbacks, Iterable) and not callable(callbacks)
    if not listed or not all(callable(callback) for callback in callbacks):
        raise InvalidArgumentError(
            f"`callbacks` must be a list of functions that take a SearchView, but got {callbacks!r}."
        )
    return tuple(callbacks)


def any_stops(callbacks: Sequence[Callback], view: SearchView) -> bool:
    """Call all callbacks, and return whether one of them ends the search."""
    stop = False
    for callback in callbacks:
        try:
            answer = callback(view)
            stop |= isinstance(answer, bool | np.bool_) and bool(answer)
        except StopSearch:
            stop = True
    return stop


def best_value(problem: Problem, values: Sequence[float]) -> float:
    """Return the best of some values of the first objective, without NaN; NaN if there is none."""
    known = [value for value in values if not isnan(value)]
    return max(known, key=lambda value: problem.sign * value) if known else nan


class Watch:
    """Watches a search: reports progress to observers, and asks callbacks whether to continue.

    Args:
        problem: What is searched for.
        observers: Called with a :class:`SearchProgress` about ten times a second, and when a run ends.
        callbacks: Called after every batch.
    """

    def __init__(
        self,
        problem: Problem,
        observers: Sequence[Callable[[SearchProgress], None]],
        callbacks: Sequence[Callback],
    ) -> None:
        self._problem = problem
        self._observers = observers
        self._callbacks = callbacks
        # Best value of the objective in all runs so far.
        self._best = nan

    def through(self, run: Run) -> RunResult:
        """Execute a run and watch it."""
        due = time.monotonic()
        best_before = self._best

        def after_batch(run: Run) -> bool:
            nonlocal due
            now = time.monotonic()
            if self._observers and now >= due:
                due = now + _PROGRESS_SECONDS
                self._tell(run, run.snapshot())
            return bool(self._callbacks) and any_stops(
                self._callbacks, SearchView.of(run, best_before)
            )

        watched = self._callbacks or self._observers
        result = run.execute(after_batch if watched else None)
        self._tell(run, result, done=True)
        return result

    def _tell(self, run: Run, result: RunResult, *, done: bool = False) -> None:
        """Report the progress of a run to the observers."""
        self._best = best_value(self._problem, [self._best, result.best_value(self._problem)])
        fraction = 1.0 if done else run.fraction
        for observer in self._observers:
            observer(SearchProgress(run.number, run.n_spent, self._best, fraction, len(run.errors)))
