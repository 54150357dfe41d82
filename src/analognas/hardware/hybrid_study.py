"""A choice of digital layers for a saved network: sensitivities, costs, and chips that check it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from ..core import InvalidArgumentError, hold_folder
from ..drift import Sensitivity, layer_sensitivity
from ..drift.examples import Examples
from ..drift.layer_mapping import LayerMapping, mapping_losses
from ..drift.sensitivity import WHOLE
from ..drift.study import DriftStudy, journal_file
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
from .upkeep_networks import analog_cost

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
        found.layers[:-1], found.parameters[:-1], _network_cost(network, study, chip), per_mac
    )
    path = mapping_path(costs, losses, found.cost(found.layers[-1]).value, double=settings.double)
    choices = spread_out(path, settings.mappings)
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
        replace(choice, losses=tuple(row))
        for choice, row in zip(choices, measured.tolist(), strict=True)
    ]
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
    if result.chosen is not None:
        mapping_config(network, result.choices[result.chosen].mapping).save(folder / CONFIG_FILE)
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


def _network_cost(network: nn.Module, study: DriftStudy, chip: AIMCChip) -> ChipCost | None:
    """Return the costs of the network on as many crossbars as it needs; None if a layer cannot be mapped."""
    try:
        return analog_cost(network, study.dataset, chip.replace(n_tiles=None, replicate=False))
    except InvalidArgumentError:
        return None
