"""Workers of a build: in this process, in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..core import (
    DataNotFoundError,
    DivergedError,
    InvalidArgumentError,
    OutOfSpaceError,
    OutputFolderError,
    Registry,
    TableIntegrityError,
    UnknownNameError,
    check_int,
)
from ..core.processes import THREAD_VARIABLES, Crew, Died, LoadError, ProcessCrew, n_cores, one_line
from .protocol import Answer, Measurement, UnitTask

__all__ = ["WORKERS", "CrewWorkers", "PoolWorkers", "SerialWorkers", "Workers", "answer"]

_HOPELESS = (DataNotFoundError, TableIntegrityError, OutputFolderError)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_CERTAIN = (DivergedError, InvalidArgumentError, OutOfSpaceError, UnknownNameError)
_LONGEST_ERROR = 1000


def answer(measurement: Measurement, task: UnitTask) -> Answer:
    """Measure the unit of a task; called in a worker."""
    try:
        row = np.array(task.genotype)
        result = measurement.run(row, task.condition, seed=task.seed, folder=Path(task.folder))
        content = {
            "values": _plain(result.values),
            "stds": _plain(result.stds),
            "sems": _plain(result.sems),
        }
    except _HOPELESS as error:
        return Answer(error=one_line(error)[:_LONGEST_ERROR], stop=True)
    except Exception as error:
        stop = isinstance(error, OSError) and error.errno in _FULL
        again = not isinstance(error, _CERTAIN)
        return Answer(error=one_line(error)[:_LONGEST_ERROR], again=again, stop=stop)
    return Answer(content, result.seconds, result.cpu_seconds)


def _plain(numbers: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in numbers.items()}


class Workers(ABC):
    """Workers that each measure one unit at a time.

    Every worker computes on one thread, so results do not depend on the number of workers. On CPUs, many small
    networks in parallel use the cores better than many threads for one network.

    Args:
        n: Number of workers.

    Attributes:
        name: Its name in the registry.
        n: Number of workers.

    Example:
        >>> from analognas.builder import make_workers
        >>> workers = make_workers(4)
        >>> workers.name, workers.n
        ('pool', 4)
    """

    name: ClassVar[str]

    def __init__(self, n: int) -> None:
        self.n = check_int("workers", n, minimum=1)

    @abstractmethod
    def open(self, measurement: Measurement) -> None:
        """Start the workers; called once.

        Raises:
            InvalidArgumentError: If they cannot be started on this machine.
        """

    @abstractmethod
    def send(self, worker: int, task: UnitTask) -> None:
        """Give an idle worker a task; :meth:`wait` reports a failure."""

    @abstractmethod
    def wait(self, workers: Sequence[int], timeout: float) -> list[tuple[int, Answer | Died]]:
        """Wait for answers or deaths of busy workers; return an empty list after ``timeout`` s."""

    @abstractmethod
    def replace(self, worker: int) -> None:
        """Replace a dead worker by a new one."""

    @abstractmethod
    def close(self) -> None:
        """End all workers, even during a task."""


class SerialWorkers(Workers):
    """Measures one unit after the other in this process; an architecture that crashes it ends the build.

    Example:
        >>> from analognas.builder import resume_build
        >>> resume_build("my-build", SerialWorkers()).counts.total("done")
        9
    """

    name = "serial"

    def __init__(self, n: int = 1) -> None:
        super().__init__(n)
        if n != 1:
            raise InvalidArgumentError(
                f"The serial back end has one worker, but got {n}; take --backend pool."
            )
        self._task: UnitTask | None = None

    def open(self, measurement: Measurement) -> None:
        """Keep the measurement."""
        self._measurement = measurement

    def send(self, worker: int, task: UnitTask) -> None:
        """Remember the task."""
        self._task = task

    def wait(self, workers: Sequence[int], timeout: float) -> list[tuple[int, Answer | Died]]:
        """Measure the unit and return the answer."""
        if self._task is None:
            return []
        task, self._task = self._task, None
        return [(workers[0], answer(self._measurement, task))]

    def replace(self, worker: int) -> None:
        """Do nothing: the worker is this process."""

    def close(self) -> None:
        """Do nothing."""


class CrewWorkers(Workers):
    """Base of workers that are those of a :class:`.Crew`, which :meth:`open` sets."""

    _crew: Crew | None = None

    @property
    def _started(self) -> Crew:
        if self._crew is None:
            raise InvalidArgumentError("The workers are not started; call open() first.")
        return self._crew

    def send(self, worker: int, task: UnitTask) -> None:
        """Send the task to a worker."""
        self._started.send(worker, task)

    def wait(self, workers: Sequence[int], timeout: float) -> list[tuple[int, Answer | Died]]:
        """Wait for answers."""
        return self._started.wait(workers, timeout)

    def replace(self, worker: int) -> None:
        """Start another worker."""
        self._started.replace(worker)

    def close(self) -> None:
        """End all workers, and a cluster that was started for this build."""
        if self._crew is not None:
            self._crew.close()
            self._crew = None


class PoolWorkers(CrewWorkers):
    """Processes of this machine, which are started once and load their data once.

    Args:
        n: Number of processes.

    Example:
        >>> PoolWorkers(4).n
        4
    """

    name = "pool"

    def open(self, measurement: Measurement) -> None:
        """Start the processes.

        Raises:
            InvalidArgumentError: If the measurement cannot be sent to them.
        """
        environment = dict.fromkeys(THREAD_VARIABLES, "1")
        try:
            self._crew = ProcessCrew(
                measurement,
                _answer_in_process,
                self.n,
                kind="measurement",
                environment=environment,
            )
        except LoadError as error:
            raise InvalidArgumentError(
                f"{type(measurement).__name__} cannot be sent to other processes ({error}); take "
                "--backend serial."
            ) from None

    @property
    def process_ids(self) -> list[int | None]:
        """Operating-system ids of the processes, while a build is running."""
        return self._crew.process_ids if isinstance(self._crew, ProcessCrew) else []


_prepared = False


def _answer_in_process(measurement: Measurement, task: UnitTask) -> Answer:
    """Measure the unit of a task in a process of the pool; the first task prepares the process."""
    global _prepared
    if not _prepared:
        from ..core.memory import keep_freed_memory

        keep_freed_memory()
        _prepared = True
    return answer(measurement, task)


WORKERS: Registry[Callable[..., Workers]] = Registry(
    "back end",
    {
        "serial": SerialWorkers,
        "pool": PoolWorkers,
        "ray": f"{__package__}.ray_workers:RayWorkers",
    },
)
"""Workers by name, as in ``analognas bench build --backend``."""


def make_workers(
    n: int | None = None, backend: str | None = None, *, address: str | None = None, **options: Any
) -> Workers:
    """Return the workers of a build.

    Args:
        n: Number of workers; None: one for each core, and one for the serial back end.
        backend: Name in :data:`WORKERS`; None: a pool, or this process for one worker.
        address: Address of a Ray cluster.
        options: Further options of workers on Ray, such as ``gpus_per_worker``; None means the default.

    Raises:
        UnknownNameError: If there is no such back end.
        InvalidArgumentError: If ``n`` is below 1, or an option belongs to another back end.

    Example:
        >>> make_workers(1).name, make_workers(2).name
        ('serial', 'pool')
    """
    given = {"address": address, **options}
    given = {name: value for name, value in given.items() if value is not None}
    if given and backend != "ray":
        raise InvalidArgumentError(
            f"`{next(iter(given))}` is an option of Ray clusters; add --backend ray."
        )
    wanted = n_cores() if n is None else check_int("workers", n, minimum=1)
    if backend is None:
        return SerialWorkers() if wanted == 1 else PoolWorkers(wanted)
    return WORKERS.get(backend)(1 if n is None and backend == "serial" else wanted, **given)
