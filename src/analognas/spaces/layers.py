"""Counts of networks from the shapes of their matrix layers, for whole populations.

A space lists the layers of its networks (:meth:`LayerCounts.layers`). Parameters, multiply-accumulates,
crossbar tiles and the features of :data:`STRUCTURE` are computed from them here, without building networks or
importing torch.

Conventions are those of NAS-Bench-201: parameters are those of convolutions, batch norms and the classifier;
MACs those of convolutions and the classifier with its bias.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_int
from .gene_encodings import ONE_HOT, RAW, Encoding, where_listed
from .genotypes import Population

__all__ = [
    "STRUCTURE",
    "Count",
    "LayerCounts",
    "Layers",
    "NamedLayers",
    "check_input",
    "cuts",
    "halve",
    "n_tiles",
]

Counts: TypeAlias = NDArray[np.int64] | int
"""One number for each network, shape ``(n,)``, or one for all."""

_Size = TypeVar("_Size", int, NDArray[np.int64])

STRUCTURE = (
    "depth",
    "layers",
    "projections",
    "mean_branches",
    "max_branches",
    "mean_width",
    "max_width",
    "last_width",
    "max_fan_in",
    "log10_params",
    "log10_macs",
    "log10_tiles",
    "utilisation",
)
"""Columns of :meth:`LayerCounts.structure`.

