"""The folder of a build: specification, work queue, files of unfinished networks, and the table."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..core import OutputFolderError, ResumeError, hold_folder
from ..core.folders import occupants
from ..core.former_names import former_names
from ..spaces import Population, Space
from ..version import __version__
from .coordinator import Listener, work_off
from .measurement import NetworkMeasurement
from .protocol import Measurement
from .sampling import choose_architectures
from .specification import BuildSettings, data_place
from .units import Counts, Unit
from .work_queue import FILE_NAME as QUEUE_FILE
from .work_queue import WorkQueue
from .workers import Workers

__all__ = ["SPECIFICATION_FILE", "TABLE_FILE", "Build", "planned_units"]

SPECIFICATION_FILE = "spec.yaml"
TABLE_FILE = "table.parquet"
_WORK_FOLDER = "work"
_START_SECONDS = 60.0  # longest wait for another process that starts a build in the same folder


class Build:
    """A build in its folder.

    Args:
        folder: Folder of :meth:`start`.

    Raises:
        ResumeError: If there is no build in the folder.
        InvalidArgumentError: If its specification cannot be read.

    Attributes:
        folder: The folder.
        settings: The specification.
        space: The space.

    Example:
        >>> build = Build("my-build")
        >>> build.settings.name, len(build.settings.measurement.conditions)
        ('six-cells', 1)
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        file = self.folder / SPECIFICATION_FILE
        if not file.is_file():
            raise ResumeError(
                f"There is no build in {str(self.folder)!r}: it has no {SPECIFICATION_FILE}. Start one with "
                "`analognas bench build SPEC.yaml --out FOLDER`."
            )
        self.settings = BuildSettings.load(file)
        self.space: Space = self.settings.make_space()

    @classmethod
    def start(
        cls,
        settings: BuildSettings,
        folder: str | os.PathLike[str],
        *,
        root: str | os.PathLike[str] | None = None,
        measurement: Measurement | None = None,
    ) -> Build:
        """Start a build, or join one of the same specification that is in the folder already.

        Args:
            settings: The specification.
            folder: New or empty folder, or that of the same build.
            root: Folder or file of the data, see :meth:`.BuildSettings.resolved`.
            measurement: Measures one network, in place of that of the specification.

        Raises:
            DataNotFoundError: If the data are missing.
            OutputFolderError: If the folder holds anything else, or cannot be written to.
            ResumeError: If it holds another build.
            InvalidArgumentError: If the space cannot be sampled as specified.
        """
        target = Path(folder)
        settings = settings.resolved(root)
        file = target / SPECIFICATION_FILE
        if not file.is_file():
            space = settings.make_space()
            rows = choose_architectures(space, settings.sample)
            if measurement is None:
                measurement = NetworkMeasurement(space, settings.measurement)
            units = planned_units(settings, len(rows), measurement)
            facts = {
                **settings.facts(),
                "fidelity": measurement.fidelity(),
                "data": measurement.data_facts(),
                **_versions(),
            }
            with hold_folder(target, make=True, wait=_START_SECONDS):
                if not file.is_file():  # else another process started the build
                    _clear(target)
                    WorkQueue.create(target / QUEUE_FILE, facts, rows.tolist(), units).close()
                    settings.save(file)
        build = cls(target)
        build._check_same(settings)
        return build

    def _check_same(self, settings: BuildSettings) -> None:
        mine, other = self.settings.to_dict(), settings.to_dict()
        for payload in (mine, other):
            payload["measurement"].pop("root")
        differing = [name for name in mine if mine[name] != other[name]]
        if differing:
            raise ResumeError(
                f"The folder {str(self.folder)!r} holds a build of another specification: "
                f"{', '.join(differing)} differ; give another folder, or continue that build with "
                "`analognas bench resume`."
            )

    @property
    def queue_file(self) -> Path:
        """The work queue."""
        return self.folder / QUEUE_FILE

    @property
    def table_file(self) -> Path:
        """The merged table."""
        return self.folder / TABLE_FILE

    def measurement(self, root: str | os.PathLike[str] | None = None) -> NetworkMeasurement:
        """Return the measurement of the specification.

        Args:
            root: Folder or file of the data, in place of that of the specification.
        """
        settings = self.settings.measurement
        place = data_place(settings.root, root)
        return NetworkMeasurement(self.space, settings.replace(root=place))

    def run(
        self,
        workers: Workers,
        *,
        root: str | os.PathLike[str] | None = None,
        measurement: Measurement | None = None,
        listen: Listener | None = None,
    ) -> Counts:
        """Measure until nothing is left; several processes may call it at the same time.

        Args:
            workers: The workers.
            root: Folder or file of the data, in place of that of the specification.
            measurement: What measures one network, in place of that of the specification.
            listen: Called with the progress.

        Returns:
            The final counts: every unit is done or failed.

        Raises:
            DataNotFoundError: If the data are missing.
            EvaluationError: If workers cannot be started, or everything fails.
            OutputFolderError: If files cannot be written; the queue keeps what was done.
        """
        if measurement is None:
            measurement = self.measurement(root)
        self._check_same_data(measurement)
        work = self.folder / _WORK_FOLDER
        counts = work_off(
            self.queue_file,
            work,
            measurement,
            workers,
            retries=self.settings.retries,
            keep_files=self.settings.keep_networks,
            listen=listen,
        )
        if not self.settings.keep_networks and work.is_dir() and not any(work.iterdir()):
            work.rmdir()
        return counts

    def _check_same_data(self, measurement: Measurement) -> None:
        """Check that the remaining units are measured on the same data as the first."""
        with WorkQueue(self.queue_file, snapshot=True) as queue:
            known = queue.facts["data"]
            if not queue.counts().total("waiting", "running"):
                return
        found = measurement.data_facts()
        if found["sha256"] != known["sha256"]:
            raise ResumeError(
                f"The build in {str(self.folder)!r} began with other examples of {known['name']!r} than "
                f"those of {found['name']!r} that are here now; give the same data with --root."
            )

    def counts(self) -> Counts:
        """Return the number of units by condition and state."""
        with WorkQueue(self.queue_file, snapshot=True) as queue:
            return queue.counts()

    def retry_failed(self) -> int:
        """Return failed units to the queue; return their number."""
        with WorkQueue(self.queue_file) as queue:
            return queue.retry_failed()

    def population(self) -> Population:
        """Return the architectures by position, shape ``(n, n_genes)``."""
        with WorkQueue(self.queue_file, snapshot=True) as queue:
            return self.space.population([list(row) for row in queue.genotypes()])


