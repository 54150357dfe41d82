"""Processes of this machine that each hold one object and answer messages with it.

They are started with ``spawn``, load the object once, and end with the process that started them, even if it is
killed. If one dies, only its current message is lost.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol

__all__ = ["THREAD_VARIABLES", "Crew", "Died", "LoadError", "ProcessCrew", "n_cores", "one_line"]

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""Environment variables from which libraries read their number of threads when they are loaded."""

_PATIENCE = 2.0  # s that an idle process has to end by itself


class LoadError(Exception):
    """An object cannot be sent to other processes."""


@dataclass(frozen=True)
class Died:
    """Replaces the answer of a process that has died.

    Attributes:
        reason: The reason, as text.
        started: Whether the process had loaded the object.
        gone: Whether the worker has ended; else only its answer is lost.
    """

    reason: str
    started: bool
    gone: bool = True


class Crew(Protocol):
    """Workers that each have a copy of one object: processes of this machine, or actors of a cluster."""

    def send(self, worker: int, message: Any) -> None:
        """Give an idle worker something to do; if it is dead, :meth:`wait` tells."""

    def wait(self, workers: Sequence[int], timeout: float | None = None) -> list[tuple[int, Any]]:
        """Wait until some busy workers have answered or died (:class:`Died`); nothing after ``timeout`` s."""

    def replace(self, worker: int) -> None:
        """Put a new worker in the place of a dead one."""

    def close(self) -> None:
        """End all workers."""


@dataclass
class _Member:
    process: SpawnProcess
    pipe: connection.Connection
    ready: bool = False
    busy: bool = False
    refusal: str = field(default="")


class ProcessCrew:
    """Processes that each have a copy of one object.

    Args:
        content: The object; sent to every process once.
        answer: Called in a process with the object and a message; returns the answer. A function of a module.
        n: Number of processes.
        kind: What the object is, for messages ("evaluator").
        environment: Variables that the processes get.

    Raises:
        LoadError: If the object cannot be pickled.
    """

    def __init__(
        self,
        content: Any,
        answer: Callable[[Any, Any], Any],
        n: int,
        *,
        kind: str,
        environment: Mapping[str, str],
    ) -> None:
        try:
            # Two layers, so that a process can name the object if loading the inner one fails.
            inner = bytes(ForkingPickler.dumps((content, answer)))
            self._payload = bytes(ForkingPickler.dumps((kind, inner)))
        except Exception as error:
            raise LoadError(one_line(error)) from None
        self._environment = dict(environment)
        self._members: list[_Member] = []
        try:
            # Start all at once, and send the object while the processes are still importing.
            with _ctrl_c_later():
                for _ in range(n):
                    self._members.append(self._start())
            for member in self._members:
                self._load(member)
        except BaseException:  # Ctrl-C
            self.close()
            raise

    @property
    def process_ids(self) -> list[int | None]:
        """Operating-system ids of the processes."""
        return [member.process.pid for member in self._members]

    def send(self, worker: int, message: Any) -> None:
        """Give an idle process something to do; if it is dead, :meth:`wait` tells."""
        member = self._members[worker]
        member.busy = True
        with suppress(OSError):
            member.pipe.send(message)

    def wait(self, workers: Sequence[int], timeout: float | None = None) -> list[tuple[int, Any]]:
        """Wait until some busy processes have answered or died (:class:`Died`); nothing after ``timeout`` s."""
        replies: list[tuple[int, Any]] = []
        while not replies:
            ready = connection.wait([self._members[worker].pipe for worker in workers], timeout)
            if not ready and timeout is not None:
                break
            for worker in workers:
                member = self._members[worker]
                if member.pipe in ready:
                    known, reply = self._receive(member)
                    if known:
                        member.busy = False
                        replies.append((worker, reply))
        return replies

    def _receive(self, member: _Member) -> tuple[bool, Any]:
        """Return whether a process has answered or died, and its answer."""
        try:
            kind, content = member.pipe.recv()
        except (EOFError, OSError):
            member.process.join(_PATIENCE)
            reason = member.refusal or _death(member.process.exitcode)
            return True, Died(reason, member.ready)
        if kind == "ready":
            member.ready = True
        elif kind == "refused":
            member.refusal = content
        return kind == "answer", content

    def replace(self, worker: int) -> None:
        """Put a new process in the place of a dead one."""
        _end(self._members[worker])
        with _ctrl_c_later():
            self._members[worker] = self._start()
        self._load(self._members[worker])

    def close(self) -> None:
        """End all processes: idle ones by closing their pipe, others by killing them."""
        for member in self._members:
            member.pipe.close()
            if member.busy or not member.ready:
                member.process.kill()
        for member in self._members:
            _end(member)
        self._members = []

    def _start(self) -> _Member:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,))
        with _set(self._environment):
            process.start()
        there.close()
        return _Member(process, here)

    def _load(self, member: _Member) -> None:
        with suppress(OSError):  # a process that died already is found in wait()
            member.pipe.send_bytes(self._payload)


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Delay Ctrl-C while the block lasts; processes started in the block do not receive it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # if it started in the block, it would end the blocking
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    came: list[int] = []
    # If another thread receives the signal, Python interrupts the main thread.
    before = signal.getsignal(signal.SIGINT)
    swaps = before is not None and threading.current_thread() is threading.main_thread()
    if swaps:
        signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if swaps:
            signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_line(error: BaseException) -> str:
    r"""Return an error as one line: its class and text.

    Example:
        >>> one_line(ValueError("no\n  way"))
        'ValueError: no way'
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


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
def _set(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that are started in the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _serve(pipe: connection.Connection) -> None:
    """Answer messages from the pipe until it is closed; runs in a process of the crew."""
    # Ctrl-C reaches the whole group of processes; the process that started the crew ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # blocked until now
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        kind, payload = ForkingPickler.loads(pipe.recv_bytes())
        try:
            content, answer = ForkingPickler.loads(payload)
        except Exception as error:
            pipe.send(("refused", f"its {kind} cannot be loaded ({one_line(error)})"))
            return
        pipe.send(("ready", None))
        while True:
            pipe.send(("answer", answer(content, pipe.recv())))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
