"""A choice of digital layers for a saved network: sensitivities, costs, and chips that check it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from ..core import InvalidArgumentError
from ..drift import Sensitivity, layer_sensitivity
from ..drift.examples import Examples
from ..drift.layer_mapping import mapping_losses
from ..drift.sensitivity import WHOLE
from ..drift.study import DriftStudy
from ..nn import analog_layers
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

__all__ = ["run_map"]

STUDY_FILE, CONFIG_FILE = "study.json", "analog.yaml"

Progress = Callable[[str, int, int], None]


def run_map(
    settings: MapSettings,
    folder: Path,
    tell: Progress = lambda stage, done, total: None,
) -> HybridMapping:
    """Measure sensitivities, choose layers, and measure the chosen mappings on chips.

    The folder gets ``study.json``, ``map.json``, ``mapping.yaml`` with the chosen layers, and ``analog.yaml``,
    a configuration with which :func:`~analognas.nn.to_analog` leaves the chosen layers digital.

    Args:
        settings: The settings.
        folder: A folder that exists.
        tell: Called with the stage, the passes done and their total.

    Raises:
        AnalogNASError: If anything is wrong; one line.
    """
    study = DriftStudy(settings)
    study.check()
    chip = find_chip(settings.chip)
    per_mac = _digital_energy(settings, chip)
    network = next(iter(study.networks().values()))
    examples = Examples(study.dataset, batch_size=settings.batch_size)
    t = settings.times[0]
    found, losses = _sensitivities(network, examples, settings, tell)
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
        settings,
    )
    settings.save(folder / STUDY_FILE)
    result.save(folder)
    if result.chosen is not None:
        config = next(iter(analog_layers(network)))[1].config
        digital = result.choices[result.chosen].mapping.digital
        config.replace(digital=(*config.digital, *digital)).save(folder / CONFIG_FILE)
    return result


def _sensitivities(
    network: nn.Module, examples: Examples, settings: MapSettings, tell: Progress
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
