"""The base of search spaces: architectures as rows of an integer matrix, and the moves between them."""

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
"""Largest number of choices of a gene without a name that is a list of choices, not an interval."""


class Space(Genotypes):
    """A finite space of genotypes of fixed length; each gene is an index into a list of choices.

    Subclasses define the meaning of a genotype (:meth:`encode`, :meth:`decode`, :meth:`build`). The moves of
    search algorithms (:mod:`.moves`) work on any space and on whole populations. Methods with a population
    do not check it; :meth:`population` and :meth:`encode` check architectures.

    A gene whose block is absent is inactive and holds 0, so equal architectures are equal rows with equal
    codes. A space with inactive genes or forbidden combinations sets ``constrained`` and overrides
    :meth:`active`, :meth:`allowed` and :meth:`count`; the moves respect them.

    Args:
        name: Name of the space in the registry.
        n_choices: Number of choices of each gene.
        fine: Which genes are fine grids of a quantity, such as a learning rate. Mutations move them by normal
            steps, and their neighbours are at distances of powers of two. None by default.
        constrained: Whether genes may be inactive or combinations forbidden.

    Raises:
        InvalidArgumentError: If a gene has no choice or more than 2^31, or the space has fewer than 2
            genotypes.

    Attributes:
        name: Name of the space.
        reference: ``module:name`` of the Python code that the space was made by; None for others.
        n_choices: Number of choices of each gene, shape ``(n_genes,)``.
        n_genes: Length of a genotype.
        n_genotypes: Number of rows with every gene in its range: product of ``n_choices``.
        dtype: Integer type of populations: int8 for up to 128 choices of each gene, int16 for up to 32,768,
            else int32.
        fine: Which genes are fine grids, shape ``(n_genes,)``.
        has_integer_codes: Whether :meth:`codes` are 64-bit integers, with fewer than 2^63 genotypes.
        restriction: Digest of the architectures of a :func:`.restricted` space; None for other spaces.
        input_shape: Default channels, height and width of the input of its networks.
        n_classes: Default number of classes.
        has_layers: Whether :meth:`layers` is available.
        datasets: Input shape and number of classes of the benchmark data sets for which networks can be
            counted, by name; the first is the default.
        counted_options: Options of :meth:`build` that :meth:`layers` and :meth:`counts` know too.

    Example:
        >>> from analognas.spaces import SPACES
        >>> space = SPACES.get("nasbench201")()
        >>> rows = space.sample(2, generator=np.random.default_rng(0))
        >>> space.n_genes, space.size, rows.shape
        (6, 15625, (2, 6))
    """

    reference: str | None = None
    restriction: str | None = None
    input_shape: tuple[int, int, int] = (3, 32, 32)
    n_classes: int = 10
    has_layers: bool = False
    datasets: Mapping[str, tuple[tuple[int, int, int], int]] = MappingProxyType({})
    counted_options: tuple[str, ...] = ()

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
        """Return the nearest architectures of the space; only a restricted space changes rows."""
        return population

    def definition(self) -> dict[str, Any] | None:
        """Return the definition of the space, as JSON types; None where the name is enough.

        Called by a trial log, so that architectures can be read and a search resumed without the program that
        made the space. :meth:`.ConfigSpace.from_definition` reads it.
        """
        return None

    def fingerprint(self) -> str | None:
        """Return a digest of the definition, part of a trial log's identity; None where the name is enough."""
        return None

    @abstractmethod
    def encode(self, arch: Any) -> Population:
        """Return the genotype of one architecture in any notation of the space, shape ``(n_genes,)``.

        Called wherever a user passes an architecture.

        Raises:
            OutOfSpaceError: If the architecture does not belong to the space.
        """

    @abstractmethod
    def decode(self, row: NDArray[np.integer[Any]]) -> Any:
        """Return the hashable architecture of one genotype, as users see it."""

    @abstractmethod
    def build(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        n_classes: int = 10,
    ) -> nn.Module:
        """Return the network of one architecture as a torch module; only this method imports torch.

        Args:
            arch: The architecture in any notation of :meth:`encode`.
            input_shape: Channels, height and width of the input.
            n_classes: Number of classes.
        """

    @abstractmethod
    def describe(self, row: NDArray[np.integer[Any]]) -> dict[str, Any]:
        """Return one genotype in every notation of the space, as JSON types.

        Called for reports. The key ``architecture`` is required; :meth:`encode` must accept its value.
        """

    def without_inactive(self, architecture: Any) -> Any:
        """Return an architecture without the hyperparameters that are inactive in it; the same by default.

        Called where an architecture is shown. :meth:`encode` accepts the result.

        Args:
            architecture: The architecture as :meth:`decode` returns it, or as JSON types.
        """
        return architecture

    def parameters(self) -> Sequence[Hyperparameter]:
        """Return the hyperparameter of each gene: its name and values.

        Called where users or other programs see names instead of positions. By default these are ``gene0``,
        ``gene1`` and so on, whose values are indices.
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
        """Return the encodings for predictors, the most informative first.

        Called by :func:`.encode_features`, which also knows those of :func:`.register_encoding`.
        """
        return ONE_HOT, RAW

    def counts(self) -> Mapping[str, Count]:
        """Return the metrics that the space counts: functions of a population, by name of the metric.

        Called by evaluators, constraints, logs and tables. Names are those of the vocabulary, such as
        ``params`` and ``macs``. Empty by default; :class:`.LayerCounts` counts both from the layers.
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
            InvalidArgumentError: If the space has no ``layers``.
        """
        raise InvalidArgumentError(
            f"The space {self.name!r} does not define the layers of its networks, so their cost on a chip "
            f"cannot be counted; derive it from analognas.spaces.LayerCounts and implement `layers`."
        )

    def named_layers(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] | None = None,
        n_classes: int | None = None,
    ) -> Sequence[NamedLayers] | None:
        """Return the matrices of one network in execution order; None where the network must be built.

        Called for a table of costs, which then needs no torch. They equal those of the built network.

        Args:
            arch: The architecture in any notation of :meth:`encode`.
            input_shape: Channels, height and width of the input; None: the space's own.
            n_classes: Number of classes; None: the space's own.
        """
        return None

    def isomorphism_class(self, population: Population) -> NDArray[np.int64] | None:
        """Return the isomorphism class of every row, shape ``(n,)``; None where classes are unknown."""
        return None

    def json_texts(self, population: Population) -> list[str]:
        """Return the ``architecture`` of :meth:`describe` of every row, as JSON text.

        Called by a trial log with thousands of rows; override it for speed.
        """
        return [json.dumps(self.describe(row)["architecture"]) for row in population]

    def sample(self, n: int, *, generator: np.random.Generator, unique: bool = False) -> Population:
        """Draw ``n`` genotypes, shape ``(n, n_genes)``: every active gene uniform over its choices.

        Without inactive genes, this is uniform over architectures. With inactive genes it is uniform for each
        gene: one main block is as likely as five, although far more networks have five. Forbidden rows are
            drawn again.

        Args:
            n: Number of genotypes.
            generator: Source of randomness.
            unique: Whether to draw without replacement.

        Raises:
            InvalidArgumentError: If ``n`` is negative, or larger than the space with ``unique``.
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

        Genes that become active are drawn uniformly. Fine genes move by a normal step whose standard deviation
        is a fifth of their range.

        Args:
            population: Shape ``(n, n_genes)``.
            generator: Source of randomness.
            genes: Mask of the genes that may change, shape ``(n_genes,)``; all by default.

        Returns:
            A new population of the same shape; every row differs from its parent. With ``genes``, rows in which
            none of them can change are copies.
        """
        return moves.mutate(self, population, generator, genes=genes)

    def crossover(
        self, mothers: Population, fathers: Population, *, generator: np.random.Generator
    ) -> Population:
        """Uniform crossover: every gene comes from either parent with probability 1/2.

        A gene that is inactive in one parent comes from the other parent. A gene that is inactive in both, but
        active in the child, is drawn uniformly.

        Args:
            mothers: Shape ``(n, n_genes)``.
            fathers: Shape ``(n, n_genes)``.
            generator: Source of randomness.
        """
        return moves.crossover(self, mothers, fathers, generator)

    def neighbours(self, row: NDArray[np.integer[Any]]) -> Population:
        """Return all architectures that differ from ``row`` in one gene, shape ``(k, n_genes)``.

        In a plain space ``k`` is ``sum(n_choices - 1)``. Fine genes change by powers of two. A block appears
        with the first choices of its genes and disappears from them, so that the relation is symmetric.
        """
        return moves.neighbours(self, row)

    def population(self, architectures: Any) -> Population:
        """Check and encode many architectures, shape ``(n, n_genes)``.

        Args:
            architectures: An integer matrix of genotypes, or a sequence of architectures in any notation of
                :meth:`encode`.

        Raises:
            OutOfSpaceError: If an architecture does not belong to the space; names it.
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
        """Return whether a flat sequence looks like one genotype rather than a list of architectures."""
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
        # As unsigned integers, negative entries are too large as well: one comparison finds both.
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
