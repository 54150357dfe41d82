"""Networks of which some layers stay digital, or have two pairs of devices per weight, on simulated chips."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence

import numpy as np
from pydantic import Field
from torch import nn

from ..core import InvalidArgumentError, check_choice
from ..core.settings import Settings
from ..nn import AnalogLayer, analog_layers
from ..nn.tile.tiled_layer import TiledLayer
from .chips import ChipSimulator, check_times
from .examples import Examples
from .journal import DriftJournal, fingerprint
from .sensitivity import analog_units, program_units
from .variance_components import Array

__all__ = ["LayerMapping", "double_devices", "mapping_losses"]


class LayerMapping(Settings):
    """Which layers of a network stay digital, and which have two pairs of devices per weight.

    Layers are named as in the network; all others have the devices of the network's configuration.
    """

    settings_name = "layer mapping"

    digital: tuple[str, ...] = Field(default=(), description="Layers that stay digital.")
    doubled: tuple[str, ...] = Field(
        default=(), description="Layers with two pairs of devices per weight."
    )


def double_devices(model: nn.Module, names: Sequence[str]) -> nn.Module:
    """Return a copy of an analog network of which some layers have two pairs of devices per weight.

    ``AnalogConfig.doubled`` does the same when a network is made analog. The configurations name the layers,
    so the copy can be saved.

    Args:
        model: A network with analog layers; it is not changed.
        names: Names of the layers.

    Raises:
        UnknownNameError: If there is no such analog layer.

    Example:
        >>> from analognas.nn import to_analog
        >>> net = to_analog(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)))
        >>> double_devices(net, ["2"])[2].config.weight_mapping.n_devices
        4
    """
    changed = copy.deepcopy(model)
    units = analog_units(changed)
    for name in names:
        check_choice("analog layer", name, units)
        for _, layer in units[name]:
            _double(layer)
    for _, layer in analog_layers(changed):
        tiled = layer.tiled
        listed = tuple(dict.fromkeys((*tiled.config.doubled, *names)))
        config = tiled.config.replace(doubled=listed)
        layer.tiled = TiledLayer(config, tiled.product, tiled.grid)
    return changed


def mapping_losses(
    model: nn.Module,
    examples: Examples,
    mappings: Sequence[LayerMapping],
    *,
    t: float,
    chips: int,
    seed: int,
    journal: str | os.PathLike[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Measure the loss of each mapping on the same chips.

    A layer has the same devices on chip ``k`` of each mapping in which it is analog, unless it is doubled, so
    differences between mappings are paired.

    Args:
        model: A network with analog layers and input ranges; it is not changed.
        examples: The examples.
        mappings: The mappings.
        t: Time since programming, s.
        chips: Number of chips K.
        seed: Seed of all draws.
        journal: File to continue from, if it exists, and to write after each pass.
        on_progress: Called after each pass with the passes done and their total.

    Returns:
        Digital metric minus the metric of each chip, positive is loss, shape ``(M, K)``.

    Raises:
        UnknownNameError: If a mapping names a layer that is not analog.
        InvalidArgumentError: If a layer is both digital and doubled.
        PhysicalRangeError: If ``t`` is outside the range of a device's model.
        ResumeError: If the journal belongs to other mappings or chips.
    """
    bench = ChipSimulator(model, seed)
    (time,) = check_times(bench.model, [t])
    units = analog_units(bench.model)
    for mapping in mappings:
        _check(mapping, units)
    metric = examples.task.metric
    sign = 1.0 if examples.task.higher_is_better else -1.0
    scores, _ = bench.digital(examples)
    digital = float(scores.mean())
    losses, n_done = np.zeros((len(mappings), chips)), 0
    book = None if journal is None else DriftJournal(journal)
    identity = {
        "mappings": [mapping.to_dict() for mapping in mappings],
        "chips": chips,
        "time": time,
        "seed": seed,
        "model": fingerprint(bench.model),
        "examples": fingerprint(nn.Identity(), scores),
        "batch_size": examples.batch_size,
    }
    if book is not None and (saved := book.load(identity)) is not None:
        losses, n_done = saved[0]["losses"], saved[1]["passes"]
    plain = {name: [layer.tiled for _, layer in layers] for name, layers in units.items()}
    for m, mapping in enumerate(mappings):
        for name, layers in units.items():
            for (_, layer), tiled in zip(layers, plain[name], strict=True):
                layer.tiled = tiled
                if name in mapping.doubled:
                    _double(layer)
        analog = [name for name in units if name not in mapping.digital]
        for k in range(max(n_done - m * chips, 0), chips):
            program_units(bench, units, analog, k, time)
            score = float(examples.scores(bench.model).mean()) if analog else digital
            losses[m, k] = sign * (metric(digital) - metric(score))
            n_done = m * chips + k + 1
            if book is not None:
                book.save(identity, {"losses": losses}, {"passes": n_done})
            if on_progress is not None:
                on_progress(n_done, len(mappings) * chips)
    return losses


def _check(mapping: LayerMapping, units: dict[str, list[tuple[str, AnalogLayer]]]) -> None:
    for name in (*mapping.digital, *mapping.doubled):
        check_choice("analog layer", name, units)
    if both := sorted(set(mapping.digital) & set(mapping.doubled)):
        raise InvalidArgumentError(
            f"A layer is digital or has doubled devices, but {both[0]!r} is both; name it once."
        )


def _double(layer: AnalogLayer) -> None:
    tiled = layer.tiled
    layer.tiled = TiledLayer(tiled.config.of_doubled(), tiled.product, tiled.grid)
