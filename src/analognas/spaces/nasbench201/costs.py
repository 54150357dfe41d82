"""Matrix layers of NAS-Bench-201 networks in closed form, without building them.

Parameters and multiply-accumulates are counted like in NAS-Bench-201: parameters are those of convolutions,
batch norms and the classifier; MACs those of convolutions and the classifier with its bias. Edges without
effect count too, as the network contains them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core import check_choice, check_int
from ..layers import Layers, NamedLayers, halve
from .operations import CONV_1X1, CONV_3X3, EDGES, N_NODES

DATASETS: dict[str, tuple[tuple[int, int, int], int]] = {
    "cifar10": ((3, 32, 32), 10),
    "cifar100": ((3, 32, 32), 100),
    "ImageNet16-120": ((3, 16, 16), 120),
}
"""Input shape (channels, height, width) and number of classes of the benchmark's three data sets."""

CHANNELS, CELLS = 16, 5
"""Channels C of the first stage, and cells N per stage, of the benchmark's networks."""

_KERNELS = {CONV_1X1: 1, CONV_3X3: 9}
# Edges in order of execution: by target node, then by source.
_RUN_ORDER = [
    edge for target in range(1, N_NODES) for edge, (_, end) in enumerate(EDGES) if end == target
]

# Edges of every path from the first node of a cell to its last.
_PATHS = (
    [[EDGES.index((0, 3))]]
    + [[EDGES.index((0, node)), EDGES.index((node, 3))] for node in (1, 2)]
    + [[EDGES.index((0, 1)), EDGES.index((1, 2)), EDGES.index((2, 3))]]
)


class _Stage(NamedTuple):
    """One of the three stages.

    Attributes:
        number: From 0.
        width: Channels of its cells.
        positions: Number of pixels of its feature maps.
        first: Index of its first module in the network's body: a reduction block, except in the first stage.
    """

    number: int
    width: int
    positions: int
    first: int


def dataset_shape(dataset: str) -> tuple[tuple[int, int, int], int]:
    """Return input shape and number of classes of a benchmark data set.

    Raises:
        UnknownNameError: If the data set is unknown.
    """
    return DATASETS[check_choice("data set", dataset, DATASETS)]


def count_params(
    population: NDArray[np.integer[Any]],
    *,
    in_channels: int = 3,
    n_classes: int = 10,
    channels: int = CHANNELS,
    cells: int = CELLS,
) -> NDArray[np.int64]:
    """Return the trainable parameters of each network, shape ``(n,)``.

    Args:
        population: Shape ``(n, 6)``.
        in_channels: Channels of the input.
        n_classes: Number of classes.
        channels: Channels C of the first stage; the others have 2C and 4C.
        cells: Cells N per stage.
    """
    layers = count_layers(
        population,
        input_shape=(in_channels, 1, 1),
        n_classes=n_classes,
        channels=channels,
        cells=cells,
    )
    total = np.full(len(population), norm_params(channels), dtype=np.int64)
    for layer in layers:
        total += layer.params
    return total


def count_macs(
    population: NDArray[np.integer[Any]],
    *,
    input_shape: tuple[int, int, int] = (3, 32, 32),
    n_classes: int = 10,
    channels: int = CHANNELS,
    cells: int = CELLS,
) -> NDArray[np.int64]:
    """Return the multiply-accumulates of one inference of each network, shape ``(n,)``.

    Args:
        population: Shape ``(n, 6)``.
        input_shape: Channels, height and width of the input.
        n_classes: Number of classes.
        channels: Channels C of the first stage; the others have 2C and 4C.
        cells: Cells N per stage.
    """
    layers = count_layers(
        population, input_shape=input_shape, n_classes=n_classes, channels=channels, cells=cells
    )
    total = np.zeros(len(population), dtype=np.int64)
    for layer in layers:
        total += layer.macs
    return total


def norm_params(channels: int = CHANNELS) -> int:
    """Return the parameters of the batch norm before the classifier, the only one not after a matrix layer."""
    return 2 * 4 * channels


