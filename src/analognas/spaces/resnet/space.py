"""The ResNet-like space of AnalogNAS as a pre-filled configuration space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError, check_choice, check_int
from ..base import Population
from ..config import ConfigSpace
from ..config.by_dataset import named_dataset
from ..gene_encodings import ONE_HOT, RAW, Encoding, where_listed
from ..layers import STRUCTURE_ENCODING, LayerCounts, Layers, NamedLayers, check_input
from . import costs
from .design import (
    BASIC,
    BOTTLENECK,
    LAYOUTS,
    MAX_BLOCKS,
    MAX_BRANCHES,
    MAX_RESIDUAL_BLOCKS,
    OUT_CHANNELS,
    TARGETS,
    WIDENING,
    default_layout,
)
from .values import ValueTables

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FEATURES", "ResNetSpace"]

_BLOCKS = range(1, MAX_BLOCKS + 1)
_RESIDUAL_BLOCKS = frozenset(f"R{block}" for block in _BLOCKS)
_NAMES = {"CIFAR-10": "resnet", "VWW": "resnet_vww", "KWS": "resnet_kws"}

FEATURES = (
    "out_channel0",
    "M",
    *(f"R{block}" for block in _BLOCKS),
    *(f"{name}{block}" for block in _BLOCKS for name in ("convblock", "widenfact", "B")),
)
"""First columns of :meth:`ResNetSpace.features`, in the order of AnalogNAS's published evaluators."""


