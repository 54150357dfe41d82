"""Networks whose upkeep is compared: saved ones, and a small example that is trained in a second."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..data import DataSet, load_data
from ..models import build_model
from .chip import AIMCChip
from .chip_cost import ChipCost
from .cost import cost_of_layers
from .trace import trace_network

if TYPE_CHECKING:
    from ..drift import DriftSettings

__all__ = ["EXAMPLE", "analog_cost", "example_network", "saved_network"]

EXAMPLE = "example"
"""Name of the example on command lines."""
_STEPS, _BATCH = 60, 256


def example_network() -> tuple[nn.Module, DataSet]:
    """Return a small convolutional network for 8 x 8 digits on HERMES devices, and the digits.

    It is trained digitally for 60 steps and mapped as it is, so that drift matters.
    """
    from ..drift import direct_mapping
    from ..nn import AnalogConfig, TileSize
    from ..physics import Hermes

    data = load_data("digits", size=8)
    batches = list(data.batches("train", _BATCH))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = build_model("cnn-8", input_shape=data.input_shape, n_classes=data.n_classes)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for inputs, targets in itertools.islice(itertools.cycle(batches), _STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    config = AnalogConfig(device=Hermes(), tile=TileSize(rows=256, columns=256))
    return direct_mapping(net.eval(), data, config), data


def saved_network(settings: DriftSettings) -> tuple[nn.Module, DataSet]:
    """Return a saved network with analog layers, and the data of its training.

    Args:
        settings: ``checkpoint`` and what it is measured on; a digital network is mapped as it is.

    Raises:
        AnalogNASError: If networks or data cannot be read; one line.
    """
    from ..drift import DriftStudy

    study = DriftStudy(settings)
    study.check()
    return next(iter(study.networks().values())), study.dataset


def analog_cost(model: nn.Module, data: DataSet, chip: AIMCChip) -> ChipCost:
    """Return what an inference of an analog network costs; layers that stay digital are not counted.

    Raises:
        InvalidArgumentError: If the chip has too few crossbars, or a layer cannot be mapped.
    """
    from ..nn import analog_layers, to_digital

    read = data.streams if data.task == "language_model" else data.batches
    inputs: Any = next(iter(read("test", 1)))[0]
    traced = trace_network(to_digital(model).cpu(), example=inputs)
    analog = [name for name, _ in analog_layers(model)]
    # Matrices of recurrent and attention layers are tiles inside them; elsewhere they are named by their layer.
    owners = {f".{name}".rpartition(".tiles.")[0][1:] for name in analog if ".tiles." in f".{name}"}
    kept = [
        layer
        for layer in traced.layers
        if layer.name in analog or layer.name.rpartition(".")[0] in owners
    ]
    return cost_of_layers(kept, chip, operations=traced.operations)
