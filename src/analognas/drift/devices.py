"""One network on other memory devices, or on other hardware."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from ..core import InvalidArgumentError, PhysicalRangeError
from ..core.config_files import is_config_file
from ..models import digital_parts
from ..nn import AnalogConfig, StaysDigitalWarning, analog_layers, to_analog, to_digital
from ..nn.tile.tiled_layer import TiledLayer
from ..physics import Device, find_device
from .result import DriftResult

__all__ = [
    "device_note",
    "devices_by_label",
    "known_times",
    "on_device",
    "on_hardware",
    "with_devices",
]


def on_device(model: nn.Module, device: Device) -> nn.Module:
    """Return a copy of an analog network whose weights are on other memory devices; nothing is trained.

    Weights, scales, input ranges and tiles stay. Chips that were programmed are not kept.

    Args:
        model: A network with analog layers; it is not changed.
        device: The device.

    Example:
        >>> from analognas.nn import to_analog
        >>> from analognas.physics import Hermes
        >>> moved = on_device(to_analog(nn.Sequential(nn.Linear(4, 2))), Hermes())
        >>> next(iter(analog_layers(moved)))[1].config.device.g_max
        20.7
    """
    moved = copy.deepcopy(model)
    for _, layer in analog_layers(moved):
        tiled = layer.tiled
        layer.tiled = TiledLayer(tiled.config.replace(device=device), tiled.product, tiled.grid)
    return moved


def on_hardware(model: nn.Module, config: AnalogConfig) -> nn.Module:
    """Return an analog network on other hardware; nothing is trained.

    Weights and input ranges stay. Learned output scales are multiplied into the weights, and weight scales
    follow from them as ``config`` says.

    Args:
        model: A network with analog layers; it is not changed.
        config: The hardware.

    Returns:
        A network in evaluation mode, without programmed chips.

    Raises:
        UnknownNameError: If a layer that the configuration names does not exist.

    Example:
        >>> from analognas.nn import TileSize, to_analog
        >>> model = to_analog(nn.Sequential(nn.Linear(4, 2)))
        >>> on_hardware(model, AnalogConfig(tile=TileSize(rows=2)))[0].tiled.grid.n_row_tiles
        2
    """
    digital = to_digital(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StaysDigitalWarning)  # given when the model was made
        moved = to_analog(digital, config, exclude=digital_parts(digital), inplace=True)
    before = dict(analog_layers(model))
    for name, layer in analog_layers(moved):
        was = before[name]
        layer.put_range(float(was.input_range.detach()), int(was.input_range_batches))
    return moved.eval()


def devices_by_label(names: Sequence[str]) -> dict[str, Device]:
    """Return devices by their name, or by the name of their file; for ``x/device.yaml`` that is x.

    Raises:
        UnknownNameError: If there is no such device.
        InvalidArgumentError: If a file cannot be read, or two have the same label.

    Example:
        >>> list(devices_by_label(["PCM", "Hermes"]))
        ['PCM', 'Hermes']
    """
    found: dict[str, Device] = {}
    for name in names:
        path = Path(name)
        label = name
        if is_config_file(name):
            label = path.parent.name if path.stem == "device" and path.parent.name else path.stem
        if label in found:
            raise InvalidArgumentError(
                f"`devices` must differ from each other, but two are called {label!r}; rename a file."
            )
        found[label] = find_device(name)
    return found


def known_times(device: Device, times: Sequence[float], label: str) -> tuple[float, ...]:
    """Return the times at which a device is known, s, ascending.

    Raises:
        PhysicalRangeError: If it is known at none of them.
    """
    first, last = device.t_range
    known = tuple(sorted(float(t) for t in times if first <= t <= last))
    if not known:
        raise PhysicalRangeError(
            f"{label} is known from {first:g} to {last:g} s, but none of the times is there; add one."
        )
    return known


def with_devices(
    results: dict[str, DriftResult], devices: dict[str, Device], trained_for: str
) -> dict[str, DriftResult]:
    """Return results that say on which device they were measured, and for which the network was trained."""
    return {
        name: replace(
            result,
            provenance=result.provenance
            | {"device": type(devices[name]).__name__, "trained_for": trained_for},
        )
        for name, result in results.items()
    }


def device_note(results: dict[str, DriftResult]) -> str | None:
    """Return what one must know to compare devices, as text; None for results of one device.

    It says for which device the network was trained, and which devices are not known at all times.
    """
    origins = {result.provenance.get("trained_for") for result in results.values()}
    if origins == {None}:
        return None
    origin = " ".join(sorted(filter(None, origins)))
    how = (
        "The digital network is mapped onto each device without further training."
        if origin == "no device"
        else f"The network was trained for {origin}. Other devices hold it without further training."
    )
    last = max(result.times[-1] for result in results.values())
    short = [
        f"{name} is measured up to {result.times[-1]:g} s: it is not known at the later times."
        for name, result in results.items()
        if result.times[-1] < last
    ]
    return " ".join([how, *short])
