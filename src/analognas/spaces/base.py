"""What a search space is: architectures as rows of an integer matrix, and the moves between them."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, OutOfSpaceError
from . import moves
from .gene_encodings import ONE_HOT, RAW, Encoding
from .genotypes import Genotypes, Population
from .hyperparameters import Choices, Hyperparameter, IntegerInterval
from .layers import Count, Layers, NamedLayers

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Population", "Space"]

_MOST_LISTED = 128
"""Choices of a nameless gene beyond which it is an interval of integers."""


class Space(Genotypes):
    """A finite space: genotypes of fixed length whose genes are indices into lists of choices.

    Subclasses say what a genotype means (:meth:`encode`, :meth:`decode`, :meth:`build`); the moves of the
    search algorithms (:mod:`.moves`) work on any space, whole populations at once. Methods that take a
    population trust it; :meth:`population` and :meth:`encode` are the border where architectures are checked.

    Where the block that a gene describes is absent, the gene is inactive and holds 0, so equal architectures
    are equal rows with equal codes. A space with such genes, or with forbidden combinations, says so by
    ``constrained`` and by overriding :meth:`active`, :meth:`allowed` and :meth:`count`; the moves respect them.

    Args:
        name: Name of the space in the registry.
        n_choices: Number of choices of each gene.
        fine: Which genes are fine grids of a quantity, such as a learning rate: mutation moves them by normal
            steps, and their neighbours lie at powers of two. None by default.
        constrained: Whether genes may be inactive or combinations forbidden.

    Raises:
        InvalidArgumentError: If a gene has no choice or more than 2^31, or the space has fewer than 2
            genotypes.

    Attributes:
        name: Name of the space.
        n_choices: Number of choices of each gene, shape ``(n_genes,)``.
        n_genes: Length of a genotype.
        n_genotypes: Number of rows with every gene in its range: product of ``n_choices``.
        dtype: Type of a population's entries: int8 where no gene has more than 128 choices, else int16 (up to
            32,768 choices) or int32.
        fine: Which genes are fine grids, shape ``(n_genes,)``.
        has_integer_codes: Whether :meth:`codes` are 64-bit integers: with fewer than 2^63 genotypes.
        restriction: Digest of the architectures of a :func:`.restricted` space; else None.
        input_shape: Channels, height and width of the input of its networks, unless a call says otherwise.
        n_classes: Number of classes, unless a call says otherwise.
        has_layers: Whether :meth:`layers` says which matrix layers its networks have.
        datasets: Input shape and number of classes of the benchmark data sets that its networks can be counted
            for, by name, the one that the space is made for first.
    """

    restriction: str | None = None
    input_shape: tuple[int, int, int] = (3, 32, 32)
    n_classes: int = 10
    has_layers: bool = False
    datasets: Mapping[str, tuple[tuple[int, int, int], int]] = MappingProxyType({})

    def __init__(
        self,
        name: str,
        n_choices: Sequence[int],
        *,
        fine: Sequence[bool] | None = None,
        constrained: bool = False,
    ) -> None:
        super().__init__(name, n_choices, fine=fine, constrained=constrained)
        if self.n_genotypes < 2:
            raise InvalidArgumentError(
                f"A space must have at least 2 genotypes, but {name!r} has {self.n_genotypes}."
            )

    def nearest(self, population: Population) -> Population:
        """Return the nearest architectures that can be had; a space that is not restricted has them all."""
        return population

    def definition(self) -> dict[str, Any] | None:
        """Return all that defines the space, as JSON types; None where its name says it all.

        Called by a trial log, so that architectures can be read, and a search resumed, without the program
        that made the space. :meth:`.ConfigSpace.from_definition` reads it.
        """
        return None

    def fingerprint(self) -> str | None:
        """Return a digest of all that the name does not tell, part of a trial log's identity; else None."""
        return None

    @abstractmethod
    def encode(self, arch: Any) -> Population:
        """Return the genotype of one architecture in any form that the space knows, shape ``(n_genes,)``.

        Called at the border, wherever a person hands in an architecture.

        Raises:
            OutOfSpaceError: If the architecture does not belong to the space.
        """

    @abstractmethod
    def decode(self, row: NDArray[np.integer[Any]]) -> Any:
        """Return the hashable architecture that a person sees for one genotype."""

    @abstractmethod
    def build(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        n_classes: int = 10,
    ) -> nn.Module:
        """Return the network of one architecture as a torch module; torch is imported only here.

        Args:
            arch: The architecture in any form that :meth:`encode` knows.
            input_shape: Channels, height and width of the input.
            n_classes: Number of classes.
        """

    @abstractmethod
    def describe(self, row: NDArray[np.integer[Any]]) -> dict[str, Any]:
        """Return one genotype in every notation of the space, as JSON types.

        Called for reports. The key ``architecture`` is always there, in a form that :meth:`encode` takes.
        """

    def parameters(self) -> Sequence[Hyperparameter]:
        """Return what each gene chooses from, one entry a gene: its name and its values.

        Called where a person, or another program, is to see names instead of positions. Without names of its
        own a space has ``gene0``, ``gene1`` and so on, whose values are indices.
        """
        return [
            IntegerInterval(f"gene{gene}", 0, n - 1)
            if fine or n > _MOST_LISTED
            else Choices(f"gene{gene}", range(n), ordered=False)
            for gene, (n, fine) in enumerate(
                zip(self.n_choices.tolist(), self.fine.tolist(), strict=True)
            )
        ]

    def encodings(self) -> tuple[Encoding, ...]:
        """Return the encodings that predictors may learn from, the most telling first.

        Called by :func:`.encode_features`; beside these there are those of :func:`.register_encoding`.
        """
        return ONE_HOT, RAW

    def counts(self) -> Mapping[str, Count]:
        """Return what the space counts of its networks: functions of a population, by name of the metric.

        Called by evaluators, constraints, logs and tables, with names of the vocabulary such as ``params`` and
        ``macs``. Empty by default; :class:`.LayerCounts` counts both from the layers.
        """
        return {}

    def layers(
        self,
        population: Population,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> Iterator[Layers]:
        """Yield all matrix layers of the network of every row; see :meth:`.LayerCounts.layers`.

        Raises:
            InvalidArgumentError: If the space does not say which layers its networks have.
        """
        raise InvalidArgumentError(
            f"The space {self.name!r} does not tell the layers of its networks, so that what they cost on a "
            "chip cannot be counted; derive it from analognas.spaces.LayerCounts and write `layers`."
        )

    def named_layers(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> Sequence[NamedLayers] | None:
        """Return the matrices of one network in the order in which it runs; None where only building it tells.

        Called for a table of costs, which then needs no torch. They are those of the built network.

        Args:
            arch: The architecture in any form that :meth:`encode` knows.
            input_shape: Channels, height and width of the input; None: the space's own.
            n_classes: Number of classes; None: the space's own.
        """
        return None

    def isomorphism_class(self, population: Population) -> NDArray[np.int64] | None:
        """Return a number for every row that equal networks share, shape ``(n,)``; None where none is known."""
        return None

    def json_texts(self, population: Population) -> list[str]:
        """Return the ``architecture`` of :meth:`describe` of every row, as JSON text.

        Called by a trial log with thousands of rows; spaces override it where they can do it faster.
        """
        return [json.dumps(self.describe(row)["architecture"]) for row in population]

    def sample(self, n: int, *, generator: np.random.Generator, unique: bool = False) -> Population:
        """Draw ``n`` genotypes, shape ``(n, n_genes)``: every active gene uniform over its choices.

        Where no gene is ever inactive, this is uniform over architectures. Where some may be, it is uniform
        gene by gene: one main block is as likely as five, although far more networks have five. Forbidden
        rows are drawn again.

        Args:
            n: Number of genotypes.
            generator: Source of randomness.
            unique: Draw without replacement.

        Raises:
            InvalidArgumentError: If ``n`` is negative, or ``unique`` and the space is smaller.
        """
        return moves.sample(self, n, generator, unique=unique)

    def mutate(
        self,
        population: Population,
        *,
        generator: np.random.Generator,
        genes: NDArray[np.bool_] | None = None,
    ) -> Population:
        """Change one active gene of every row to another of its choices, both drawn uniformly.

        Genes that become active by it are drawn uniformly; fine genes move by a normal step whose standard
        deviation is a fifth of their range.

        Args:
            population: Shape ``(n, n_genes)``.
            generator: Source of randomness.
            genes: Which genes may be chosen, shape ``(n_genes,)``; all by default.

        Returns:
            A new population of the same shape; every row is another architecture than its parent. Where
            ``genes`` are given, rows in which none of them can change stay as they are.
        """
        return moves.mutate(self, population, generator, genes=genes)

    def crossover(
        self, mothers: Population, fathers: Population, *, generator: np.random.Generator
    ) -> Population:
        """Uniform crossover: every gene comes from either parent with probability 1/2.

        A gene that is inactive in one parent comes from the other; one that is inactive in both, and active in
        the child, is drawn uniformly.

        Args:
            mothers: Shape ``(n, n_genes)``.
            fathers: Shape ``(n, n_genes)``.
            generator: Source of randomness.
        """
        return moves.crossover(self, mothers, fathers, generator)

    def neighbours(self, row: NDArray[np.integer[Any]]) -> Population:
        """All architectures whose genotypes differ from ``row`` in one gene, shape ``(k, n_genes)``.

        In a plain space ``k`` is ``sum(n_choices - 1)``. Fine genes change by powers of two. A block appears
        with, and disappears from, the first choices of its own genes, so that being neighbours is mutual.
        """
        return moves.neighbours(self, row)

    def population(self, architectures: Any) -> Population:
        """Check and encode many architectures, shape ``(n, n_genes)``.

        Args:
            architectures: An integer matrix of genotypes, or a sequence of architectures each in any form
                that :meth:`encode` knows.

        Raises:
            OutOfSpaceError: If one does not belong to the space; names it.
        """
        if isinstance(architectures, np.ndarray) and architectures.ndim == 2:
            return self._checked_matrix(architectures)
        if (
            isinstance(architectures, str)
            or not hasattr(architectures, "__len__")
            or self._is_one_genotype(architectures)
        ):
            raise OutOfSpaceError(
                "A population is a matrix of genotypes or a sequence of architectures, but got "
                f"{architectures!r}; put a single architecture into a list."
            )
        rows = [self.encode(arch) for arch in architectures]
        return np.array(rows, dtype=self.dtype).reshape(len(rows), self.n_genes)

    def _is_one_genotype(self, values: Any) -> bool:
        """Whether a flat sequence reads as one genotype: it would be taken for a list of indices."""
        return len(values) == self.n_genes and all(
            isinstance(value, int | np.integer) and 0 <= value < n
            for value, n in zip(values, self.n_choices, strict=True)
        )

    def _checked_matrix(self, matrix: NDArray[Any]) -> Population:
        if matrix.shape[1] != self.n_genes or matrix.dtype.kind not in "iu":
            raise OutOfSpaceError(
                f"A population of {self.name} is an integer matrix of shape (n, {self.n_genes}), but got "
                f"shape {matrix.shape} of {matrix.dtype}."
            )
        # Seen as unsigned, negative entries are too large as well: one comparison finds both.
        unsigned = matrix.view(f"u{matrix.itemsize}")
        outside = unsigned >= self._n_choices_unsigned
        if outside.any():
            self.encode(matrix[int(outside.any(axis=1).argmax())].tolist())
        rows = self.canonical(matrix.astype(self.dtype, copy=False))
        if self.constrained and not (allowed := self.allowed(rows)).all():
            self.encode(self.decode(rows[int(allowed.argmin())]))
        return rows

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_genes} genes, {self.size} architectures)"