def planned_units(
    settings: BuildSettings, n: int, measurement: Measurement, first: int = 0
) -> list[Unit]:
    """Return the units of ``n`` architectures in the order in which they are claimed.

    Args:
        settings: The specification.
        n: Number of architectures.
        measurement: Defines the conditions.
        first: Position of the first architecture.
    """
    return [
        Unit(first + position, seed, condition, tuple(measurement.requires(condition)))
        for position in range(n)
        for seed in settings.seeds_of(position, n)
        for condition in measurement.units
    ]


def _versions() -> dict[str, str]:
    """Versions of the packages that compute results."""
    import torch

    return {"analognas": __version__, "numpy": np.__version__, "torch": torch.__version__}


def _clear(folder: Path) -> None:
    """Remove the queue of a process that was killed while it started a build.

    Raises:
        OutputFolderError: If the folder holds anything else.
    """
    queue = [QUEUE_FILE + ending for ending in ("", "-wal", "-shm", "-journal")]
    if others := [name for name in occupants(folder) if name not in queue]:
        raise OutputFolderError(
            f"The folder {str(folder)!r} is not empty (it holds {others[0]!r}) and holds no build; give a new "
            "one."
        )
    for name in queue:
        (folder / name).unlink(missing_ok=True)


__getattr__ = former_names(
    __name__, {name: f".run:{name}" for name in ("resume_build", "run_build")}
)
