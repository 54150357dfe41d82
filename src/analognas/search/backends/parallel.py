"""Base of parallel back ends: one architecture for each worker at a time, and replacement of dead workers."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from ...core import EvaluationError, check_int
from ...core.processes import Crew, Died, n_cores
from ...evaluators import Evaluation, Evaluator
from .base import RETRIES, Backend
from .jobs import NOT_READY, Job, Outcome, attempt, error_text

_FAILED_STARTS = 3


class Reply(NamedTuple):
    """The reply of a worker.

    Attributes:
        evaluation: The metrics; None after an error.
        error: The error; empty if there was none.
        died: Whether the worker has ended.
        started: Whether the worker had loaded the evaluator.
        not_ready: An error of the evaluator itself.
    """

    evaluation: Evaluation | None = None
    error: str = ""
    died: bool = False
    started: bool = True
    not_ready: Exception | None = None


def answer(evaluator: Evaluator, job: Job) -> Reply:
    """Measure a job; called in the worker."""
    try:
        result = attempt(evaluator, job)
    except NOT_READY as error:
        return Reply(not_ready=error)
    except (KeyboardInterrupt, SystemExit) as error:
        # Ctrl-C does not reach workers: the evaluator raised it, and the worker continues.
        result = error_text(error)
    return Reply(error=result) if isinstance(result, str) else Reply(result)


class ParallelBackend(Backend):
    """Base of back ends with several workers.

    Each worker loads the evaluator once and measures one architecture at a time. If a worker dies, only that
    evaluation is lost; a new worker tries it again.

    Args:
        n_workers: Workers; by default as many as this process may use cores.
        retries: How often an evaluation that failed, or whose worker died, is tried again.

    Raises:
        InvalidArgumentError: If ``n_workers`` is below 1.

    Example:
        >>> from analognas.search import make_backend
        >>> backend = make_backend("pool", 4)
        >>> backend.n_workers, backend.retries
        (4, 2)
    """

    def __init__(self, *, n_workers: int | None = None, retries: int = RETRIES) -> None:
        super().__init__(retries=retries)
        wanted = n_cores() if n_workers is None else n_workers
        self.n_workers = check_int("n_workers", wanted, minimum=1)
        self._n_failed_starts = 0

    def _open(self, evaluator: Evaluator) -> None:
        self._n_failed_starts = 0
        self._start_all(evaluator)

    def _measure(self, job: Job) -> Iterator[Outcome]:
        queue = deque((row, job.row(row)) for row in range(len(job)))
        for row, outcome in self._measure_each(queue):
            yield outcome._replace(rows=(row,))

    def _measure_each(self, queue: deque[tuple[int, Job]]) -> Iterator[tuple[int, Outcome]]:
        """Keep all workers busy, also with what is added to the queue between outcomes."""
        failures: Counter[int] = Counter()
        at_work: dict[int, tuple[int, Job]] = {}  # by worker
        idle = list(range(self.n_workers))
        heapify(idle)
        while queue or at_work:
            while queue and idle:
                worker = heappop(idle)
                at_work[worker] = queue.popleft()
                self._send(worker, at_work[worker][1])
            for worker, reply in self._wait(list(at_work)):
                number, job = at_work.pop(worker)
                heappush(idle, worker)
                if reply.died:
                    self._replace(worker)
                if reply.not_ready is not None:
                    raise reply.not_ready
                if reply.evaluation is not None:
                    self._n_failed_starts = 0
                    yield number, Outcome((0,), reply.evaluation)
                    continue
                failures[number] += self._counts(reply)
                if failures[number] > self.retries:
                    yield number, Outcome((0,), job.unmeasured(), reply.error)
                else:
                    queue.appendleft((number, job))

    def _counts(self, reply: Reply) -> bool:
        """Whether a failure counts for the architecture; that of a worker that never started does not."""
        if reply.started:
            return True
        self._n_failed_starts += 1
        if self._n_failed_starts >= _FAILED_STARTS:
            raise EvaluationError(f"Workers cannot be started: {reply.error}.")
        return False

    @abstractmethod
    def _start_all(self, evaluator: Evaluator) -> None:
        """Start all workers."""

    @abstractmethod
    def _send(self, worker: int, job: Job) -> None:
        """Send a job to an idle worker; if that fails, :meth:`_wait` reports it."""

    @abstractmethod
    def _wait(self, workers: Sequence[int]) -> list[tuple[int, Reply]]:
        """Wait until at least one of some busy workers is done or dead."""

    @abstractmethod
    def _replace(self, worker: int) -> None:
        """Replace a dead worker by a new one."""


class CrewBackend(ParallelBackend):
    """Base of back ends whose workers are those of a :class:`.Crew`, which :meth:`_start_all` sets."""

    _crew: Crew | None = None

    @property
    def _started(self) -> Crew:
        assert self._crew is not None, "open() comes first"
        return self._crew

    def _send(self, worker: int, job: Job) -> None:
        self._started.send(worker, job)

    def _wait(self, workers: Sequence[int]) -> list[tuple[int, Reply]]:
        return [
            (
                worker,
                Reply(error=said.reason, died=said.gone, started=said.started)
                if isinstance(said, Died)
                else said,
            )
            for worker, said in self._started.wait(workers)
        ]

    def _replace(self, worker: int) -> None:
        self._started.replace(worker)

    def close(self) -> None:
        """End all workers, and a cluster that was started for this search."""
        if self._crew is not None:
            self._crew.close()
            self._crew = None
