"""A pool of processes on this machine; the death of one does not affect the others."""

from __future__ import annotations

import os

from ...core import InvalidArgumentError, check_int
from ...core.processes import LoadError, ProcessCrew, n_cores
from ...evaluators import Evaluator
from .base import RETRIES
from .parallel import CrewBackend, answer

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class PoolBackend(CrewBackend):
    """Measures in processes of this machine, which are started (spawn) once for the whole search.

    The evaluator is sent to each process once, so it must be picklable: define its class in a module, or in a
    script that runs its own work under ``if __name__ == "__main__":``. Data from files should be loaded on
    first use, and not be part of its state. The processes end with the search, also if it is killed.

    Args:
        n_workers: Processes; by default one for each core.
        retries: How often an evaluation that failed, or whose process died, is tried again.
        threads: Threads of each process in torch and numpy; by default its share of the cores, unless the
            environment says so already (``OMP_NUM_THREADS``).

    Raises:
        InvalidArgumentError: If a number is out of range; from :meth:`open`, if the evaluator is not picklable.

    Example:
        >>> from analognas import Worker
        >>> backend = PoolBackend(n_workers=4, threads=1)
        >>> worker = Worker(optimizer="random_search", budget=100, backend=backend)
        >>> backend.n_workers, backend.threads
        (4, 1)
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

    @property
    def process_ids(self) -> list[int | None]:
        """Operating-system ids of the processes, while a search is running."""
        return self._crew.process_ids if isinstance(self._crew, ProcessCrew) else []

    def _start_all(self, evaluator: Evaluator) -> None:
        n_threads = str(self._n_threads())
        environment = {name: n_threads for name in _THREADS if name not in os.environ}
        try:
            self._crew = ProcessCrew(
                evaluator, answer, self.n_workers, kind="evaluator", environment=environment
            )
        except LoadError as error:
            raise InvalidArgumentError(
                f"{type(evaluator).__name__} cannot be sent to other processes ({error}); define its class at "
                "the top of a module and keep files, locks and lambdas out of its state, or take "
                "backend='serial'."
            ) from None

    def _n_threads(self) -> int:
        return self.threads or max(1, n_cores() // self.n_workers)