``depth``: number of matrix layers on the longest path. ``layers``: number of all matrix layers.
``projections``: those on skip connections. ``mean_branches``, ``max_branches``: parallel branches, over the
layers of the longest path. ``mean_width``, ``max_width``, ``last_width``: outputs of those layers;
``last_width`` is of the last one before the classifier. ``max_fan_in``: rows of the tallest matrix.
``utilisation``: fraction of the cells of all tiles that hold a weight.
"""


@dataclass(frozen=True)
class Layers:
    """Identical matrix layers of each network; fields are numbers or arrays of shape ``(n,)``.

    Attributes:
        channels: Input channels of one group.
        outputs: Outputs of one group.
        kernel: Number of elements of the kernel of one channel.
        positions: Number of output positions, that is, uses of the matrix in one inference.
        groups: Number of groups of a grouped convolution; each has its own matrix.
        repeats: Number of such layers in sequence; 0 if a network has none.
        branches: Number of parallel copies.
        norm: Whether a batch norm follows.
        bias: Whether there is a bias.
        on_path: Whether they are on the longest path and not on a skip connection.
        block: Name of the block that they belong to with other layers, where its longest path depends on what
            they take; empty where ``on_path`` tells.
        paths: How many of them lie on each of the ``k`` paths through one block, shape ``(n, k)``; there are
            ``repeats`` such blocks, one after another.

    Example:
        >>> layer = Layers(channels=64, outputs=128, kernel=9, positions=256)
        >>> layer.channels * layer.kernel * layer.outputs * layer.positions
        18874368
    """

    channels: Counts
    outputs: Counts
    kernel: Counts
    positions: Counts
    groups: Counts = 1
    repeats: Counts = 1
    branches: Counts = 1
    norm: bool = True
    bias: bool = False
    on_path: bool = True
    block: str = ""
    paths: NDArray[np.int64] | None = None

    @property
    def count(self) -> Counts:
        """Return the number of layers."""
        return self.repeats * self.branches

    @property
    def weights(self) -> Counts:
        """Return the number of weights of all layers."""
        return self.count * self.groups * self.outputs * self.channels * self.kernel

    @property
    def params(self) -> Counts:
        """Return the trainable parameters of all layers, including their batch norms."""
        per_output = 2 * self.norm + self.bias
        return self.weights + self.count * self.groups * self.outputs * per_output

    @property
    def macs(self) -> Counts:
        """Return the multiply-accumulates of all layers in one inference."""
        biases = self.count * self.groups * self.outputs * self.bias
        return self.positions * (self.weights + biases)

    def tiles(self, rows: int, columns: int) -> Counts:
        """Return the tiles of all layers, each of at most ``rows`` inputs and ``columns`` outputs."""
        each = n_tiles(self.channels, self.kernel, self.outputs, rows=rows, columns=columns)
        return self.count * self.groups * each


@dataclass(frozen=True)
class NamedLayers:
    """One matrix of a network.

    Attributes:
        name: Name of the layer in the network, and of the matrix if the layer has several.
        kind: Class of the layer.
        layer: Shape of the layer; positions are those of the whole forward pass.

    Example:
        >>> import torch
        >>> from analognas.hardware import trace_layers
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 2))
        >>> [(layer.name, layer.layer.outputs) for layer in trace_layers(net, input_shape=(4,))]
        [('0', 2)]
    """

    name: str
    kind: str
    layer: Layers

    @classmethod
    def conv(cls, name: str, layer: Layers) -> NamedLayers:
        """Return the matrix of a convolution, without norm, bias and position."""
        return cls(name, "Conv2d", replace(layer, norm=False, bias=False, on_path=True))

    @classmethod
    def linear(cls, name: str, layer: Layers) -> NamedLayers:
        """Return the matrix of a linear layer, without norm, bias and position."""
        return cls(name, "Linear", replace(layer, norm=False, bias=False, on_path=True))


class Count(Protocol):
    """Function that counts something in the network of each row."""

    def __call__(
        self,
        population: Population,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> NDArray[np.int64]:
        """Return counts, shape ``(n,)``; arguments as for :meth:`LayerCounts.layers`."""


def cuts(
    channels: Counts, kernel: Counts, outputs: Counts, *, rows: int, columns: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many tiles a matrix needs vertically and horizontally, like in analog layers.

    Rows are cut between channels if the kernel of one channel fits a tile, otherwise anywhere.

    Example:
        >>> [int(n) for n in cuts(128, 9, 64, rows=512, columns=512)]
        [3, 1]
    """
    fan_in = np.asarray(channels * kernel)
    by_channel = -(-np.asarray(channels) // np.maximum(rows // np.asarray(kernel), 1))
    down = np.where(np.asarray(kernel) <= rows, by_channel, -(-fan_in // rows))
    down = np.where(fan_in <= rows, 1, down)
    across = -(-np.asarray(outputs) // columns)
    return np.asarray(down, dtype=np.int64), np.asarray(across, dtype=np.int64)


def n_tiles(
    channels: Counts, kernel: Counts, outputs: Counts, *, rows: int, columns: int
) -> Counts:
    """Return the number of tiles of a matrix: the product of its :func:`cuts`.

    Example:
        >>> int(n_tiles(128, 9, 64, rows=512, columns=512))
        3
    """
    down, across = cuts(channels, kernel, outputs, rows=rows, columns=columns)
    return np.asarray(down * across, dtype=np.int64)


def halve(size: _Size) -> _Size:
    """Return the size of a feature map after a stride of 2: half, rounded up."""
    return (size + 1) // 2


def check_input(
    input_shape: Any, n_classes: Any, halvings: int = 0
) -> tuple[tuple[int, int, int], int]:
    """Check the shape of an input and the number of classes, and return them as plain types.

    Args:
        input_shape: Channels, height and width.
        n_classes: Number of classes.
        halvings: Number of times that the network halves its feature map.

    Raises:
        InvalidArgumentError: If they are not positive integers, or the input is so small that a side of one
            pixel would be halved.
    """
    if not isinstance(input_shape, tuple | list) or len(input_shape) != 3:
        raise InvalidArgumentError(
            f"`input_shape` must be channels, height and width, but got {input_shape!r}."
        )
    channels, height, width = (check_int("input_shape", size, minimum=1) for size in input_shape)
    smallest = 2 ** (halvings - 1) + 1 if halvings else 1
    if min(height, width) < smallest:
        times = "once" if halvings == 1 else f"{halvings} times"
        raise InvalidArgumentError(
            f"`input_shape` must be at least {smallest} pixels high and wide for an architecture that halves "
            f"its feature map {times}, but got {height} x {width}; enlarge the input or take a shallower "
            "architecture."
        )
    return (channels, height, width), check_int("n_classes", n_classes, minimum=1)


class LayerCounts(ABC):
    """A space whose networks are counted from their layers, vectorised over a population.

    Attributes:
        input_shape: Channels, height and width of the input, unless a call says otherwise.
        n_classes: Number of classes, unless a call says otherwise.
        other_params: Trainable parameters of every network beside its matrix layers and the norms after them.

    Example:
        >>> from analognas.spaces import SPACES
        >>> space = SPACES.get("resnet")()
        >>> rows = space.sample(3, generator=np.random.default_rng(0))
        >>> isinstance(space, LayerCounts), space.macs(rows).shape
        (True, (3,))
    """

    input_shape: tuple[int, int, int]
    n_classes: int
    other_params: int = 0
    has_layers: bool = True

    @abstractmethod
    def layers(
        self,
        population: NDArray[Any],
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> Iterator[Layers]:
        """Yield all matrix layers of the network of every row, from the input to the classifier.

        Called by all methods that count. The last layer is the classifier.

        Args:
            population: Genotypes, shape ``(n, n_genes)``.
            input_shape: Channels, height and width of the input; None: the space's own.
            n_classes: Number of classes; None: the space's own.
        """

    def counts(self) -> Mapping[str, Count]:
        """Return the functions that count parameters and MACs, by name of the metric."""
        return {"params": self.params, "macs": self.macs}

    def encodings(self) -> tuple[Encoding, ...]:
        """Return the encodings of the space, the best first."""
        return STRUCTURE_ENCODING, ONE_HOT, RAW

    def params(
        self,
        population: NDArray[Any],
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> NDArray[np.int64]:
        """Return the trainable parameters of every row's network, shape ``(n,)``; see :meth:`layers`."""
        total = np.full(len(population), self.other_params, dtype=np.int64)
        for layer in self.layers(population, input_shape, n_classes):
            total += layer.params
        return total

    def macs(
        self,
        population: NDArray[Any],
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> NDArray[np.int64]:
        """Return the multiply-accumulates of one inference, shape ``(n,)``; arguments as for :meth:`layers`."""
        total = np.zeros(len(population), dtype=np.int64)
        for layer in self.layers(population, input_shape, n_classes):
            total += layer.macs
        return total

    def tiles(
        self,
        population: NDArray[Any],
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
        *,
        rows: int = 512,
        columns: int = 512,
    ) -> NDArray[np.int64]:
        """Return the number of tiles for all matrix layers of every row's network, shape ``(n,)``.

        Args:
            population: Genotypes, shape ``(n, n_genes)``.
            input_shape: Channels, height and width of the input; None: the space's own.
            n_classes: Number of classes; None: the space's own.
            rows: Inputs of a tile.
            columns: Outputs of a tile.
        """
        rows, columns = _check_tile(rows, columns)
        total = np.zeros(len(population), dtype=np.int64)
        for layer in self.layers(population, input_shape, n_classes):
            total += layer.tiles(rows, columns)
        return total

    def structure(
        self,
        population: NDArray[Any],
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
        *,
        rows: int = 512,
        columns: int = 512,
    ) -> NDArray[np.float64]:
        """Return features of every row's network for predictors: the columns of :data:`STRUCTURE`.

        Args:
            population: Genotypes, shape ``(n, n_genes)``.
            input_shape: Channels, height and width of the input; None: the space's own.
            n_classes: Number of classes; None: the space's own.
            rows: Inputs of a tile.
            columns: Outputs of a tile.

        Returns:
            Shape ``(n, len(STRUCTURE))``.
        """
        rows, columns = _check_tile(rows, columns)
        n = len(population)
        sums = {
            name: np.zeros(n, dtype=np.int64)
            for name in ("depth", "all", "side", "branches", "width", "weights", "params", "macs", "tiles")
        }  # fmt: skip
        largest = {name: np.zeros(n, dtype=np.int64) for name in ("branches", "width", "fan_in")}
        last_width = np.zeros(n, dtype=np.int64)
        for layer in self.layers(population, input_shape, n_classes):
            present = np.asarray(layer.repeats) > 0
            width = np.broadcast_to(np.asarray(layer.groups * layer.outputs), n)
            sums["all"] += layer.count
            sums["weights"] += layer.weights
            sums["params"] += layer.params
            sums["macs"] += layer.macs
            sums["tiles"] += layer.tiles(rows, columns)
            _raise_to(largest["fan_in"], present * layer.channels * layer.kernel)
            if not layer.on_path:
                sums["side"] += layer.count
                continue
            sums["depth"] += layer.repeats
            sums["branches"] += layer.count
            sums["width"] += layer.repeats * width
            _raise_to(largest["branches"], present * layer.branches)
            if not layer.bias:
                last_width = np.where(present, width, last_width)
                _raise_to(largest["width"], present * width)
        features = [
            sums["depth"],
            sums["all"],
            sums["side"],
            sums["branches"] / sums["depth"],
            largest["branches"],
            sums["width"] / sums["depth"],
            largest["width"],
            last_width,
            largest["fan_in"],
            np.log10(sums["params"] + self.other_params),
            np.log10(sums["macs"]),
            np.log10(sums["tiles"]),
            sums["weights"] / (sums["tiles"] * float(rows * columns)),
        ]
        return np.stack(features, axis=1).astype(np.float64)


def _raise_to(values: NDArray[np.int64], candidates: Counts) -> None:
    np.maximum(values, candidates, out=values)


def _check_tile(rows: int, columns: int) -> tuple[int, int]:
    return check_int("rows", rows, minimum=1), check_int("columns", columns, minimum=1)


STRUCTURE_ENCODING = Encoding(
    "structure",
    lambda space, population: space.structure(population),
    lambda space: STRUCTURE,
    where_listed,
)
