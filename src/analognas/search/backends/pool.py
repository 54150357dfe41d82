"""A pool of processes on this machine, each of which may die without harm to the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any

from ...core import InvalidArgumentError, check_int
from ...evaluators import Evaluator
from .base import RETRIES
from .jobs import Job, error_text
from .parallel import ParallelBackend, Reply, answer, n_cores

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_PATIENCE = 2.0  # s that an idle process is given to end by itself


@dataclass
class _Member:
    """A process, this end of the pipe to it, and whether it has said that it is ready."""

    process: SpawnProcess
    pipe: connection.Connection
    ready: bool = False
    busy: bool = False


class PoolBackend(ParallelBackend):
    """Measures in processes of this machine, started anew (spawn) and kept for the whole search.

    The evaluator is sent to each of them once, so it must be picklable: its class stands in a module or in a
    script that keeps its own work under ``if __name__ == "__main__":``. What it loads from files it had better
    leave out of its state and load on first use. Processes end with the search, also if that is killed.

    Args:
        n_workers: Processes; by default one for each core.
        retries: How often an evaluation that failed, or whose process died, is tried again.
        threads: Threads of each process in torch and numpy; by default its share of the cores, unless the
            environment says so already (``OMP_NUM_THREADS``).

    Raises:
        InvalidArgumentError: If a number is out of range; from :meth:`open`, if the evaluator is not picklable.
    """

    name = "pool"

    def __init__(
        self,
        *,
        n_workers: int | None = None,
        retries: int = RETRIES,
        threads: int | None = None,
    ) -> None:
        super().__init__(n_workers=n_workers, retries=retries)
        self.threads = None if threads is None else check_int("threads", threads, minimum=1)
        self._members: list[_Member] = []
        self._evaluator = b""

    @property
    def process_ids(self) -> list[int | None]:
        """Operating-system ids of the processes, while a search is running."""
        return [member.process.pid for member in self._members]

    def _start_all(self, evaluator: Evaluator) -> None:
        try:
            self._evaluator = bytes(ForkingPickler.dumps(evaluator))
        except Exception as error:
            raise InvalidArgumentError(
                f"{type(evaluator).__name__} cannot be sent to other processes ({error_text(error)}); define "
                "its class at the top of a module and keep files, locks and lambdas out of its state, or "
                "take backend='serial'."
            ) from None
        # All start at once; each is sent the evaluator while the others are still importing.
        self._members = [self._start() for _ in range(self.n_workers)]
        for member in self._members:
            self._load(member)

    def _start(self) -> _Member:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,))
        with _environment(dict.fromkeys(_THREADS, str(self._n_threads()))):
            process.start()
        there.close()
        return _Member(process, here)

    def _n_threads(self) -> int:
        return self.threads or max(1, n_cores() // self.n_workers)

    def _load(self, member: _Member) -> None:
        with suppress(OSError):  # a process that died already is found in _wait
            member.pipe.send_bytes(self._evaluator)

    def _send(self, worker: int, job: Job) -> None:
        member = self._members[worker]
        member.busy = True
        with suppress(OSError):
            member.pipe.send(job)

    def _wait(self, workers: Sequence[int]) -> list[tuple[int, Reply]]:
        replies: list[tuple[int, Reply]] = []
        while not replies:
            ready = connection.wait([self._members[worker].pipe for worker in workers])
            for worker in workers:
                member = self._members[worker]
                if member.pipe in ready and (reply := self._receive(member)) is not None:
                    member.busy = False
                    replies.append((worker, reply))
        return replies

    def _receive(self, member: _Member) -> Reply | None:
        """What a process says; None if it only says that it is ready."""
        try:
            message: Any = member.pipe.recv()
        except (EOFError, OSError):
            member.process.join(_PATIENCE)
            return Reply(error=_death(member.process.exitcode), died=True, started=member.ready)
        if message is None:
            member.ready = True
            return None
        reply: Reply = message
        return reply

    def _replace(self, worker: int) -> None:
        _end(self._members[worker])
        self._members[worker] = self._start()
        self._load(self._members[worker])

    def close(self) -> None:
        """End all processes: those at work at once, idle ones by themselves."""
        for member in self._members:
            member.pipe.close()
            if member.busy:
                member.process.kill()
        for member in self._members:
            _end(member)
        self._members = []


def _end(member: _Member) -> None:
    member.pipe.close()
    member.process.join(_PATIENCE)
    if member.process.is_alive():
        member.process.kill()
        member.process.join()
    member.process.close()


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        with suppress(ValueError):
            return f"its process was killed by {signal.Signals(-exit_code).name}"
    return f"its process ended with exit code {exit_code}"


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set what the environment does not say yet, for the processes that are started in the block.

    Libraries read it when they are loaded, which in a new process is before any code of ours runs.
    """
    missing = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _serve(pipe: connection.Connection) -> None:
    """Measure what comes through the pipe until it is closed; runs in a process of the pool."""
    # Ctrl-C reaches the whole group of processes; the search ends the pool when it has kept its log.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        payload = pipe.recv_bytes()
        try:
            evaluator = ForkingPickler.loads(payload)
        except Exception as error:
            text = f"its evaluator cannot be loaded ({error_text(error)})"
            pipe.recv()
            pipe.send(Reply(error=text, died=True, started=False))
            return
        pipe.send(None)
        while True:
            pipe.send(answer(evaluator, pipe.recv()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
