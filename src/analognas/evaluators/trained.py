"""Evaluation by training networks and measuring them on simulated chips."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    ArchitectureError,
    InvalidArgumentError,
    Metric,
    check_choice,
    check_int,
    find_metric,
)
from ..core.folders import remove_empty
from ..spaces import Population, Space, count_networks
from .base import COUNTED, Evaluation, Evaluator
from .costs import known_space
from .fidelity import Fidelity

if TYPE_CHECKING:
    from ..builder import MeasurementSettings, NetworkMeasurement, UnitResult

__all__ = ["TRAINING_SECONDS", "TrainedEvaluator"]

TRAINING_SECONDS = Metric(
    "training_seconds", "s", False, "wall-clock time of training and measuring a network"
)


_SELECTED_ON_TEST = (
    "Networks are compared on the test split, so the winner's accuracy is partly luck; `split: validation` and "
    "`examples: {validation: N}` keep the test split for the end."
)


class TrainedEvaluator(Evaluator):
    """Scores architectures by training their networks and evaluating them over time on simulated chips.

    Only what the requested metrics need is done: a search for ``baseline_accuracy`` trains no network for
    analog hardware. Standard errors cover chips and test examples, but not repeated trainings: the seed
    determines the weights of a network.

    Its fidelity is the number of digital epochs; the epochs of other trainings go with it, one at least. A
    digital training continues that of a lower fidelity if its learning rate permits it.

    Args:
        space: A space whose networks can be built.
        settings: Settings of training and measurement: an object, a mapping, or a YAML file.
        seed: Seed of everything random in training and measurement.
        folder: Folder of checkpoints, so that interrupted trainings continue; a search with an output folder
            sets it. None: no checkpoints.

    Attributes:
        measurement: The measurement of one network.

    Raises:
        InvalidArgumentError: If a setting is out of range.
        UnknownNameError: If a setting or a choice is unknown.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> evaluator = TrainedEvaluator(NASBench201Space(), {"conditions": ["digital"]})
        >>> evaluator.metrics
        ['baseline_accuracy', 'params', 'macs', 'training_seconds']
    """

    def __init__(
        self,
        space: Space,
        settings: MeasurementSettings | Mapping[str, Any] | str | os.PathLike[str],
        *,
        seed: int = 0,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        # Imported here, so that searches without training do not load torch.
        from ..builder import MeasurementSettings, NetworkMeasurement

        settings = MeasurementSettings.coerce(settings)
        self.space = space
        self.seed = check_int("seed", seed, minimum=0)
        self.measurement: NetworkMeasurement = NetworkMeasurement(space, settings)
        self.folder = None if folder is None else Path(folder)
        # Results by genotype and scale of the epochs, as other runs of a search may need them again.
        self._known: dict[tuple[bytes, float], dict[str, UnitResult]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": {}}

    @property
    def settings(self) -> MeasurementSettings:
        """Settings of training and measurement."""
        return self.measurement.settings

    @property
    def metrics(self) -> list[str]:
        """Names of the measured metrics, then the counted ones, then the duration."""
        return [*self.measurement.metrics, *self._counted, TRAINING_SECONDS.name]

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the measured metrics; with a single chip, only those measured without chips."""
        several = self.settings.chips.n > 1
        return [
            name
            for unit in self.measurement.units
            if several or unit not in ("noisy", "hwa")
            for name in self.settings.metrics(unit)
        ]

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Definitions of the metrics, including any drift times."""
        return tuple(find_metric(name) or TRAINING_SECONDS for name in self.metrics)

    @property
    def _counted(self) -> tuple[str, ...]:
        """What the space counts of the trained networks."""
        known = self.settings.network.keys() <= {*self.space.counted_options}
        counts = self.space.counts() if known else {}
        return tuple(name for name in COUNTED if name in counts)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example of the data (which are loaded if necessary)."""
        return tuple(self.measurement.data.input_shape)

    @property
    def n_classes(self) -> int:
        """Number of classes of the data (which are loaded if necessary)."""
        return self.measurement.data.n_classes

    @property
    def network_input(self) -> Mapping[str, Any]:
        """Input shape and classes of the data (which are loaded if necessary), and options of the networks."""
        return {
            "input_shape": self.input_shape,
            "n_classes": self.n_classes,
            **self.settings.network,
        }

    @property
    def cheap_metrics(self) -> tuple[str, ...]:
        """``params`` and ``macs``, if the space counts them."""
        return self._counted

    def evaluate_cheaply(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Count parameters and MACs for the input and classes of the data; NaN if a network cannot be built."""
        found = {
            name: count_networks(self.space, name, population, self.network_input)
            for name in metrics
        }
        return Evaluation({name: values.astype(np.float64) for name, values in found.items()})

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Train and measure every network; interrupted ones continue from their checkpoints.

        Raises:
            ArchitectureError: If a network cannot be built for the data, or scores are not finite.
            DivergedError: If a training diverges.
            DataNotFoundError: If the data are missing.
            OutputFolderError: If the folder cannot be written to.
        """
        return self._evaluate(population, metrics, np.ones(len(population)))

    @property
    def fidelity(self) -> Fidelity:
        """Digital epochs, and whether trainings continue those of a lower fidelity."""
        recipe: Any = self.settings.recipe("digital")
        if self.measurement.extends_trainings:
            remark = (
                "Digital trainings of promoted networks continue; all other trainings start again."
            )
        else:
            remark = (
                "Promoted networks are trained from the start, since learning rates depend on the number of "
                "epochs; digital.schedule {kind: constant, warmup: 1} lets digital trainings continue."
            )
        return Fidelity("epochs", recipe.epochs, remark=remark)

    def evaluate_at(
        self,
        population: Population,
        metrics: Sequence[str],
        *,
        fidelities: NDArray[np.float64],
    ) -> Evaluation:
        """Train and measure every network with so many digital epochs; see :meth:`evaluate`."""
        return self._evaluate(population, metrics, fidelities / self.fidelity.maximum)

    def _evaluate(
        self, population: Population, metrics: Sequence[str], scales: NDArray[np.float64]
    ) -> Evaluation:
        names = [check_choice("metric", name, self.metrics) for name in metrics]
        counted = [name for name in names if name in self.cheap_metrics]
        measured = [name for name in names if name not in counted]
        means: dict[str, NDArray[np.float64]] = self.evaluate_cheaply(population, counted).means
        sems: dict[str, NDArray[np.float64]] = {}
        if measured:
            units = self._units(measured)
            rows = [
                self._columns(row, units, scale)
                for row, scale in zip(population, scales.tolist(), strict=True)
            ]
            for name in measured:
                means[name] = np.array([row[name] for row in rows])
                if name in self.metrics_with_sem:
                    sems[name] = np.array([row.get(f"{name}_sem", np.nan) for row in rows])
        return Evaluation({name: means[name] for name in names}, sems)

    def _units(self, metrics: Sequence[str]) -> list[str]:
        """Return the units of work that metrics need, in the order of execution."""
        measurement = self.measurement
        wanted = {
            unit for unit in measurement.units if set(self.settings.metrics(unit)) & set(metrics)
        }
        wanted = wanted or set(measurement.units)
        needed = {other for unit in wanted for other in measurement.requires(unit)}
        return [unit for unit in measurement.units if unit in wanted | needed]

    def _columns(self, row: NDArray[Any], units: Sequence[str], scale: float) -> dict[str, float]:
        """Return all values of one network, measuring what is missing."""
        known = self._known.setdefault((row.tobytes(), scale), {})
        folder = self._folder_of(row, scale)
        shorter = self._shorter(row, scale)
        extendable = folder is not None and scale < 1.0 and self.measurement.extends_trainings
        missing = [unit for unit in units if unit not in known]
        if missing:
            self.measurement.load()
        for unit in missing:
            try:
                known[unit] = self.measurement.run(
                    row,
                    unit,
                    seed=self.seed,
                    folder=folder,
                    scale=scale,
                    shorter=shorter,
                    extendable=extendable,
                )
            except InvalidArgumentError as error:
                # Settings and data were checked before, so the error is of this network.
                raise ArchitectureError(str(error)) from error
        if missing and folder is not None:
            _remove_weights(folder, end=not extendable)
            if shorter is not None:
                _remove_weights(shorter)
        found: dict[str, float] = {}
        for unit in units:
            found |= known[unit].columns()
        found[TRAINING_SECONDS.name] = sum(known[unit].seconds for unit in units)
        return found

    def _shorter(self, row: NDArray[Any], scale: float) -> Path | None:
        """Return the folder of the longest shorter training of a network that can be continued, if any."""
        from ..training.run_folder import END_FILE

        whole = self._folder_of(row, 1.0)
        if whole is None or not self.measurement.extends_trainings:
            return None
        found = {
            float(path.name.partition("-")[2]): path
            for path in whole.parent.glob(f"{whole.name}-*")
            if (path / "digital" / END_FILE).exists()
        }
        shorter = [other for other in found if other < scale]
        return found[max(shorter)] if shorter else None

    def _folder_of(self, row: NDArray[Any], scale: float) -> Path | None:
        if self.folder is None:
            return None
        # Equal genotypes give equal names, whatever the integer type of the space.
        content = np.ascontiguousarray(row, dtype="<i8").tobytes()
        name = hashlib.sha256(content).hexdigest()[:16]
        return self.folder / (name if scale == 1.0 else f"{name}-{scale:.6g}")

    def free_metrics(self, metrics: Sequence[str]) -> list[str]:
        """Return all other metrics of the units of work that these need."""
        measured = [name for name in metrics if name in self.measurement.metrics]
        if not measured:
            return []
        found = [name for unit in self._units(measured) for name in self.settings.metrics(unit)]
        return [name for name in found if name not in metrics]

    def use_folder(self, folder: Path | None) -> None:
        """Write checkpoints to a folder."""
        self.folder = folder

    def clean_up(self) -> None:
        """Remove checkpoints of measured networks."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def identity(self) -> dict[str, Any]:
        """Return settings, seed and a checksum of the data."""
        return {"trained": self._identity, "seed": self.seed}

    @cached_property
    def _identity(self) -> dict[str, Any]:
        from ..builder.measured_data import data_facts

        return {**self.settings.identity(), "examples_of": data_facts(self.measurement.data)}

    def definition(self) -> dict[str, Any]:
        """Return settings, including the folder of the data, and seed."""
        return {"settings": self.settings.to_dict(), "seed": self.seed}

    @classmethod
    def from_definition(
        cls, definition: Mapping[str, Any], space: Space | None
    ) -> TrainedEvaluator:
        """Rebuild the evaluator."""
        return cls(known_space(space, cls), definition["settings"], seed=definition["seed"])

    @property
    def remarks(self) -> tuple[str, ...]:
        """The fidelity of measurements, the examples that networks are selected on, and remarks on the data."""
        note = self.measurement.data.note
        selected = _SELECTED_ON_TEST if self.settings.split == "test" else None
        lines = (self.measurement.describe_fidelity(), selected, note)
        return tuple(line for line in lines if line)

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return counts of the network and results so far, with their fidelity; nothing is trained."""
        counts = self.evaluate_cheaply(np.asarray(row)[None], self.cheap_metrics).means
        return {
            "metrics": {
                name: int(values[0]) if np.isfinite(values[0]) else None
                for name, values in counts.items()
            },
            "fidelity": self.measurement.fidelity(),
        }


def _remove_weights(folder: Path, *, end: bool = True) -> None:
    """Remove what was kept of the digital training of a network; its end only if that is said."""
    from ..training.run_folder import END_FILE

    for path in (folder / "digital").glob("*"):
        if end or path.name != END_FILE:
            path.unlink(missing_ok=True)
    remove_empty(folder / "digital")
