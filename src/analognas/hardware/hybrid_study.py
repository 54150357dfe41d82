"""A choice of digital layers for a saved network: sensitivities, costs, and chips that check it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from torch import nn

from ..core import InvalidArgumentError, hold_folder
from ..data import DataSet
from ..drift import Sensitivity, layer_sensitivity
from ..drift.examples import Examples
from ..drift.intervals import possible_loss
from ..drift.layer_mapping import LayerMapping, mapping_losses
from ..drift.sensitivity import WHOLE
from ..drift.settings import DriftSettings
from ..drift.study import DriftStudy, StepListener, journal_file
from ..nn import AnalogConfig, network_config
from .chip import AIMCChip
from .chip_cost import ChipCost
from .hybrid import (
    HybridMapping,
    MapSettings,
    accepted_loss,
    choose_mapping,
    layer_costs,
    mapping_path,
    spread_out,
)
from .presets import find_chip
from .upkeep_networks import EXAMPLE, analog_cost, example_network

__all__ = ["MapStudy", "mapping_config", "resume_map", "run_map"]

CONFIG_FILE = "analog.yaml"

Progress = Callable[[str, int, int], None]


def run_map(
    settings: MapSettings,
    folder: Path,
    tell: Progress = lambda stage, done, total: None,
) -> HybridMapping:
    """Measure sensitivities, choose layers, and measure the chosen mappings on chips.

    The folder gets ``study.json``, ``map.json``, ``mapping.yaml`` with the chosen layers, and ``analog.yaml``,
    a configuration for :func:`~analognas.nn.to_analog` and commands, in which they are digital or doubled.

    Args:
        settings: The settings.
        folder: A folder that exists.
        tell: Called with the stage, the passes done and their total.

    Raises:
        AnalogNASError: If anything is wrong; one line.
    """
    study = MapStudy(settings)
    study.check()
    study.save(folder)
    return study.run_map(folder, tell)


def resume_map(folder: Path, tell: Progress = lambda stage, done, total: None) -> HybridMapping:
    """Continue the choice of layers in a folder; the result is that of an uninterrupted one.

    Args:
        folder: The folder.
        tell: Called with the stage, the passes done and their total.

    Raises:
        ResumeError: If there is no study in the folder.
        AnalogNASError: If anything else is wrong; one line.
    """
    return MapStudy.load(folder).run_map(folder, tell)


class MapStudy(DriftStudy):
    """A choice of layers by settings; see :func:`run_map`."""

    settings_class = MapSettings
    settings: MapSettings

    @cached_property
    def _example(self) -> tuple[nn.Module, DataSet] | None:
        """The small example with its data, where it is named and no file has its name."""
        named = self.settings.checkpoint == EXAMPLE and not Path(EXAMPLE).exists()
        return example_network() if named else None

    def check(self) -> None:
        """Check networks, data, times and hardware; see :meth:`.DriftStudy.check`."""
        if self._example is None:
            super().check()

    @cached_property
    def dataset(self) -> DataSet:
        """The data set of the training, with as many examples."""
        if self._example is None:
            return super().dataset
        data, n = self._example[1], self.settings.examples
        return data if n is None else data.subset(test=n)

    def networks(self, step: StepListener = lambda name, step: None) -> dict[str, nn.Module]:
        """Return the analog networks by name; see :meth:`.DriftStudy.networks`."""
        return super().networks(step) if self._example is None else {EXAMPLE: self._example[0]}

    @property
    def saved_settings(self) -> DriftSettings:
        """The settings with absolute paths of the networks."""
        found = super().saved_settings
        return found if self._example is None else found.replace(checkpoint=EXAMPLE)

    def run_map(
        self, folder: Path, tell: Progress = lambda stage, done, total: None
    ) -> HybridMapping:
        """Choose layers, continuing what the folder holds; write the results into it.

        Args:
            folder: The folder; it must exist.
            tell: Called with the stage, the passes done and their total.

        Raises:
            OutputFolderError: If another process uses the folder, or it cannot be written to.
        """
        with hold_folder(folder):
            return _run(self, folder, tell)


def _run(study: MapStudy, folder: Path, tell: Progress) -> HybridMapping:
    settings = study.settings
    chip = find_chip(settings.chip)
    per_mac = _digital_energy(settings, chip)
    network = next(iter(study.networks().values()))
    examples = Examples(study.dataset, batch_size=settings.batch_size)
    t = settings.times[0]
    found, losses = _sensitivities(network, examples, settings, folder, tell)
    costs = layer_costs(
        found.layers[:-1],
        found.parameters[:-1],
        _network_cost(network, study.dataset, chip),
        per_mac,
    )
    whole = found.cost(found.layers[-1]).value
    path, by_loss = (
        mapping_path(costs, losses, whole, double=settings.double, per_weight=per_weight)
        for per_weight in (True, False)
    )
    choices = spread_out(path, settings.mappings, by_loss)
    measured = mapping_losses(
        network,
        examples,
        [choice.mapping for choice in choices],
        t=t,
        chips=settings.chips,
        seed=settings.seed,
        journal=journal_file(folder, "mappings"),
        on_progress=lambda done, total: tell("mappings and chips", done, total),
    )
    choices = [
        replace(choice, losses=tuple(row), possible=possible_loss(examples.task, found.digital))
        for choice, row in zip(choices, measured.tolist(), strict=True)
    ]
    choices.append(replace(path[-1], losses=(0.0,) * settings.chips))  # all layers are digital
    chance = examples.task.metric(examples.chance)
    accepted = accepted_loss(settings, found.digital, chance)
    result = HybridMapping(
        tuple(choices),
        choose_mapping(choices, accepted, settings.energy),
        accepted,
        found.digital,
        examples.task.metric_name,
        found,
        costs,
        MapSettings.from_dict(study.saved_settings.to_dict()),
    )
    result.save(folder)
    mapping_config(network, result.choices[result.nearest].mapping).save(folder / CONFIG_FILE)
    return result


def mapping_config(network: nn.Module, mapping: LayerMapping) -> AnalogConfig:
    """Return the configuration with which :func:`~analognas.nn.to_analog` maps a network as chosen.

    Args:
        network: The analog network that the mapping was chosen for.
        mapping: The mapping.
    """
    config = network_config(network)
    return config.replace(
        digital=(*config.digital, *mapping.digital), doubled=(*config.doubled, *mapping.doubled)
    )


def _sensitivities(
    network: nn.Module, examples: Examples, settings: MapSettings, folder: Path, tell: Progress
) -> tuple[Sensitivity, list[float]]:
    """Return the sensitivities, and what each layer that stays digital is expected to gain.

    If no layer loses anything alone, the loss comes from all of them together. Then each layer in turn is
    digital while the others are analog.
    """

    def measure(kind: str) -> Sensitivity:
        return layer_sensitivity(
            network,
            examples,
            t=settings.times[0],
            chips=settings.chips,
            kind=kind,
            seed=settings.seed,
            journal=journal_file(folder, kind),
            on_progress=lambda done, total: tell("layers and chips", done, total),
        )

    found = measure("alone")
    losses = [found.cost(name).value for name in found.layers[:-1]]
    if max(losses) > 0.0:
        return found, losses
    found = measure("spared")
    whole = found.cost(WHOLE).value
    return found, [whole - found.cost(name).value for name in found.layers[:-1]]


def _digital_energy(settings: MapSettings, chip: AIMCChip) -> float:
    """Return the energy of a digital multiply-accumulate, pJ; NaN if it is neither known nor needed."""
    if settings.digital_energy is not None:
        return settings.digital_energy
    if chip.digital_energy is not None:
        return chip.digital_energy
    if settings.energy is not None:
        raise InvalidArgumentError(
            f"A budget of energy needs the energy of digital layers, which {chip.name} does not state; give "
            "`digital_energy` (--digital-energy), pJ."
        )
    return math.nan


def _network_cost(network: nn.Module, data: DataSet, chip: AIMCChip) -> ChipCost | None:
    """Return the costs of the network on as many crossbars as it needs; None if a layer cannot be mapped."""
    try:
        return analog_cost(network, data, chip.replace(n_tiles=None, replicate=False))
    except InvalidArgumentError:
        return None
