"""What a search space is: architectures as rows of an integer matrix, and the moves between them."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, OutOfSpaceError, check_int
from . import moves

if TYPE_CHECKING:
    from torch import nn

Population: TypeAlias = NDArray[np.signedinteger[Any]]
"""Integer matrix, shape ``(n, n_genes)``: one architecture a row, the index of one choice a column."""

_MOST_CHOICES = 2**31
_MOST_ENUMERATED = 2**22


class Space(ABC):
    """A finite space: genotypes of fixed length whose genes are indices into lists of choices.

    Subclasses say what a genotype means (:meth:`encode`, :meth:`decode`, :meth:`build`); the moves of the
    search algorithms are here, vectorised over a population and written once. Methods that take a
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
    """

    restriction: str | None = None

    def __init__(
        self,
        name: str,
        n_choices: Sequence[int],
        *,
        fine: Sequence[bool] | None = None,
        constrained: bool = False,
    ) -> None:
        self.name = name
        self._set_genes(n_choices, fine=fine, constrained=constrained)
        if self.n_genotypes < 2:
            raise InvalidArgumentError(
                f"A space must have at least 2 genotypes, but {name!r} has {self.n_genotypes}."
            )

    def _set_genes(
        self, n_choices: Sequence[int], *, fine: Sequence[bool] | None, constrained: bool
    ) -> None:
        """Lay out genes and codes; called anew by spaces that grow."""
        self.n_choices = np.array(
            [check_int("n_choices", n, minimum=1, maximum=_MOST_CHOICES) for n in n_choices],
            dtype=np.int64,
        )
        self.n_genes = len(self.n_choices)
        self.n_genotypes: int = math.prod(self.n_choices.tolist())
        self.dtype = np.min_scalar_type(-int(self.n_choices.max(initial=1)))
        self.fine = np.zeros(self.n_genes, dtype=bool) if fine is None else np.array(fine, bool)
        self.has_integer_codes = self.n_genotypes < 2**63
        self._constrained = constrained
        self._plain = not (constrained or self.fine.any())
        self._n_choices_unsigned = self.n_choices.astype(f"u{self.dtype.itemsize}")
        self._free_genes = np.flatnonzero(self.n_choices > 1)
        # Mixed radix, the first gene most significant: codes sort like genotypes do.
        self._weights = (
            np.append(np.cumprod(self.n_choices[:0:-1])[::-1], 1)
            if self.has_integer_codes
            else np.empty(0, dtype=np.int64)
        )

    @property
    def size(self) -> int:
        """Number of architectures: of genotypes whose inactive genes are 0 and that are not forbidden."""
        return self.count() if self._constrained else self.n_genotypes

    def count(self) -> int:
        """Count the architectures; called by :attr:`size` where genes may be inactive or rows forbidden."""
        return self.n_genotypes

    def active(self, population: Population) -> NDArray[np.bool_]:
        """Which genes say something about their rows' architectures, shape ``(n, n_genes)``.

        Called with rows that need not be canonical. Whether a gene is active may depend on active genes only.
        """
        return np.ones(population.shape, dtype=bool)

    def allowed(self, population: Population) -> NDArray[np.bool_]:
        """Which rows are not forbidden, shape ``(n,)``; called with canonical rows."""
        return np.ones(len(population), dtype=bool)

    def canonical(self, population: Population) -> Population:
        """Return the population with 0 in every inactive gene: equal architectures become equal rows."""
        if not self._constrained:
            return population
        rows: Population = np.where(self.active(population), population, self.dtype.type(0))
        return rows

    def sample_rare(self, n: int, *, generator: np.random.Generator) -> Population | None:
        """Draw ``n`` allowed rows without rejection, or None where the space cannot.

        Called by :meth:`sample` where hardly any combination of choices is allowed.
        """
        return None

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
        n = moves.check_draw(n, generator)
        if unique and not self._constrained and self.has_integer_codes:
            moves.check_enough(self, n, self.size)
            return self.from_codes(generator.choice(self.size, n, replace=False))
        if unique:
            return moves.sample_unique(self, n, generator)
        if self._constrained:
            return moves.sample(self, n, generator)
        draws = generator.random((n, self.n_genes)) * self.n_choices
        return draws.astype(self.dtype)

    def every(self) -> Population:
        """Return all architectures in the order of their codes, shape ``(size, n_genes)``.

        Raises:
            InvalidArgumentError: If there are more than 2^22 genotypes.
        """
        return self.from_codes(np.flatnonzero(self.is_architecture()))

    def is_architecture(self) -> NDArray[np.bool_]:
        """Tell of every code whether its row is an architecture (canonical, allowed), shape ``(n_genotypes,)``.

        Raises:
            InvalidArgumentError: If there are more than 2^22 genotypes.
        """
        if self.n_genotypes > _MOST_ENUMERATED:
            raise InvalidArgumentError(
                f"At most {_MOST_ENUMERATED:,} genotypes can be listed, but {self.name!r} has "
                f"{Decimal(self.n_genotypes):.4g}; sample it instead."
            )
        if not self._constrained:
            return np.ones(self.n_genotypes, dtype=bool)
        rows = self.from_codes(np.arange(self.n_genotypes))
        canonical: NDArray[np.bool_] = (self.canonical(rows) == rows).all(axis=1)
        return canonical & self.allowed(rows)

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
        if genes is not None:
            return moves.mutate_genes(self, population, np.asarray(genes, dtype=bool), generator)
        if not len(self._free_genes):
            raise InvalidArgumentError(
                f"{self.name!r} has one architecture only; it cannot change."
            )
        if not self._plain:
            return moves.mutate(self, population, generator)
        n = len(population)
        draws = generator.random(2 * n)
        chosen = self._free_genes.take((draws[:n] * len(self._free_genes)).astype(np.int64))
        choices = self.n_choices.take(chosen)
        steps = 1 + (draws[n:] * (choices - 1)).astype(np.int64)
        children = population.copy()
        # One index is quicker than two: the population as one long row.
        flat = children.reshape(-1)
        places = chosen + np.arange(0, flat.size, self.n_genes)
        flat[places] = (flat.take(places) + steps) % choices
        return children

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
        if self._constrained:
            return moves.crossover(self, mothers, fathers, generator)
        children: Population = np.where(generator.random(mothers.shape) < 0.5, mothers, fathers)
        return children

    def neighbours(self, row: NDArray[np.integer[Any]]) -> Population:
        """All architectures whose genotypes differ from ``row`` in one gene, shape ``(k, n_genes)``.

        In a plain space ``k`` is ``sum(n_choices - 1)``. Fine genes change by powers of two. A block appears
        with, and disappears from, the first choices of its own genes, so that being neighbours is mutual.
        """
        if not self._plain:
            return moves.neighbours(self, row)
        genes = np.repeat(np.arange(self.n_genes), self.n_choices - 1)
        steps = np.concatenate([np.arange(1, n) for n in self.n_choices])
        result: Population = np.tile(np.asarray(row, dtype=self.dtype), (len(genes), 1))
        rows = np.arange(len(genes))
        result[rows, genes] = (result[rows, genes] + steps) % self.n_choices[genes]
        return result

    def codes(self, population: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Key of every row, shape ``(n,)``: equal rows, equal keys, and keys sort like rows.

        With fewer than 2^63 genotypes the key is the row's mixed-radix integer in ``[0, n_genotypes)``, int64.
        Larger spaces have byte strings, the row's big-endian bytes. Either is hashable after ``tolist()``.
        """
        if self.has_integer_codes:
            codes: NDArray[np.int64] = population.dot(self._weights)
            return codes
        big_endian = np.ascontiguousarray(population, dtype=self.dtype.newbyteorder(">"))
        return big_endian.view(self._key_dtype)[:, 0]

    def from_codes(self, codes: Any) -> Population:
        """Inverse of :meth:`codes`: shape ``(n,)`` to ``(n, n_genes)``."""
        if not self.has_integer_codes:
            keys = np.ascontiguousarray(codes, dtype=self._key_dtype)[:, None]
            return keys.view(self.dtype.newbyteorder(">")).astype(self.dtype)
        column = np.asarray(codes, dtype=np.int64)[:, None]
        return np.asarray((column // self._weights) % self.n_choices).astype(self.dtype)

    @property
    def _key_dtype(self) -> np.dtype[np.bytes_]:
        # Zeros at the end are not shown by numpy, but length is fixed, so keys stay distinct.
        return np.dtype(f"S{self.n_genes * self.dtype.itemsize}")

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
        if self._constrained and not (allowed := self.allowed(rows)).all():
            self.encode(self.decode(rows[int(allowed.argmin())]))
        return rows

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_genes} genes, {self.size} architectures)"