def count_layers(
    population: NDArray[np.integer[Any]],
    *,
    input_shape: tuple[int, int, int] = (3, 32, 32),
    n_classes: int = 10,
    channels: int = CHANNELS,
    cells: int = CELLS,
) -> Iterator[Layers]:
    """Yield the matrix layers of every row's network; see :meth:`.LayerCounts.layers`.

    Args:
        population: Shape ``(n, 6)``.
        input_shape: Channels, height and width of the input.
        n_classes: Number of classes.
        channels: Channels C of the first stage; the others have 2C and 4C.
        cells: Cells N per stage.
    """
    check_int("channels", channels, minimum=1)
    check_int("cells", cells, minimum=0)
    counts = {operation: _count(population, operation) for operation in _KERNELS}
    paths = {operation: _on_paths(population, operation) for operation in _KERNELS}
    stages = _stages(input_shape, channels, cells)
    yield Layers(input_shape[0], channels, 9, stages[0].positions)
    for stage in stages:
        for _, layer in _reduction(stage):
            yield layer
        for operation, kernel in _KERNELS.items():
            yield Layers(
                stage.width,
                stage.width,
                kernel,
                stage.positions,
                repeats=cells,
                branches=counts[operation],
                block=f"stage {stage.number}",
                paths=paths[operation],
            )
    yield Layers(stages[-1].width, n_classes, 1, 1, norm=False, bias=True)


def name_layers(
    cell: Sequence[int],
    *,
    input_shape: tuple[int, int, int] = (3, 32, 32),
    n_classes: int = 10,
) -> Iterator[NamedLayers]:
    """Yield the matrices of one network in order of execution; see :meth:`.Space.named_layers`.

    Args:
        cell: Six operations.
        input_shape: Channels, height and width of the input.
        n_classes: Number of classes.
    """
    stages = _stages(input_shape, CHANNELS, CELLS)
    yield NamedLayers.conv("stem.0", Layers(input_shape[0], CHANNELS, 9, stages[0].positions))
    for stage in stages:
        for name, layer in _reduction(stage):
            yield NamedLayers.conv(f"body.{stage.first}.{name}", layer)
        first_cell = stage.first + (stage.number > 0)
        for place in range(first_cell, first_cell + CELLS):
            for edge in _RUN_ORDER:
                if kernel := _KERNELS.get(cell[edge]):
                    yield NamedLayers.conv(
                        f"body.{place}.edges.{edge}.1",
                        Layers(stage.width, stage.width, kernel, stage.positions),
                    )
    yield NamedLayers.linear("classifier", Layers(stages[-1].width, n_classes, 1, 1))


def _stages(input_shape: tuple[int, int, int], channels: int, cells: int) -> list[_Stage]:
    _, height, width = input_shape
    stages = []
    for number in range(3):
        if number:
            height, width = halve(height), halve(width)
        first = number * (cells + 1) - (number > 0)
        stages.append(_Stage(number, channels * 2**number, height * width, first))
    return stages


def _reduction(stage: _Stage) -> list[tuple[str, Layers]]:
    """Return the layers of the reduction block before a stage by name; none before the first."""
    if not stage.number:
        return []
    half, width, positions = stage.width // 2, stage.width, stage.positions
    return [
        ("units.0.1", Layers(half, width, 9, positions)),
        ("units.1.1", Layers(width, width, 9, positions)),
        ("shortcut.1", Layers(half, width, 1, positions, norm=False, on_path=False)),
    ]


def _on_paths(population: NDArray[np.integer[Any]], operation: int) -> NDArray[np.int64]:
    """How many edges of each path from the first node to the last have an operation, shape ``(n, 4)``."""
    chosen = np.asarray(population) == operation
    return np.stack([chosen[:, path].sum(axis=1, dtype=np.int64) for path in _PATHS], axis=1)


def _count(population: NDArray[np.integer[Any]], operation: int) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = (np.asarray(population) == operation).sum(axis=1, dtype=np.int64)
    return counts
