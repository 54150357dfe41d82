"""Training and measurement of one unit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core import InvalidArgumentError
from ..core.folders import make_folder
from ..data import DataSet
from ..drift import (
    PROGRAMMED,
    DriftEvaluator,
    DriftResult,
    Examples,
    MetricValues,
    chip_metrics,
    direct_mapping,
)
from ..nn import channels_last, fuse_norms
from ..nn.layers.loading import load_weights
from ..spaces import Space
from ..training import (
    MODEL_FILE,
    ModelRecord,
    Recipe,
    Saving,
    Trainer,
    TrainingRecipe,
    TrainingResult,
)
from ..training.tensor_files import read_tensors
from .measurement_settings import MeasurementSettings, derived_seed

__all__ = ["LastTraining", "UnitInputs", "UnitRun"]

_SAVING = Saving(every_seconds=30.0, at_epochs=False)
_JOURNAL_SECONDS = 30.0
_CALIBRATION_SIZE = 64


@dataclass
class LastTraining:
    """Digital weights of the last network trained without a folder.

    Attributes:
        key: Seed and genotype of the network; None before the first.
        weights: Its weights by name.
    """

    key: tuple[Any, ...] | None = None
    weights: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class UnitInputs:
    """Inputs that all units of a measurement share.

    Attributes:
        space: The space.
        settings: Settings of the measurement.
        data: Examples for training and scoring.
        chip_examples: Function that returns the examples for scoring on chips.
        last: Weights of the last network without a folder.
    """

    space: Space
    settings: MeasurementSettings
    data: DataSet
    chip_examples: Callable[[], Examples]
    last: LastTraining


class UnitRun:
    """Networks of one architecture and seed, and their files.

    Args:
        inputs: Space, settings and data.
        row: The genotype.
        seed: Seed of everything random.
        folder: Folder for files; None: no files.
        tick: Called after every training step and every chip.
        shorter: Folder with the same training for fewer epochs, which continues; None: train from the start.
        extendable: Whether to keep the digital training for a later one with more epochs.
    """

    def __init__(
        self,
        inputs: UnitInputs,
        row: NDArray[Any],
        seed: int,
        folder: Path | None,
        tick: Callable[[], None],
        *,
        shorter: Path | None = None,
        extendable: bool = False,
    ) -> None:
        self.inputs, self.row, self.seed = inputs, row, seed
        self.settings, self.data = inputs.settings, inputs.data
        self.folder, self.tick = folder, tick
        self.shorter, self.extendable = shorter, extendable

    def measure(self, unit: str) -> MetricValues:
        """Measure the unit and return its metrics."""
        if unit == "digital":
            return self._accuracy("baseline_accuracy", self._trained_digital())
        if unit in ("ptq", "qat"):
            result = self._train(unit, self._digital_network(), scored=("test",))
            return self._accuracy(f"{unit}_accuracy", result)
        if unit == "hwa":
            trained = self._train(unit, self._digital_network(), scored=())
            return chip_metrics("analog", self._on_chips(trained.model, unit))
        return chip_metrics("noisy", self._on_chips(self._mapped(), unit))

    def _seed(self, unit: str, *name: str) -> int:
        """Return the seed of something in a unit."""
        return derived_seed(
            self.seed, "measurement", self.inputs.space.name, *self.row.tolist(), unit, *name
        )

    def _network(self) -> nn.Module:
        """Return the network with the weights that its training starts from."""
        space, data = self.inputs.space, self.data
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("digital", "weights"))
            # The settings contain further options of the space.
            build: Callable[..., nn.Module] = space.build
            network = build(
                self.row, tuple(data.input_shape), data.n_classes, **self.settings.network
            )
        network = self._moved(network)
        if self.settings.fast_norms and next(network.parameters()).is_cpu:
            channels_last(fuse_norms(network))
        return network

    def _moved(self, network: nn.Module) -> nn.Module:
        try:
            return network.to(torch.device(self.settings.device))
        except (RuntimeError, AssertionError) as error:
            reason = str(error).split("\n")[0]
            raise InvalidArgumentError(
                f"Cannot measure on {self.settings.device!r}: {reason}"
            ) from None

    def _digital_network(self) -> nn.Module:
        """Return the digitally trained network; train it if necessary."""
        weights = self._kept_weights()
        if weights is None:
            return self._trained_digital().model
        network = self._network()
        load_weights(network, weights, "the digital training")
        return network

    def _kept_weights(self) -> dict[str, Tensor] | None:
        if self.folder is not None:
            file = self.folder / "digital" / MODEL_FILE
            return read_tensors(file)[0] if file.exists() else None
        last = self.inputs.last
        return last.weights if last.key == self._key else None

    @property
    def _key(self) -> tuple[Any, ...]:
        return (self.seed, *self.row.tolist())

    def _trained_digital(self) -> TrainingResult:
        result = self._train("digital", self._network(), scored=("test",))
        if self.folder is None:
            last = self.inputs.last
            last.key, last.weights = self._key, result.model.state_dict()
        return result

    def _train(self, unit: str, network: nn.Module, *, scored: tuple[str, ...]) -> TrainingResult:
        """Train by the unit's recipe, from a checkpoint if there is one."""
        recipe: Recipe = self.settings.recipe(unit)
        out = self.folder
        if isinstance(recipe, TrainingRecipe):
            if recipe.saving == Saving():
                recipe = recipe.replace(saving=_SAVING)
        else:
            out = None  # too short for a checkpoint
        trainer = Trainer(
            network,
            self.data,
            recipe,
            seed=self._seed(unit, "training"),
            out=None if out is None else out / unit,
            record=ModelRecord(data={"name": self.data.name}),
            scored=scored,
            on_progress=lambda progress: self.tick(),
            extends=self.shorter / unit if self.shorter is not None and unit == "digital" else None,
            extendable=self.extendable and unit == "digital",
        )
        return trainer.fit(resume=True)

    def _accuracy(self, name: str, result: TrainingResult) -> MetricValues:
        """Return the accuracy of a trained network with the standard error of its test examples."""
        value, n = result.metrics["test_accuracy"], len(self.data.test)
        share = value / 100.0
        sem = 100.0 * math.sqrt(max(share * (1.0 - share), 0.0) / (n - 1))
        return MetricValues({name: value}, {}, {name: sem})

    def _mapped(self) -> nn.Module:
        """Return the digital network on analog layers, with input ranges from training examples."""
        n = math.ceil(self.settings.chips.calibration / _CALIBRATION_SIZE)
        batches = self.data.batches("train", _CALIBRATION_SIZE)
        device = torch.device(self.settings.device)
        inputs = [x.to(device) for _, (x, _) in zip(range(n), batches, strict=False)]
        return direct_mapping(self._digital_network(), inputs, self.settings.analog_config)

    def _on_chips(self, network: nn.Module, unit: str) -> DriftResult:
        """Measure a network on chips over time, from the journal if there is one."""
        chips = self.settings.chips
        journal = None
        if self.folder is not None:
            journal = make_folder(self.folder / unit) / "chips.safetensors"
        evaluator = DriftEvaluator(
            (PROGRAMMED, *(float(t) for t in chips.times)),
            chips.n,
            seed=self._seed(unit, "chips"),
            journal_seconds=_JOURNAL_SECONDS,
            on_progress=lambda progress: self.tick(),
        )
        return evaluator.evaluate(network, self.inputs.chip_examples(), journal=journal)