class ResNetSpace(LayerCounts, ConfigSpace):
    """AnalogNAS's ResNet-like networks for a data set, or for any input shape and number of classes.

    A network is a 7 x 7 convolution with ``out_channel0`` outputs (8, 12, 16, 32, 48 or 64), ``M`` main blocks
    (1 to 5), and a classifier. Main block i has ``R{i}`` residual blocks (1 to 16) in sequence, each the sum
    of ``B{i}`` branches (1 to 4) of type ``convblock{i}`` (1 basic, 2 bottleneck) and a skip connection, and
    is 1 / ``widenfact{i}`` (0.5 to 0.8) times as wide as the block before. All bounds are inclusive; the
    hyperparameters of absent main blocks are 0. As in any :class:`.ConfigSpace`, hyperparameters can be added
    and removed.

    Args:
        names: Name of the data set: ``"CIFAR-10"`` (default), ``"VWW"`` or ``"KWS"``. It determines input shape
            and number of classes.
        dataset: The same, as a keyword.
        search_space: ``"resnet-like"`` or omitted; in AnalogNAS's notebooks it precedes the data set.
        input_shape: Channels, height and width of the input; None: those of the data set.
        n_classes: Number of classes; None: that of the data set.
        kernels: Possible kernel sizes of a main block, odd; if there are several, ``kernel{i}`` is a
            hyperparameter.
        layout: Positions at which the feature map is halved: ``"cifar"`` in the last two main blocks,
            ``"imagenet"`` twice in the stem and in main blocks 2 to 4; None: ``"imagenet"`` for at least 128 x
            128 pixels.
        name: Name of the space; None: ``"resnet"`` for CIFAR-10, else ``"resnet_vww"`` or ``"resnet_kws"``.

    Raises:
        UnknownNameError: If data set or layout are unknown.
        InvalidArgumentError: If a size is not positive, a kernel even, or the input too small for the layout.

    Attributes:
        input_shape: Channels, height and width of the input.
        n_classes: Number of classes.
        layout: Name of the layout.

    Example:
        >>> space = ResNetSpace("KWS")
        >>> population = space.sample(1000, generator=np.random.default_rng(0))
        >>> space.features(population).shape, space.params(population).shape
        ((1000, 22), (1000,))
        >>> ResNetSpace(input_shape=(1, 28, 28), n_classes=7).n_classes
        7
    """

    def __init__(
        self,
        *names: str | None,
        dataset: str | None = None,
        search_space: str | None = None,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
        kernels: Sequence[int] = (3,),
        layout: str | None = None,
        name: str | None = None,
    ) -> None:
        target = named_dataset(*names, dataset=dataset, search_space=search_space) or "CIFAR-10"
        super().__init__(target, name=_NAMES[target] if name is None else name)
        of_target, classes = TARGETS[target]
        self.input_shape, self.n_classes = check_input(
            of_target if input_shape is None else input_shape,
            classes if n_classes is None else n_classes,
        )
        layout = default_layout(self.input_shape) if layout is None else layout
        self.layout = check_choice("layout", layout, LAYOUTS)
        self._kernels = _checked_kernels(kernels)
        self._tables = ValueTables()
        self._fill()

    def _fill(self) -> None:
        """Add the published hyperparameters, with as many main blocks as the input size allows."""
        check_input(self.input_shape, self.n_classes, LAYOUTS[self.layout].halvings(1))
        side = min(self.input_shape[1:])
        most = max(
            m for m in _BLOCKS if side > 2 ** (LAYOUTS[self.layout].halvings(m) - 1) or m == 1
        )
        self.add_hyperparameter_range("out_channel0", "discrete", OUT_CHANNELS)
        self.add_hyperparameter("M", "discrete", 1, most)
        when = {block: None if block == 1 else ("M", ">=", block) for block in range(1, most + 1)}
        for block, condition in when.items():
            self.add_hyperparameter(
                f"R{block}", "discrete", 1, MAX_RESIDUAL_BLOCKS, when=condition, inactive=0
            )
        for block, condition in when.items():
            kinds = [BASIC, BOTTLENECK]
            self.add_hyperparameter_range(
                f"convblock{block}", "categorical", kinds, when=condition, inactive=0
            )
            self.add_hyperparameter(
                f"widenfact{block}", "continuous", *WIDENING, when=condition, inactive=0
            )
            self.add_hyperparameter(
                f"B{block}", "discrete", 1, MAX_BRANCHES, when=condition, inactive=0
            )
            if len(self._kernels) > 1:
                self.add_hyperparameter_range(
                    f"kernel{block}", "discrete", self._kernels, when=condition, inactive=0
                )

    def encode(self, arch: Any) -> Population:
        """Return the genotype of an architecture; see :meth:`.ConfigSpace.encode`.

        AnalogNAS also draws 0 for the ``R`` of a present main block, which then has one residual block; here
        it is encoded as 1.

        Raises:
            OutOfSpaceError: If a name is unknown or missing, a value invalid, or the combination forbidden.

        Example:
            >>> space = ResNetSpace()
            >>> arch = {**space.sample_arch(generator=np.random.default_rng(0)), "R1": 0}
            >>> space.decode(space.encode(arch))["R1"]
            1
        """
        if isinstance(arch, Mapping):
            arch = {
                name: 1 if _is_empty_block(name, value) else value for name, value in arch.items()
            }
        return super().encode(arch)

    def settings(self) -> dict[str, Any]:
        """Return input shape, classes, kernels and layout as YAML types."""
        return {
            "input_shape": list(self.input_shape),
            "n_classes": self.n_classes,
            "kernels": list(self._kernels),
            "layout": self.layout,
        }

    def features(self, population: Population) -> NDArray[np.float64]:
        """Return the values of hyperparameters in the order of the published evaluators, :data:`FEATURES`.

        Hyperparameters of absent main blocks, and removed ones, are 0. Kernels and added hyperparameters come
        last; values that are not numbers are replaced by their positions in the list.

        Args:
            population: Genotypes, shape ``(n, n_genes)``.

        Returns:
            Shape ``(n, 22)`` or wider; :meth:`feature_names` names the columns.
        """
        active = self.active(population)
        gene_of = {name: gene for gene, name in enumerate(self.get_hyperparameters())}
        features = np.zeros((len(population), len(self.feature_names())))
        for column, name in enumerate(self.feature_names()):
            if name in gene_of:
                gene = gene_of[name]
                values = self._tables.of(self.hyperparameter(name))[population[:, gene]]
                features[:, column] = np.where(active[:, gene], values, 0)
        return features

    def feature_names(self) -> tuple[str, ...]:
        """Return the names of the columns of :meth:`features`."""
        added = (name for name in self.get_hyperparameters() if name not in FEATURES)
        return *FEATURES, *added

    def encodings(self) -> tuple[Encoding, ...]:
        """Return structure, the values for the published evaluators, and the genes."""
        return STRUCTURE_ENCODING, PUBLISHED, ONE_HOT, RAW

    def layers(
        self,
        population: NDArray[Any],
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> Iterator[Layers]:
        """Yield all matrix layers of the network of every row, from the input to the classifier.

        Args:
            population: Genotypes, shape ``(n, n_genes)``.
            input_shape: Channels, height and width of the input; None: the space's own.
            n_classes: Number of classes; None: the space's own.

        Raises:
            InvalidArgumentError: If the input is too small for one of the networks, or a required
                hyperparameter was removed or has invalid values.
        """
        values = self._values(population)
        deepest = int(values["M"].max(initial=1))
        shape, n_classes = self._checked(deepest, input_shape, n_classes)
        return costs.count_layers(values, LAYOUTS[self.layout], shape, n_classes)

    def named_layers(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> list[NamedLayers]:
        """Return the matrices of one network in order of execution; see :meth:`.Space.named_layers`.

        Raises:
            OutOfSpaceError: If ``arch`` is not in the space.
            InvalidArgumentError: See :meth:`build`.
        """
        config, shape, n_classes = self._network_of(arch, input_shape, n_classes)
        return list(costs.name_layers(config, LAYOUTS[self.layout], shape, n_classes))

    def build(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> nn.Module:
        """Return the network of one architecture with newly initialised weights.

        Args:
            arch: The architecture in any form.
            input_shape: Channels, height and width of the input; None: the space's own.
            n_classes: Number of classes; None: the space's own.

        Raises:
            OutOfSpaceError: If ``arch`` is not in the space.
            InvalidArgumentError: If the input is too small for the architecture, or a required hyperparameter
                was removed or has invalid values.
        """
        config, shape, n_classes = self._network_of(arch, input_shape, n_classes)
        from .network import ResNetNetwork

        return ResNetNetwork(
            config, LAYOUTS[self.layout], in_channels=shape[0], n_classes=n_classes
        )

    def _network_of(
        self, arch: Any, input_shape: tuple[int, int, int] | None, n_classes: int | None
    ) -> tuple[dict[str, Any], tuple[int, int, int], int]:
        """Return the values of hyperparameters, input shape and number of classes of one network, checked."""
        values = self._values(self.encode(arch)[None])
        config = {name: column[0].item() for name, column in values.items()}
        return config, *self._checked(int(config["M"]), input_shape, n_classes)

    def _checked(
        self, n_blocks: int, input_shape: tuple[int, int, int] | None, n_classes: int | None
    ) -> tuple[tuple[int, int, int], int]:
        # Deeper networks halve at least as often, so checking the deepest one suffices.
        return check_input(
            self.input_shape if input_shape is None else input_shape,
            self.n_classes if n_classes is None else n_classes,
            LAYOUTS[self.layout].halvings(n_blocks),
        )

    def _values(self, population: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return the values for the networks, up to the last main block of the deepest, ``(n,)`` each."""
        gene_of = {name: gene for gene, name in enumerate(self.get_hyperparameters())}
        values = {}
        for name in ("M", "out_channel0"):
            values[name] = self._column(name, population, gene_of)
        for block in range(1, int(values["M"].max(initial=1)) + 1):
            for stem in ("R", "convblock", "widenfact", "B", "kernel"):
                name = f"{stem}{block}"
                values[name] = self._column(name, population, gene_of)
        return values

    def _column(self, name: str, population: NDArray[Any], gene_of: dict[str, int]) -> NDArray[Any]:
        if name in gene_of:
            column: NDArray[Any] = self._tables.of(self.hyperparameter(name))[
                population[:, gene_of[name]]
            ]
            return column
        if name.startswith("kernel"):
            return np.full(len(population), self._kernels[0])
        raise InvalidArgumentError(
            f"Networks of {self.name!r} need `{name}`, which was removed; to keep it constant, add it with a "
            "single value."
        )


PUBLISHED = Encoding(
    "published",
    lambda space, population: space.features(population),
    lambda space: space.feature_names(),
    where_listed,
)


def _is_empty_block(name: Any, value: Any) -> bool:
    """Return whether a value is AnalogNAS's 0 residual blocks; in absent main blocks, it is ignored anyway."""
    counts = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return counts and value == 0 and name in _RESIDUAL_BLOCKS


def _checked_kernels(kernels: Any) -> list[int]:
    if isinstance(kernels, str) or not isinstance(kernels, Sequence) or not kernels:
        raise InvalidArgumentError(
            f"`kernels` must be a list of odd integers, but got {kernels!r}."
        )
    sides = [check_int("kernels", side, minimum=1) for side in kernels]
    for side in sides:
        if side % 2 == 0:
            raise InvalidArgumentError(
                f"`kernels` must be odd, so that padding keeps the size, but got {side}."
            )
    return sides
