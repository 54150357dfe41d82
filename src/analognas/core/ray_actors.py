"""Actors of a Ray cluster that each hold one object and answer messages with it.

The counterpart of :mod:`.processes` on a cluster. If an actor dies, alone or with its machine, only its current
message is lost.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from .checks import check_float
from .errors import InvalidArgumentError
from .processes import Died, one_line
from .ray_cluster import check_answers, n_places

__all__ = ["START_SECONDS", "ActorCrew", "checked_share", "import_ray"]

START_SECONDS = 120.0
"""Default time for all actors to start, s."""

_LOOK_SECONDS = 5.0


class _Actor:
    """The class on the cluster: it loads an object once and answers many messages."""

    def __init__(self, content: Any, answer: Callable[[Any, Any], Any]) -> None:
        self._content = content
        self._answer = answer

    def ready(self) -> None:
        """Do nothing; a call returns after the object is loaded."""

    def reply(self, message: Any) -> Any:
        return self._answer(self._content, message)


class ActorCrew:
    """Actors that each have a copy of one object.

    Args:
        content: The object; put into the cluster's store once, from which every actor loads it.
        answer: Called in an actor with the object and a message; returns the answer. A function of a module.
        n: Number of actors.
        kind: What the object is, for messages ("evaluator").
        address: Address of a cluster, ``"auto"`` for the one that this machine belongs to; None: what the
            environment says (``RAY_ADDRESS``), else a cluster of this machine alone.
        cpus: Cores that each actor takes; fractions share one.
        gpus: GPUs that each actor takes; fractions share one.
        start_seconds: Time for actors to find room and load the object, s.
        environment: Environment variables of the actors.

    Raises:
        InvalidArgumentError: If Ray is not installed, the cluster cannot be reached, or has no room.
    """

    def __init__(
        self,
        content: Any,
        answer: Callable[[Any, Any], Any],
        n: int,
        *,
        kind: str,
        address: str | None,
        cpus: float,
        gpus: float,
        start_seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._ray = import_ray()
        self._n = n
        self._kind = kind
        self._address = address
        self._share = {"num_cpus": cpus, "num_gpus": gpus}
        self._start_seconds = start_seconds
        self._actors: list[Any] = []
        self._answers: dict[int, Any] = {}  # promised answer by worker
        self._starts: dict[int, Any] = {}  # promise to be ready by worker
        self._started_at: dict[int, float] = {}
        self._own_cluster = not self._ray.is_initialized()
        if self._own_cluster:
            self._connect()
        try:
            self._start_all(content, answer, dict(environment or {}))
        except BaseException:
            self.close()
            raise

    def send(self, worker: int, message: Any) -> None:
        """Give an idle actor something to do; if it is dead, :meth:`wait` tells."""
        self._answers[worker] = self._actors[worker].reply.remote(message)

    def wait(self, workers: Sequence[int], timeout: float | None = None) -> list[tuple[int, Any]]:
        """Wait until some busy actors have answered or died (:class:`.Died`); nothing after ``timeout`` s."""
        promised = {self._answers[worker]: worker for worker in workers}
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            look = max(0.0, min(_LOOK_SECONDS, end - time.monotonic()))
            ready, _ = self._ray.wait(list(promised), num_returns=1, timeout=look)
            if ready:
                return [(promised[one], self._get(one)) for one in ready]
            if late := [worker for worker in workers if self._is_late(worker)]:
                reason = f"no room was found for its worker in {self._start_seconds:g} s"
                return [(worker, Died(reason, started=False)) for worker in late]
            if time.monotonic() >= end:
                return []

    def replace(self, worker: int) -> None:
        """Put a new actor in the place of a dead one."""
        self._ray.kill(self._actors[worker])  # an actor that waits for room would not stop
        self._start(worker)

    def close(self) -> None:
        """End all actors, and the cluster if it was started for them."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        self._answers, self._starts = {}, {}
        if self._own_cluster and self._ray.is_initialized():
            self._ray.shutdown()

    def _start_all(
        self, content: Any, answer: Callable[[Any, Any], Any], environment: dict[str, str]
    ) -> None:
        if self._own_cluster and self._wanted_address() in (None, "local"):
            self._check_room()  # this machine will not grow
        stored = self._ray.put(content)
        options: dict[str, Any] = dict(self._share)
        if environment:
            options["runtime_env"] = {"env_vars": environment}
        make = self._ray.remote(_Actor).options(**options).remote
        self._make: Callable[[], Any] = partial(make, stored, answer)
        for worker in range(self._n):
            self._start(worker)
        _, pending = self._ray.wait(
            list(self._starts.values()), num_returns=self._n, timeout=self._start_seconds
        )
        if pending:
            self._check_room()
            raise InvalidArgumentError(
                f"{len(pending)} of {self._n} workers did not start in {self._start_seconds:g} s: other "
                f"programs hold the cluster, or the {self._kind} loads slowly; take fewer workers or a longer "
                "`start_seconds`."
            )

    def _start(self, worker: int) -> None:
        """Start an actor, with a promise that is fulfilled when it has loaded the object."""
        self._actors[worker : worker + 1] = [self._make()]
        self._starts[worker] = self._actors[worker].ready.remote()
        self._started_at[worker] = time.monotonic()

    def _check_room(self) -> None:
        """Raise an error if the cluster has room for fewer workers."""
        wanted = {"CPU": self._share["num_cpus"], "GPU": self._share["num_gpus"]}
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        n = n_places(machines, wanted)
        if n < self._n:
            total = self._ray.cluster_resources()
            raise InvalidArgumentError(
                f"The cluster has room for {n} of {self._n} workers: each takes {_text(wanted)}, and there are "
                f"{_text({name: total.get(name, 0.0) for name in wanted})}; take fewer workers, or smaller "
                "`cpus_per_worker` and `gpus_per_worker`."
            )

    def _connect(self) -> None:
        address = self._wanted_address()
        try:
            check_answers(address)
            self._ray.init(address=self._address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise InvalidArgumentError(
                f"Cannot reach a Ray cluster at {address!r} ({one_line(error)}); start one with "
                "`ray start --head`, or leave `address` away."
            ) from None

    def _wanted_address(self) -> str | None:
        return self._address or os.environ.get("RAY_ADDRESS") or None

    def _is_late(self, worker: int) -> bool:
        """Whether the time for an actor to start is over."""
        if worker not in self._starts:
            return False
        started, _ = self._ray.wait([self._starts[worker]], timeout=0)
        if started:
            del self._starts[worker]
            return False
        return time.monotonic() - self._started_at[worker] > self._start_seconds

    def _get(self, promised: Any) -> Any:
        exceptions = self._ray.exceptions
        try:
            return self._ray.get(promised)
        except exceptions.RayActorError as error:
            # An actor whose constructor fails has never started.
            started = "creation" not in str(error)
            return Died(f"its worker died ({one_line(error)})", started)
        except exceptions.RayError as error:
            return Died(one_line(error), started=True, gone=False)


def checked_share(name: str, value: float) -> float:
    """Return a share of a core or GPU, or a whole number of them, after a check.

    Raises:
        InvalidArgumentError: If it is neither.

    Example:
        >>> checked_share("gpus_per_worker", 0.25)
        0.25
    """
    share = check_float(name, value, minimum=0.0)
    if share > 1 and share != math.floor(share):
        raise InvalidArgumentError(
            f"`{name}` must be at most 1, or a whole number, but got {value!r}."
        )
    return share


def import_ray() -> Any:
    """Import Ray and return the module.

    Raises:
        InvalidArgumentError: If it is not installed.
    """
    try:
        import ray
    except ImportError:
        raise InvalidArgumentError(
            "The ray back end needs Ray, which is not installed: pip install 'analognas[ray]', or take "
            "backend='pool' on one machine."
        ) from None
    return ray


def _text(resources: Mapping[str, float]) -> str:
    return " and ".join(f"{amount:g} {name}" for name, amount in resources.items())
