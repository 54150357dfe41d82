"""Workers on a Ray cluster: actors that keep the evaluator loaded, with whole or shared GPUs."""

from __future__ import annotations

from ...core import check_float
from ...core.ray_actors import START_SECONDS, ActorCrew, checked_share
from ...evaluators import Evaluator
from .base import RETRIES
from .parallel import CrewBackend, answer

__all__ = ["RayBackend"]


class RayBackend(CrewBackend):
    """Measures in actors of a Ray cluster, or of a cluster that is started on this machine.

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

    Example:
        >>> RayBackend(n_workers=8, address="auto", gpus_per_worker=0.5).n_workers
        8
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
        self.cpus_per_worker = checked_share("cpus_per_worker", cpus_per_worker)
        self.gpus_per_worker = checked_share("gpus_per_worker", gpus_per_worker)
        self.start_seconds = check_float("start_seconds", start_seconds, minimum=0.0, unit="s")

    def _start_all(self, evaluator: Evaluator) -> None:
        self._crew = ActorCrew(
            evaluator,
            answer,
            self.n_workers,
            kind="evaluator",
            address=self.address,
            cpus=self.cpus_per_worker,
            gpus=self.gpus_per_worker,
            start_seconds=self.start_seconds,
        )
