"""Workers of a build on a Ray cluster, with whole or shared GPUs."""

from __future__ import annotations

from ..core import check_float
from ..core.processes import THREAD_VARIABLES
from ..core.ray_actors import START_SECONDS, ActorCrew, checked_share
from .protocol import Measurement
from .workers import CrewWorkers, answer

__all__ = ["RayWorkers"]


class RayWorkers(CrewWorkers):
    """Actors of a Ray cluster, or of one that is started on this machine.

    Only the coordinator opens the work queue. Actors need the folder of the build, for weights and checkpoints:
    it must be on a file system that all machines of the cluster see, under the same path, and so must the data.
    Needs the extra ``ray``: ``pip install "analognas[ray]"``.

    Args:
        n: Number of actors.
        address: Address of a cluster, ``"auto"`` for the one that this machine belongs to; None: what the
            environment says (``RAY_ADDRESS``), else a cluster of this machine alone.
        cpus_per_worker: Cores that each actor takes; fractions share one.
        gpus_per_worker: GPUs that each actor takes; fractions share one. The specification says whether a GPU
            is used: ``measurement.device: cuda``.
        start_seconds: Time that actors may take to find room and load, s: long where a cluster has to start
            machines first.

    Raises:
        InvalidArgumentError: If a number is out of range; from :meth:`open`, if Ray is not installed, the
            cluster cannot be reached, or has no room for the actors.
    """

    name = "ray"

    def __init__(
        self,
        n: int,
        *,
        address: str | None = None,
        cpus_per_worker: float = 1.0,
        gpus_per_worker: float = 0.0,
        start_seconds: float = START_SECONDS,
    ) -> None:
        super().__init__(n)
        self.address = address
        self.cpus_per_worker = checked_share("cpus_per_worker", cpus_per_worker)
        self.gpus_per_worker = checked_share("gpus_per_worker", gpus_per_worker)
        self.start_seconds = check_float("start_seconds", start_seconds, minimum=0.0, unit="s")

    def open(self, measurement: Measurement) -> None:
        """Start the actors."""
        self._crew = ActorCrew(
            measurement,
            answer,
            self.n,
            kind="measurement",
            address=self.address,
            cpus=self.cpus_per_worker,
            gpus=self.gpus_per_worker,
            start_seconds=self.start_seconds,
            environment=dict.fromkeys(THREAD_VARIABLES, "1"),
        )
