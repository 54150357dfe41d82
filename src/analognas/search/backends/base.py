"""Where evaluations happen: in this process, in a pool of processes, or on a cluster."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from ...core import EvaluationError, InvalidArgumentError, Registry, check_int
from ...evaluators import Evaluator
from .jobs import Job, Outcome, attempt

RETRIES = 2
"""How often an evaluation that failed is tried again, unless a back end is told otherwise."""

HOPELESS = 10
"""A search ends if this many evaluations fail before the first succeeds: then it is not the architectures."""

_CALL_SECONDS = 0.5
"""What one call of a costly evaluator is to take at most; a call of one architecture may take longer."""

_GROWTH = 8

_TOGETHER = 1.5
"""If two architectures in one call take less than this many times as long as one, batches stay whole."""


class Backend(ABC):
    """Runs an evaluator over populations.

    A value depends on its row alone, not on where or in which order it was measured, so every back end gives
    the same search. What fails is tried again ``retries`` times; an architecture that always fails, or whose
    value is infinite, gets NaN and the reason, and the search continues.

    Args:
        retries: How often an evaluation that failed is tried again.

    Attributes:
        name: Its name in the registry.

    Raises:
        InvalidArgumentError: If ``retries`` is negative.

    Example:
        >>> from analognas import Worker
        >>> from analognas.search import make_backend
        >>> backend = make_backend("serial", retries=0)
        >>> Worker(optimizer="random_search", runs=1, budget=5, backend=backend).search().runs[0].n_distinct
        5
    """

    name: ClassVar[str]

    def __init__(self, *, retries: int = RETRIES) -> None:
        self.retries = check_int("retries", retries, minimum=0)
        self._n_failed = 0
        self._succeeded = False

    def open(self, evaluator: Evaluator) -> None:
        """Prepare to measure with an evaluator.

        Called once before the first :meth:`measure` of a search.

        Raises:
            InvalidArgumentError: If the evaluator cannot be used here.
        """
        self._n_failed = 0
        self._succeeded = False
        self._open(evaluator)

    def measure(self, job: Job) -> Iterator[Outcome]:
        """Measure a job and yield its rows as they are done, in any order, each once.

        Called with every batch that holds something new; all of it is taken before the next call.

        Raises:
            EvaluationError: If nothing can be measured, whatever the architecture.
        """
        for outcome in self._measure(job):
            for part in outcome.separated():
                self._note(part)
                yield part

    def measure_each(self, queue: deque[tuple[int, Job]]) -> Iterator[tuple[int, Outcome]]:
        """Measure jobs of one architecture each, and yield number and outcome of each as it is done.

        Called by asynchronous searches, which add to the queue between outcomes. It ends when the queue is
        empty and nothing is in progress.

        Raises:
            EvaluationError: If nothing can be measured, whatever the architecture.
        """
        for number, outcome in self._measure_each(queue):
            (part,) = outcome.separated()
            self._note(part)
            yield number, part

    def _note(self, outcome: Outcome) -> None:
        if outcome.error is None:
            self._succeeded = True
        elif not self._succeeded:
            self._n_failed += 1
            if self._n_failed >= HOPELESS:
                raise EvaluationError(
                    f"The first {HOPELESS} evaluations all failed, the last with {outcome.error!r}; "
                    "fix the evaluator and start the search again."
                )

    def _measure_each(self, queue: deque[tuple[int, Job]]) -> Iterator[tuple[int, Outcome]]:
        """Measure jobs one after another; called by :meth:`measure_each`. Parallel back ends override it."""
        while queue:
            number, job = queue.popleft()
            for outcome in self._measure(job):
                yield number, outcome

    @abstractmethod
    def close(self) -> None:
        """End what :meth:`open` began, also in the middle of a job; called once at the end of a search."""

    @abstractmethod
    def _open(self, evaluator: Evaluator) -> None:
        """Prepare; called by :meth:`open`."""

    @abstractmethod
    def _measure(self, job: Job) -> Iterator[Outcome]:
        """Measure a job; called by :meth:`measure`."""


class SerialBackend(Backend):
    """Measures in this process.

    A costly evaluator (:attr:`.Evaluator.costly`) is given one architecture first, then as many at a time as
    take about half a second, so that results are known and logged piece by piece, and an interruption costs no
    more than one piece. Where two together are hardly slower than one, it is given whole batches, as is any
    evaluator that is not costly. Nothing guards against an architecture that ends the process.

    Args:
        retries: How often an evaluation that raised an error is tried again.

    Example:
        >>> from analognas import Worker
        >>> worker = Worker(optimizer="random_search", runs=1, budget=5, backend=SerialBackend())
        >>> worker.search().runs[0].n_distinct
        5
    """

    name = "serial"
    _evaluator: Evaluator
    _piece: int | None
    _alone_seconds: float | None

    def _open(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._piece = 1 if evaluator.costly else None
        self._alone_seconds = None

    def _measure(self, job: Job) -> Iterator[Outcome]:
        first = 0
        while first < len(job):
            rows = range(first, min(len(job), first + (self._piece or len(job))))
            first = rows.stop
            start = time.monotonic()
            result = attempt(self._evaluator, job.rows(rows.start, rows.stop))
            self._piece = self._next_piece(len(rows), time.monotonic() - start)
            if not isinstance(result, str):
                yield Outcome(rows, result)
                continue
            for row in rows:
                yield self._alone(job.row(row), row)

    def _next_piece(self, n: int, seconds: float) -> int | None:
        """Return the number of architectures for the next call after one of ``n``; None: all of a batch."""
        if self._piece is None:
            return None
        size = int(n * _CALL_SECONDS / max(seconds, 1e-6))
        if size > 1:
            return min(size, _GROWTH * self._piece)
        if n == 1 and self._alone_seconds is None:
            self._alone_seconds = seconds
            return 2
        if n == 2 and seconds < _TOGETHER * (self._alone_seconds or 0.0):
            return None
        return 1

    def _alone(self, job: Job, row: int) -> Outcome:
        error = ""
        for _ in range(1 + self.retries):
            result = attempt(self._evaluator, job)
            if not isinstance(result, str):
                return Outcome((row,), result)
            error = result
        return Outcome((row,), job.unmeasured(), error)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


BACKENDS: Registry[Callable[..., Backend]] = Registry(
    "back end",
    {
        "serial": SerialBackend,
        "pool": f"{__package__}.pool:PoolBackend",
        "ray": f"{__package__}.ray_backend:RayBackend",
    },
)
"""Back ends by the name that ``analognas search --backend`` takes."""


def make_backend(backend: Backend | str, n_workers: int | None = None, **options: Any) -> Backend:
    """Return a back end by name, or the one that is given.

    Args:
        backend: Name or object.
        n_workers: Workers of a named parallel back end; its own default if None.
        options: Further arguments of the back end's constructor.

    Raises:
        UnknownNameError: If there is no such back end.
        InvalidArgumentError: If ``n_workers`` is below 1, or given where it has no meaning.

    Example:
        >>> make_backend("serial").name, make_backend("pool", 4).n_workers
        ('serial', 4)
    """
    if isinstance(backend, str):
        make = BACKENDS.get(backend)
        if make is not SerialBackend:
            return make(n_workers=n_workers, **options)
        if n_workers in (None, 1):
            return make(**options)
        check_int("n_workers", n_workers, minimum=1)
        raise InvalidArgumentError(
            f"The serial back end has one worker, but got n_workers={n_workers}; take backend='pool' for more."
        )
    if not isinstance(backend, Backend):
        raise InvalidArgumentError(
            f"`backend` must be one of {', '.join(BACKENDS)} or a Backend, but got {backend!r}."
        )
    if n_workers is not None:
        raise InvalidArgumentError(
            "Give `n_workers` to the back end that is made by hand, not beside it."
        )
    return backend
