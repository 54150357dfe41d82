"""The NAS-Bench-201 space: 15,625 cells of six operations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core import OutOfSpaceError, check_int
from ..base import Population, Space
from ..gene_encodings import ONE_HOT, RAW, Encoding, Features, where_listed
from ..genotypes import row_texts
from ..hyperparameters import Choices, Hyperparameter
from ..layers import LayerCounts, Layers, NamedLayers, check_input
from . import canonical, costs, notation
from .graph_features import graph_feature_names, graph_features
from .operation_counts import operation_count_names, operation_counts
from .operations import EDGES, OPERATIONS

if TYPE_CHECKING:
    from torch import nn


class NASBench201Space(LayerCounts, Space):
    """The 15,625 cells of NAS-Bench-201 as integer vectors in AnalogNAS-Bench's order.

    A genotype is the six-tuple of AnalogNAS-Bench (operations ``0 skip_connect, 1 none, 2 nor_conv_3x3,
    3 nor_conv_1x1, 4 avg_pool_3x3`` on the edges 0-1, 0-2, 0-3, 1-2, 1-3, 2-3). An architecture
    is given as such a tuple, list or array, as an ``arch_str``, or as an integer, the published index No.i.

    Example:
        >>> space = NASBench201Space()
        >>> space.decode(space.encode(11029))
        (0, 0, 0, 1, 4, 0)
        >>> space.index((0, 0, 0, 1, 4, 0))
        11029
    """

    input_shape, n_classes = costs.dataset_shape("cifar10")
    other_params = costs.norm_params()
    datasets = costs.DATASETS
    counted_options = ("channels", "cells")

    def __init__(self) -> None:
        super().__init__("nasbench201", [len(OPERATIONS)] * len(EDGES))

    def encode(self, arch: Any) -> Population:
        """Return the genotype of one architecture in any form, shape ``(6,)``.

        Raises:
            OutOfSpaceError: If it is not a cell of the space.
        """
        if isinstance(arch, str):
            cell = notation.parse(arch)
        elif isinstance(arch, int | np.integer) and not isinstance(arch, bool):
            cell = notation.from_index(int(arch))
        elif isinstance(arch, tuple | list) or (isinstance(arch, np.ndarray) and arch.ndim == 1):
            cell = notation.check_cell(arch.tolist() if isinstance(arch, np.ndarray) else arch)
        else:
            raise OutOfSpaceError(
                "An architecture is six operations, an arch_str or a NAS-Bench-201 index, but got "
                f"{arch.item() if isinstance(arch, np.generic) else arch!r}."
            )
        return np.array(cell, dtype=np.int8)

    def decode(self, row: NDArray[np.integer[Any]]) -> tuple[int, ...]:
        """Return the six-tuple of one genotype."""
        return tuple(np.asarray(row).tolist())

    def arch_str(self, arch: Any) -> str:
        """Return the NAS-Bench-201 ``arch_str`` of one architecture in any form."""
        return notation.to_arch_str(self.decode(self.encode(arch)))

    def index(self, arch: Any) -> int:
        """Return the published index No.i of one architecture in any form."""
        return int(self.indices(self.encode(arch)[None])[0])

    def indices(self, population: Population) -> NDArray[np.int64]:
        """Return the published index No.i of every row, shape ``(n,)``."""
        indices: NDArray[np.int64] = notation.index_of_code()[self._cell_codes(population)]
        return indices

    def from_indices(self, indices: Any) -> Population:
        """Return genotypes of published indices, shape ``(n,)`` to ``(n, 6)``; indices are not checked."""
        return _published_rows().take(np.asarray(indices, dtype=np.int64), axis=0)

    def population(self, architectures: Any) -> Population:
        """Check and encode many architectures; see :meth:`.Space.population`.

        A vector of published indices, or a list of tuples or lists, is checked as an array.
        """
        matrix = self._as_matrix(architectures)
        return super().population(architectures if matrix is None else matrix)

    def _as_matrix(self, architectures: Any) -> Population | None:
        """Return genotypes of anything that numpy converts to an array of integers, else None."""
        if isinstance(architectures, np.ndarray):
            if architectures.ndim != 1 or architectures.dtype.kind not in "iu":
                return None
            indices = architectures
        elif isinstance(architectures, list) and architectures:
            kinds = set(map(type, architectures))
            if kinds <= {tuple, list}:
                return _rectangle(architectures)
            if kinds != {int}:
                return None
            indices = np.array(architectures)
        else:
            return None
        # Errors, and six numbers that may be one genotype, are handled by the slow path.
        inside = indices.dtype.kind in "iu" and bool(((indices >= 0) & (indices < self.size)).all())
        if not inside or self._is_one_genotype(indices):
            return None
        return self.from_indices(indices)

    def _cell_codes(self, population: Population) -> NDArray[np.int64]:
        """Return codes of rows among all 15,625 cells, even if the space is restricted."""
        return Space.codes(self, population)

    def canonical_form(self, arch: Any) -> str:
        """Return an expression that is equal for isomorphic cells."""
        return canonical.canonical_form(self.decode(self.encode(arch)))

    def isomorphism_class(self, population: Population) -> NDArray[np.int64]:
        """Return the number of the isomorphism class of every row, 0..6465, shape ``(n,)``."""
        classes: NDArray[np.int64] = canonical.class_of_code()[self._cell_codes(population)]
        return classes

    def reaches_output(self, population: Population) -> NDArray[np.bool_]:
        """Return whether the output of every row's cell depends on its input, shape ``(n,)``."""
        return canonical.reaches_output(population)

    def parameters(self) -> list[Hyperparameter]:
        """Return the operation of each edge; ``edge_0_1`` is from node 0 to node 1."""
        return [
            Choices(f"edge_{source}_{target}", OPERATIONS, ordered=False)
            for source, target in EDGES
        ]

    def encodings(self) -> tuple[Encoding, ...]:
        """Return graph features, counts of operations, and the genes."""
        return CANONICAL, OPERATION_COUNTS, ONE_HOT, RAW

    def params(
        self,
        population: Population,
        input_shape: tuple[int, int, int] | str | None = None,
        n_classes: int | None = None,
        *,
        dataset: str | None = None,
        channels: int = costs.CHANNELS,
        cells: int = costs.CELLS,
    ) -> NDArray[np.int64]:
        """Return the trainable parameters of every row's network, shape ``(n,)``.

        Args:
            population: Genotypes, shape ``(n, 6)``.
            input_shape: Channels, height and width of the input, or the name of a benchmark data set; None:
                those of CIFAR-10.
            n_classes: Number of classes; None: that of the data set.
            dataset: Name of a benchmark data set, instead of a shape.
            channels: Channels C of the first stage; the others have 2C and 4C.
            cells: Cells N per stage.

        Raises:
            UnknownNameError: If there is no such data set.
        """
        shape, classes = self._input(dataset or input_shape, n_classes)
        every = _of_every_cell("params", shape, classes, channels, cells)
        return every[self._cell_codes(population)]

    def macs(
        self,
        population: Population,
        input_shape: tuple[int, int, int] | str | None = None,
        n_classes: int | None = None,
        *,
        dataset: str | None = None,
        channels: int = costs.CHANNELS,
        cells: int = costs.CELLS,
    ) -> NDArray[np.int64]:
        """Return the multiply-accumulates of one inference, shape ``(n,)``; arguments as for :meth:`params`."""
        shape, classes = self._input(dataset or input_shape, n_classes)
        every = _of_every_cell("macs", shape, classes, channels, cells)
        return every[self._cell_codes(population)]

    def layers(
        self,
        population: Population,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
        *,
        channels: int = costs.CHANNELS,
        cells: int = costs.CELLS,
    ) -> Iterator[Layers]:
        """Yield all matrix layers of the network of every row, from the input to the classifier.

        Args:
            population: Genotypes, shape ``(n, 6)``.
            input_shape: Channels, height and width of the input; None: those of CIFAR-10.
            n_classes: Number of classes; None: 10.
            channels: Channels C of the first stage; the others have 2C and 4C.
            cells: Cells N per stage.

        Raises:
            InvalidArgumentError: If a size is not positive.
        """
        shape, classes = self._input(input_shape, n_classes)
        return costs.count_layers(
            population, input_shape=shape, n_classes=classes, channels=channels, cells=cells
        )

    def named_layers(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> list[NamedLayers]:
        """Return the matrices of one network in order of execution; see :meth:`.Space.named_layers`.

        Raises:
            OutOfSpaceError: If ``arch`` is not in the space.
            InvalidArgumentError: If a size is not positive.
        """
        cell = self.decode(self.encode(arch))
        shape, classes = self._input(input_shape, n_classes)
        return list(costs.name_layers(cell, input_shape=shape, n_classes=classes))

    def _input(
        self, input_shape: tuple[int, int, int] | str | None, n_classes: int | None
    ) -> tuple[tuple[int, int, int], int]:
        shape, classes = (
            costs.dataset_shape(input_shape)
            if isinstance(input_shape, str)
            else (self.input_shape if input_shape is None else input_shape, self.n_classes)
        )
        return check_input(shape, classes if n_classes is None else n_classes)

    def json_texts(self, population: Population) -> list[str]:
        """Return the operations of every row as JSON text."""
        return row_texts(population)

    def describe(self, row: NDArray[np.integer[Any]]) -> dict[str, Any]:
        """Return tuple, ``arch_str`` and published index of one genotype."""
        cell = self.decode(row)
        return {
            "architecture": list(cell),
            "arch_str": notation.to_arch_str(cell),
            "nasbench201_index": self.index(cell),
        }

    def build(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        n_classes: int = 10,
        channels: int = 16,
        cells: int = 5,
    ) -> nn.Module:
        """Return the network of one architecture with newly initialised weights.

        Args:
            arch: The architecture in any form.
            input_shape: Channels, height and width of the input.
            n_classes: Number of classes.
            channels: Channels C of the first stage; the others have 2C and 4C.
            cells: Cells N per stage.

        Raises:
            OutOfSpaceError: If ``arch`` is not in the space.
            InvalidArgumentError: If the input is not channels, height and width, or a size is not positive.
        """
        cell = self.decode(self.encode(arch))
        shape, n_classes = check_input(input_shape, n_classes)
        from .network import NASBench201Network

        return NASBench201Network(
            cell,
            in_channels=shape[0],
            n_classes=n_classes,
            channels=check_int("channels", channels, minimum=1),
            cells=check_int("cells", cells, minimum=1),
        )


@lru_cache(maxsize=1)
def _published_rows() -> Population:
    """Return the genotype of every published index, shape ``(15625, 6)``."""
    rows = NASBench201Space().from_codes(notation.codes_in_published_order())
    rows.flags.writeable = False
    return rows


def _rectangle(cells: list[Any]) -> NDArray[np.int64] | None:
    """Return cells as integers, shape ``(n, 6)``; None if they are anything else."""
    try:
        matrix = np.array(cells)
    except ValueError:
        return None
    sound = matrix.shape == (len(cells), len(EDGES)) and matrix.dtype.kind in "iu"
    return matrix if sound else None


@lru_cache(maxsize=16)
def _of_every_cell(
    metric: str, input_shape: tuple[int, int, int], n_classes: int, channels: int, cells: int
) -> NDArray[np.int64]:
    """Return a count of every cell in code order, shape ``(15625,)``; cached."""
    every = NASBench201Space().every()
    if metric == "params":
        counts = costs.count_params(
            every, in_channels=input_shape[0], n_classes=n_classes, channels=channels, cells=cells
        )
    else:
        counts = costs.count_macs(
            every, input_shape=input_shape, n_classes=n_classes, channels=channels, cells=cells
        )
    counts.flags.writeable = False
    return counts


@lru_cache(maxsize=1)
def _graph_features_by_code() -> Features:
    """Return graph features of every cell in code order, shape ``(15625, 88)``; cached."""
    features = graph_features(NASBench201Space().every())
    features.flags.writeable = False
    return features


def _canonical(space: Space, population: Population) -> Features:
    features: Features = _graph_features_by_code()[Space.codes(space, population)]
    return features


CANONICAL = Encoding("canonical", _canonical, lambda space: graph_feature_names(), where_listed)
OPERATION_COUNTS = Encoding(
    "operations",
    lambda space, population: operation_counts(population),
    lambda space: operation_count_names(),
    where_listed,
)
