"""Parameters and multiply-accumulates of NAS-Bench-201 networks in closed form, without building them.

Counted as NAS-Bench-201 publishes them: parameters are convolutions, batch norms and the classifier; MACs
are convolutions, classifier and its bias; dead edges count, since the network carries them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import check_choice, check_int
from ..layers import Layers, halve
from .operations import CONV_1X1, CONV_3X3

DATASETS: dict[str, tuple[tuple[int, int, int], int]] = {
    "cifar10": ((3, 32, 32), 10),
    "cifar100": ((3, 32, 32), 100),
    "ImageNet16-120": ((3, 16, 16), 120),
}
"""Input shape (channels, height, width) and number of classes of the benchmark's three data sets."""


def dataset_shape(dataset: str) -> tuple[tuple[int, int, int], int]:
    """Return input shape and number of classes of a benchmark data set.

    Raises:
        UnknownNameError: If it is none of the three.
    """
    return DATASETS[check_choice("data set", dataset, DATASETS)]


def count_params(
    population: NDArray[np.integer[Any]],
    *,
    in_channels: int = 3,
    n_classes: int = 10,
    channels: int = 16,
    cells: int = 5,
) -> NDArray[np.int64]:
    """Trainable parameters of each network, shape ``(n,)``.

    Args:
        population: Shape ``(n, 6)``.
        in_channels: Channels of the input.
        n_classes: Number of classes.
        channels: Channels C of the first stage; the others have 2C and 4C.
        cells: Cells N per stage.
    """
    check_int("channels", channels, minimum=1)
    check_int("cells", cells, minimum=0)
    per_1x1 = per_3x3 = 0
    for width in _widths(channels):
        per_1x1 += cells * (width * width + 2 * width)
        per_3x3 += cells * (9 * width * width + 2 * width)
    fixed = 9 * in_channels * channels + 2 * channels
    for width in _widths(channels)[1:]:
        half = width // 2
        fixed += 9 * half * width + 2 * width + 9 * width * width + 2 * width + half * width
    last = _widths(channels)[-1]
    fixed += 2 * last + last * n_classes + n_classes
    return fixed + _count(population, CONV_1X1) * per_1x1 + _count(population, CONV_3X3) * per_3x3


def count_macs(
    population: NDArray[np.integer[Any]],
    *,
    input_shape: tuple[int, int, int] = (3, 32, 32),
    n_classes: int = 10,
    channels: int = 16,
    cells: int = 5,
) -> NDArray[np.int64]:
    """Multiply-accumulates of one inference of each network, shape ``(n,)``.

    Args:
        population: Shape ``(n, 6)``.
        input_shape: Channels, height and width of the input.
        n_classes: Number of classes.
        channels: Channels C of the first stage; the others have 2C and 4C.
        cells: Cells N per stage.
    """
    check_int("channels", channels, minimum=1)
    check_int("cells", cells, minimum=0)
    in_channels, height, width_px = input_shape
    positions = height * width_px
    fixed = 9 * in_channels * channels * positions
    per_1x1 = cells * channels * channels * positions
    for width in _widths(channels)[1:]:
        half = width // 2
        height, width_px = (height + 1) // 2, (width_px + 1) // 2
        positions = height * width_px
        fixed += (9 * half * width + 9 * width * width + half * width) * positions
        per_1x1 += cells * width * width * positions
    fixed += (_widths(channels)[-1] + 1) * n_classes
    return (
        fixed + _count(population, CONV_1X1) * per_1x1 + _count(population, CONV_3X3) * 9 * per_1x1
    )


def count_layers(
    population: NDArray[np.integer[Any]],
    *,
    input_shape: tuple[int, int, int] = (3, 32, 32),
    n_classes: int = 10,
    channels: int = 16,
    cells: int = 5,
) -> Iterator[Layers]:
    """Yield the matrix layers of every row's network, as :meth:`.LayerCounts.layers` says.

    Args:
        population: Shape ``(n, 6)``.
        input_shape: Channels, height and width of the input.
        n_classes: Number of classes.
        channels: Channels C of the first stage; the others have 2C and 4C.
        cells: Cells N per stage.
    """
    n_1x1, n_3x3 = _count(population, CONV_1X1), _count(population, CONV_3X3)
    in_channels, height, width_px = input_shape
    yield Layers(in_channels, channels, 9, height * width_px)
    for stage, width in enumerate(_widths(channels)):
        if stage:
            height, width_px = halve(height), halve(width_px)
            yield Layers(width // 2, width, 9, height * width_px)
            yield Layers(width, width, 9, height * width_px)
            yield Layers(width // 2, width, 1, height * width_px, norm=False, on_path=False)
        yield Layers(width, width, 1, height * width_px, repeats=cells, branches=n_1x1)
        yield Layers(width, width, 9, height * width_px, repeats=cells, branches=n_3x3)
    yield Layers(_widths(channels)[-1], n_classes, 1, 1, norm=False, bias=True)


def _widths(channels: int) -> tuple[int, int, int]:
    return channels, 2 * channels, 4 * channels


def _count(population: NDArray[np.integer[Any]], operation: int) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = (np.asarray(population) == operation).sum(axis=1, dtype=np.int64)
    return counts
