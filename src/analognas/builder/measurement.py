"""One network of a space, trained and measured under the conditions of a table."""

from __future__ import annotations

import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..core import check_choice, check_int
from ..core.folders import make_folder
from ..data import DataSet
from ..drift import Examples
from ..spaces import Space
from ..training import TrainingRecipe
from .measured_data import data_facts, fidelity_columns, fidelity_text, load_examples, shares_data
from .measurement_settings import (
    MeasurementSettings,
    check_network_options,
    looks_at_validation,
)
from .stopwatch import Stopwatch, one_torch_thread
from .unit_result import UnitResult, read_unit, write_unit
from .unit_run import LastTraining, UnitInputs, UnitRun

__all__ = ["NetworkMeasurement"]


class NetworkMeasurement:
    """Trains networks of a space and measures them on simulated chips.

    Results depend on architecture, unit, seed and settings only. Data are read on first use and kept in memory.
    A pickled measurement contains its settings; the other process reads the data again.

    Args:
        space: The space.
        settings: Settings of the measurement.

    Raises:
        UnknownNameError: If the networks of the space do not support an option.
        InvalidArgumentError: From :meth:`run`, if networks cannot be built for the data.
        DataNotFoundError: From :meth:`load`, if the data are missing.

    Example:
        >>> from analognas.spaces import SPACES
        >>> settings = MeasurementSettings(
        ...     conditions=["digital"], image_size=8, examples={"train": 64, "test": 32}, digital={"epochs": 1},
        ...     network={"channels": 4, "cells": 1},
        ... )
        >>> measurement = NetworkMeasurement(SPACES.get("nasbench201")(), settings)
        >>> result = measurement.run((2, 2, 0, 4, 2, 1), "digital", seed=0)
        >>> sorted(result.columns())
        ['baseline_accuracy', 'baseline_accuracy_sem']
    """

    def __init__(self, space: Space, settings: MeasurementSettings) -> None:
        self.space = space
        self.settings = settings
        check_network_options(space, settings.network)
        self._scaled: dict[float, NetworkMeasurement] = {}
        self._last = LastTraining()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.space, self.settings)

    @property
    def units(self) -> tuple[str, ...]:
        """Conditions in the order in which they can be measured."""
        return self.settings.units

    def requires(self, unit: str) -> tuple[str, ...]:
        """Return the units whose files a unit needs."""
        return () if check_choice("unit", unit, self.units) == "digital" else ("digital",)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics that the units measure."""
        return tuple(name for unit in self.units for name in self.settings.metrics(unit))

    @cached_property
    def data(self) -> DataSet:
        """Examples for training and scoring."""
        return load_examples(self.settings)

    @cached_property
    def chip_examples(self) -> Examples:
        """Prepared examples for scoring on chips."""
        n = self.settings.chips.examples
        data = self.data if n is None else self.data.subset(test=n)
        return Examples(data, batch_size=self.settings.chips.batch_size)

    def load(self) -> NetworkMeasurement:
        """Read the data now, and return the measurement.

        Raises:
            DataNotFoundError: If files are missing.
            InvalidArgumentError: If there are too few examples, or the examples to resize are not images.
        """
        _ = self.data
        return self

    def fidelity(self) -> dict[str, Any]:
        """Return the settings that decide the accuracy of results, as columns of a table; reads the data."""
        return fidelity_columns(self.settings, self.data)

    def data_facts(self) -> dict[str, Any]:
        """Return name, note and digest of the examples; reads the data."""
        return data_facts(self.data)

    def describe_fidelity(self) -> str:
        """Return the fidelity in one line; reads the data."""
        return fidelity_text(self.settings, self.data)

    def at_fidelity(self, scale: float) -> NetworkMeasurement:
        """Return a measurement with ``scale`` times as many epochs, on the same data in memory."""
        if scale == 1.0:
            return self
        if scale not in self._scaled:
            made = type(self)(self.space, self.settings.at_fidelity(scale))
            if shares_data(made.settings, self.settings):
                made.data, made.chip_examples = self.data, self.chip_examples
            self._scaled[scale] = made
        return self._scaled[scale]

    @property
    def extends_trainings(self) -> bool:
        """Whether a digital training can continue for more epochs, with the result of one from the start."""
        recipe = self.settings.recipe("digital")
        assert isinstance(recipe, TrainingRecipe)
        return recipe.schedule.continues(1) and not looks_at_validation(recipe)

    def run(
        self,
        row: Any,
        unit: str,
        *,
        seed: int,
        folder: Path | None = None,
        scale: float = 1.0,
        shorter: Path | None = None,
        extendable: bool = False,
    ) -> UnitResult:
        """Measure one network under one condition, or continue an interrupted measurement.

        Args:
            row: The architecture, a genotype or any other form of the space.
            unit: One of :attr:`units`.
            seed: Seed of weights, batches, noise and chips.
            folder: Folder for trained weights, checkpoints and results of this architecture and seed. Finished
                units are read from it. None: no files; only the last digital network is kept for further units.
            scale: Factor of the epochs; see :meth:`at_fidelity`.
            shorter: Folder of the same network and seed, measured with fewer epochs and ``extendable``: the
                digital training continues, with the result of one from the start. Requires
                :attr:`extends_trainings`.
            extendable: Keep the digital training for a measurement with more epochs.

        Raises:
            OutOfSpaceError: If the architecture does not belong to the space.
            DivergedError: If a training diverges.
            CheckpointMismatchError: If the folder holds another measurement.
            OutputFolderError: If the folder cannot be written to.
        """
        check_choice("unit", unit, self.units)
        check_int("seed", seed, minimum=0)
        if scale != 1.0:
            return self.at_fidelity(scale).run(
                row, unit, seed=seed, folder=folder, shorter=shorter, extendable=extendable
            )
        genotype = self.space.encode(row)
        identity = self._identity(genotype, unit, seed)
        file = None
        if folder is not None:
            folder = make_folder(folder)
            file = folder / f"{unit}.json"
            if (known := read_unit(file, identity)) is not None:
                return known
        with one_torch_thread():
            watch = Stopwatch(None if folder is None else folder / f"{unit}.seconds.json")
            inputs = UnitInputs(
                self.space, self.settings, self.data, lambda: self.chip_examples, self._last
            )
            work = UnitRun(
                inputs,
                genotype,
                seed,
                folder,
                watch.tick,
                shorter=shorter,
                extendable=extendable,
            )
            found = work.measure(unit)
        wall, cpu = watch.read()
        result = UnitResult(found.values, found.stds, found.sems, wall, cpu)
        if file is not None and folder is not None:
            write_unit(file, result, identity)
            watch.forget()
            if unit != "digital":
                shutil.rmtree(folder / unit, ignore_errors=True)
        return result

    def _identity(self, row: NDArray[Any], unit: str, seed: int) -> dict[str, Any]:
        return {
            "space": self.space.name,
            "space_fingerprint": self.space.fingerprint(),
            "architecture": row.tolist(),
            "unit": unit,
            "seed": seed,
            "settings": self.settings.identity(unit),
        }
