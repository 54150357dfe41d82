"""Workers on a Ray cluster: actors that keep the evaluator loaded, with whole or shared GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core import InvalidArgumentError, check_float
from ..evaluators import Evaluator
from .backends import RETRIES
from .crew import ParallelBackend, Reply, answer
from .jobs import Job, error_text


class _Actor:
    """What runs on the cluster: an evaluator that is loaded once and asked many times."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def measure(self, job: Job) -> Reply:
        return answer(self._evaluator, job)


class RayBackend(ParallelBackend):
    """Measures in actors of a Ray cluster, or of one that is started on this machine.

    Every actor holds the evaluator. One that dies, with its machine or alone, is replaced wherever the cluster
    has room, and its evaluation is tried again. Needs the extra ``ray``: ``pip install "analognas[ray]"``.

    Args:
        n_workers: Actors; by default one for each core of this machine.
        retries: How often an evaluation that failed, or whose actor died, is tried again.
        address: Address of a cluster, ``"auto"`` for the one that this machine belongs to; None: what the
            environment says (``RAY_ADDRESS``), else a cluster of this machine alone.
        cpus_per_worker: Cores that each actor takes; fractions share one. Ray limits its threads to them.
        gpus_per_worker: GPUs that each actor takes; fractions share one.

    Raises:
        InvalidArgumentError: If a number is out of range; from :meth:`open`, if Ray is not installed or the
            cluster cannot be reached.
    """

    name = "ray"

    def __init__(
        self,
        *,
        n_workers: int | None = None,
        retries: int = RETRIES,
        address: str | None = None,
        cpus_per_worker: float = 1.0,
        gpus_per_worker: float = 0.0,
    ) -> None:
        super().__init__(n_workers=n_workers, retries=retries)
        self.address = address
        self.cpus_per_worker = check_float("cpus_per_worker", cpus_per_worker, minimum=0.0)
        self.gpus_per_worker = check_float("gpus_per_worker", gpus_per_worker, minimum=0.0)
        self._ray: Any = None
        self._own_cluster = False
        self._actors: list[Any] = []
        self._answers: dict[int, Any] = {}  # promised answer by worker

    def _start_all(self, evaluator: Evaluator) -> None:
        self._ray = _import_ray()
        self._own_cluster = not self._ray.is_initialized()
        if self._own_cluster:
            self._connect()
        # One copy in the cluster's store, from which every actor loads it.
        self._evaluator = self._ray.put(evaluator)
        resources = {"num_cpus": self.cpus_per_worker, "num_gpus": self.gpus_per_worker}
        self._make_actor = self._ray.remote(_Actor).options(**resources).remote
        self._actors = [self._make_actor(self._evaluator) for _ in range(self.n_workers)]

    def _connect(self) -> None:
        try:
            self._ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InvalidArgumentError(
                f"Cannot reach a Ray cluster at {self.address!r} ({error_text(error)}); start one with "
                "`ray start --head`, or leave `address` away."
            ) from None

    def _send(self, worker: int, job: Job) -> None:
        self._answers[worker] = self._actors[worker].measure.remote(job)

    def _wait(self, workers: Sequence[int]) -> list[tuple[int, Reply]]:
        promised = {self._answers[worker]: worker for worker in workers}
        ready, _ = self._ray.wait(list(promised), num_returns=1)
        return [(promised[answer_], self._get(answer_)) for answer_ in ready]

    def _get(self, promised: Any) -> Reply:
        exceptions = self._ray.exceptions
        try:
            reply: Reply = self._ray.get(promised)
        except exceptions.RayActorError as error:
            # An actor whose constructor fails is one that never started.
            started = "creation" not in str(error)
            return Reply(error=f"its worker died ({error_text(error)})", died=True, started=started)
        except exceptions.RayError as error:
            return Reply(error=error_text(error))
        return reply

    def _replace(self, worker: int) -> None:
        self._actors[worker] = self._make_actor(self._evaluator)

    def close(self) -> None:
        """End all actors, and the cluster if it was started for this search."""
        if self._ray is None:
            return
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        if self._own_cluster:
            self._ray.shutdown()
        self._ray = None


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InvalidArgumentError(
            "The ray back end needs Ray, which is not installed: pip install 'analognas[ray]', or take "
            "backend='pool' on one machine."
        ) from None
    return ray
