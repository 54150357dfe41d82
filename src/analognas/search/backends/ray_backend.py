"""Workers on a Ray cluster: actors that keep the evaluator loaded, with whole or shared GPUs."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...core import InvalidArgumentError, check_float
from ...evaluators import Evaluator
from .base import RETRIES
from .jobs import Job, error_text
from .parallel import ParallelBackend, Reply, answer
from .ray_cluster import check_answers, n_places

START_SECONDS = 120.0
"""Time that all actors together may take to start, unless a back end is told otherwise, s."""

_LOOK_SECONDS = 5.0


class _Actor:
    """What runs on the cluster: an evaluator that is loaded once and asked many times."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def ready(self) -> None:
        """Nothing to do: it is called when the evaluator is there."""

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
        start_seconds: Time that actors may take to find room and load the evaluator, s: long where a cluster
            has to start machines first.

    Raises:
        InvalidArgumentError: If a number is out of range; from :meth:`open`, if Ray is not installed, the
            cluster cannot be reached, or has no room for the actors.
        EvaluationError: From :meth:`measure`, if dead actors cannot be replaced in ``start_seconds``.
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
        start_seconds: float = START_SECONDS,
    ) -> None:
        super().__init__(n_workers=n_workers, retries=retries)
        self.address = address
        self.cpus_per_worker = _checked_share("cpus_per_worker", cpus_per_worker)
        self.gpus_per_worker = _checked_share("gpus_per_worker", gpus_per_worker)
        self.start_seconds = check_float("start_seconds", start_seconds, minimum=0.0, unit="s")
        self._ray: Any = None
        self._own_cluster = False
        self._actors: list[Any] = []
        self._answers: dict[int, Any] = {}  # promised answer by worker
        self._starts: dict[int, Any] = {}  # promise to be ready by worker
        self._started_at: dict[int, float] = {}

    def _start_all(self, evaluator: Evaluator) -> None:
        self._ray = _import_ray()
        self._own_cluster = not self._ray.is_initialized()
        if self._own_cluster:
            self._connect()
        if self._own_cluster and self._wanted_address() in (None, "local"):
            self._check_room()  # this machine will not grow
        # One copy in the cluster's store, from which every actor loads it.
        self._evaluator = self._ray.put(evaluator)
        self._make_actor = self._ray.remote(_Actor).options(**self._share()).remote
        self._actors = []
        for worker in range(self.n_workers):
            self._start(worker)
        _, pending = self._ray.wait(
            list(self._starts.values()), num_returns=self.n_workers, timeout=self.start_seconds
        )
        if pending:
            self._check_room()
            raise InvalidArgumentError(
                f"{len(pending)} of {self.n_workers} workers did not start in {self.start_seconds:g} s: other "
                "programs hold the cluster, or the evaluator loads slowly; take fewer workers or a longer "
                "`start_seconds`."
            )

    def _share(self) -> dict[str, float]:
        return {"num_cpus": self.cpus_per_worker, "num_gpus": self.gpus_per_worker}

    def _start(self, worker: int) -> None:
        """Put an actor in a place, and have it say when it holds the evaluator."""
        self._actors[worker : worker + 1] = [self._make_actor(self._evaluator)]
        self._starts[worker] = self._actors[worker].ready.remote()
        self._started_at[worker] = time.monotonic()

    def _check_room(self) -> None:
        """Refuse more workers than the machines of the cluster hold."""
        wanted = {"CPU": self.cpus_per_worker, "GPU": self.gpus_per_worker}
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        n = n_places(machines, wanted)
        if n < self.n_workers:
            total = self._ray.cluster_resources()
            raise InvalidArgumentError(
                f"The cluster has room for {n} of {self.n_workers} workers: each takes {_text(wanted)}, and "
                f"there are {_text({name: total.get(name, 0.0) for name in wanted})}; take fewer workers, or "
                "smaller `cpus_per_worker` and `gpus_per_worker`."
            )

    def _connect(self) -> None:
        address = self._wanted_address()
        try:
            check_answers(address)
            self._ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise InvalidArgumentError(
                f"Cannot reach a Ray cluster at {address!r} ({error_text(error)}); start one with "
                "`ray start --head`, or leave `address` away."
            ) from None

    def _wanted_address(self) -> str | None:
        return self.address or os.environ.get("RAY_ADDRESS") or None

    def _send(self, worker: int, job: Job) -> None:
        self._answers[worker] = self._actors[worker].measure.remote(job)

    def _wait(self, workers: Sequence[int]) -> list[tuple[int, Reply]]:
        promised = {self._answers[worker]: worker for worker in workers}
        while True:
            ready, _ = self._ray.wait(list(promised), num_returns=1, timeout=_LOOK_SECONDS)
            if ready:
                return [(promised[answer_], self._get(answer_)) for answer_ in ready]
            if late := [worker for worker in workers if self._is_late(worker)]:
                error = f"no room was found for its worker in {self.start_seconds:g} s"
                return [(worker, Reply(error=error, died=True, started=False)) for worker in late]

    def _is_late(self, worker: int) -> bool:
        """Whether an actor should have started long ago."""
        if worker not in self._starts:
            return False
        started, _ = self._ray.wait([self._starts[worker]], timeout=0)
        if started:
            del self._starts[worker]
            return False
        return time.monotonic() - self._started_at[worker] > self.start_seconds

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
        self._ray.kill(self._actors[worker])  # one that waits for room would wait on
        self._start(worker)

    def close(self) -> None:
        """End all actors, and the cluster if it was started for this search."""
        if self._ray is None:
            return
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        self._answers, self._starts = {}, {}
        if self._own_cluster:
            self._ray.shutdown()
        self._ray = None


def _checked_share(name: str, value: float) -> float:
    """A part of one core or GPU, or a whole number of them: what Ray can give."""
    share = check_float(name, value, minimum=0.0)
    if share > 1 and share != math.floor(share):
        raise InvalidArgumentError(
            f"`{name}` must be at most 1, or a whole number, but got {value!r}."
        )
    return share


def _text(resources: Mapping[str, float]) -> str:
    return " and ".join(f"{amount:g} {name}" for name, amount in resources.items())


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InvalidArgumentError(
            "The ray back end needs Ray, which is not installed: pip install 'analognas[ray]', or take "
            "backend='pool' on one machine."
        ) from None
    return ray
