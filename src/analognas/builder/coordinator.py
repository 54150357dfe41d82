"""The coordinator of a build: claims units for its workers, records their results, renews leases."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..core import EvaluationError, OutputFolderError, ResumeError
from ..core.folders import make_folder
from ..core.processes import Died
from .lease_owners import Owner
from .protocol import Answer, Measurement, UnitTask
from .units import Claim, Counts
from .work_queue import LEASE_SECONDS, WorkQueue
from .workers import Workers

__all__ = ["BuildProgress", "work_off"]

HOPELESS = 5
"""A build stops if the first attempts at a condition all fail, this many of them."""

_HEARTBEAT = LEASE_SECONDS / 4
_LOOK_SECONDS = 1.0
_FAILED_STARTS = 3
_TELL_SECONDS = 0.2


@dataclass(frozen=True)
class BuildProgress:
    """How far a build is.

    Attributes:
        counts: Units by condition and state, of all coordinators.
        n_workers: Number of workers of this coordinator.
        seconds: Time since the start, s.
        seconds_left: Estimated remaining time with these workers, s; None while unknown.
        error: The last error; empty if there was none.

    Example:
        >>> from analognas.builder import Build, SerialWorkers, add_architectures, resume_build
        >>> add_architectures(Build("my-build"), [(2, 2, 0, 4, 2, 1)])
        1
        >>> def show(progress):
        ...     last.append(progress)
        >>> last = []
        >>> _ = resume_build("my-build", SerialWorkers(), listen=show)
        >>> last[-1].counts.total("done"), last[-1].error
        (10, '')
    """

    counts: Counts
    n_workers: int
    seconds: float
    seconds_left: float | None
    error: str = ""


Listener = Callable[[BuildProgress], None]


def work_off(
    queue_file: Path,
    work_folder: Path,
    measurement: Measurement,
    workers: Workers,
    *,
    retries: int,
    keep_files: bool = False,
    listen: Listener | None = None,
) -> Counts:
    """Work on a queue until it is empty; other coordinators may work on it at the same time.

    Args:
        queue_file: The queue.
        work_folder: Folder for the files of unfinished architectures.
        measurement: Measures one unit.
        workers: The workers; this function starts and ends them.
        retries: Further attempts for a unit that failed.
        keep_files: Keep the files of finished architectures.
        listen: Called after every finished unit, and about once a second.

    Returns:
        The final counts.

    Raises:
        EvaluationError: If workers cannot be started, or everything fails.
        OutputFolderError: If files cannot be written. The queue keeps what was done.
    """
    owner = Owner.here()
    with WorkQueue(queue_file) as queue:
        queue.release_dead()
        coordinator = _Coordinator(queue, owner, workers, work_folder, retries, keep_files, listen)
        if not coordinator.has_work():
            return queue.counts()
        workers.open(measurement)
        try:
            with _Heartbeat(queue_file, owner, coordinator.at_work):
                coordinator.run()
        finally:
            workers.close()
            # A full disk that ends a build must not hide its own message.
            with suppress(OutputFolderError, ResumeError):
                queue.release(owner)
        return queue.counts()


class _Coordinator:
    def __init__(
        self,
        queue: WorkQueue,
        owner: Owner,
        workers: Workers,
        work_folder: Path,
        retries: int,
        keep_files: bool,
        listen: Listener | None,
    ) -> None:
        self.queue = queue
        self.owner = owner
        self.workers = workers
        self.work_folder = work_folder
        self.retries = retries
        self.keep_files = keep_files
        self.listen = listen
        self.at_work: dict[int, Claim] = {}  # by worker; read by the heartbeat
        self._start = time.monotonic()
        self._error = ""
        self._told = -_TELL_SECONDS
        self._n_failed_starts = 0
        self._failures: Counter[str] = Counter()  # by condition, before the first that succeeds
        self._proven: set[str] = set()

    def has_work(self) -> bool:
        """Whether anything is left to do, here or elsewhere."""
        return self.queue.counts().total("waiting", "running") > 0

    def run(self) -> None:
        """Work until nothing is left."""
        while True:
            self._give()
            self._tell()
            if self.at_work:
                for worker, reply in self.workers.wait(sorted(self.at_work), _LOOK_SECONDS):
                    self._take(worker, reply)
            elif not self.has_work():
                self._tell(now=True)
                return
            else:  # others are at work on what the rest needs
                time.sleep(_LOOK_SECONDS)
                self.queue.release_dead()

    def _give(self) -> None:
        idle = [worker for worker in range(self.workers.n) if worker not in self.at_work]
        if not idle:
            return
        for worker, claim in zip(idle, self.queue.claim(self.owner, len(idle)), strict=False):
            folder = make_folder(self._folder(claim))
            self.at_work[worker] = claim
            task = UnitTask(claim.unit_id, claim.genotype, claim.seed, claim.condition, str(folder))
            self.workers.send(worker, task)

    def _folder(self, claim: Claim) -> Path:
        return self.work_folder / f"{claim.position:06d}-{claim.seed}"

    def _take(self, worker: int, reply: Answer | Died) -> None:
        claim = self.at_work.pop(worker)
        if isinstance(reply, Died):
            if reply.gone:
                self.workers.replace(worker)
            if not reply.started:
                self._count_failed_start(reply.reason)
                self.queue.release(self.owner, claim.unit_id)
                return
            reply = Answer(error=reply.reason)
        self._n_failed_starts = 0
        if reply.result is not None:
            self._proven.add(claim.condition)
            self.queue.finish(claim.unit_id, reply.result, reply.seconds, reply.cpu_seconds)
            if not self.keep_files and self.queue.is_finished(claim.position, claim.seed):
                shutil.rmtree(self._folder(claim), ignore_errors=True)
            return
        what = (
            f"{claim.condition} of architecture {claim.position}, seed {claim.seed}: {reply.error}"
        )
        if reply.stop:
            raise OutputFolderError(
                f"The build stopped at {what} Continue it with `analognas bench resume`."
            )
        self._error = what
        self.queue.fail(
            self.owner, claim.unit_id, reply.error, retries=self.retries if reply.again else 0
        )
        self._count_failure(claim.condition, what)

    def _count_failed_start(self, reason: str) -> None:
        self._n_failed_starts += 1
        if self._n_failed_starts >= _FAILED_STARTS:
            raise EvaluationError(f"Workers cannot be started: {reason}.")

    def _count_failure(self, condition: str, what: str) -> None:
        self._failures[condition] += 1
        if condition not in self._proven and self._failures[condition] >= HOPELESS:
            raise EvaluationError(
                f"The first {HOPELESS} attempts at {condition!r} all failed, the last at {what}; correct the "
                "specification and start again, or continue with `analognas bench resume --retry-failed`."
            )

    def _tell(self, *, now: bool = False) -> None:
        """Report the progress, without counting a long queue for every short unit."""
        if self.listen is None or not (now or time.monotonic() - self._told >= _TELL_SECONDS):
            return
        self._told = time.monotonic()
        counts = self.queue.counts()
        left = counts.seconds_left
        self.listen(
            BuildProgress(
                counts,
                self.workers.n,
                time.monotonic() - self._start,
                None if left is None else left / self.workers.n,
                self._error,
            )
        )


class _Heartbeat:
    """Renews the leases of a coordinator from a separate thread while the block lasts."""

    def __init__(self, queue_file: Path, owner: Owner, at_work: dict[int, Claim]) -> None:
        self._queue_file = queue_file
        self._owner = owner
        self._at_work = at_work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *about: object) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(_HEARTBEAT):
            held: Collection[Claim] = list(self._at_work.values())
            # Try an unwritable queue again later; the main thread reports the error.
            with suppress(OutputFolderError, ResumeError), WorkQueue(self._queue_file) as queue:
                queue.renew(self._owner, [claim.unit_id for claim in held])
