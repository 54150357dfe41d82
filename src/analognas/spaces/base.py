"""What a search space is: architectures as rows of an integer matrix, and the moves between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, OutOfSpaceError, check_int

if TYPE_CHECKING:
    from torch import nn

Population: TypeAlias = NDArray[np.int8]
"""Integer matrix, shape ``(n, n_genes)``: one architecture a row, the index of one choice a column."""


class Space(ABC):
    """A finite space: genotypes of fixed length whose genes are indices into lists of choices.

    Subclasses say what a genotype means (:meth:`encode`, :meth:`decode`, :meth:`build`); the moves of the
    search algorithms are here, vectorised over a population and written once. Methods that take a
    population trust it; :meth:`population` and :meth:`encode` are the border where architectures are checked.

    Args:
        name: Name of the space in the registry.
        n_choices: Number of choices of each gene.

    Attributes:
        name: Name of the space.
        n_choices: Number of choices of each gene, shape ``(n_genes,)``.
        n_genes: Length of a genotype.
        size: Number of genotypes.
    """

    def __init__(self, name: str, n_choices: Sequence[int]) -> None:
        self.name = name
        self.n_choices = np.array(
            [check_int("n_choices", n, minimum=1, maximum=127) for n in n_choices], dtype=np.int64
        )
        self.n_genes = len(self.n_choices)
        self.size = int(np.prod(self.n_choices))
        # Mixed radix, the first gene most significant: codes sort like genotypes do.
        self._weights = np.append(np.cumprod(self.n_choices[:0:-1])[::-1], 1)
        self._n_choices_unsigned = self.n_choices.astype(np.uint8)
        self._free_genes = np.flatnonzero(self.n_choices > 1)

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

    def describe(self, row: NDArray[np.integer[Any]]) -> dict[str, Any]:
        """Return the architecture in every notation of the space, as plain JSON types, for reports."""
        return {"architecture": np.asarray(row).tolist()}

    def sample(self, n: int, *, generator: np.random.Generator, unique: bool = False) -> Population:
        """Draw ``n`` genotypes uniformly, shape ``(n, n_genes)``.

        Args:
            n: Number of genotypes.
            generator: Source of randomness.
            unique: Draw without replacement.

        Raises:
            InvalidArgumentError: If ``unique`` and the space is smaller than ``n``.
        """
        if not unique:
            draws = generator.random((n, self.n_genes)) * self.n_choices
            return draws.astype(np.int8)
        if n > self.size:
            raise InvalidArgumentError(
                f"`n` must be at most {self.size}, the size of {self.name}, to sample without "
                f"replacement, but got {n}."
            )
        return self.from_codes(generator.choice(self.size, n, replace=False))

    def mutate(self, population: Population, *, generator: np.random.Generator) -> Population:
        """Change one gene of every row to another of its choices, both drawn uniformly.

        Returns:
            A new population of the same shape; every row differs from its parent in exactly one gene.
        """
        n = len(population)
        draws = generator.random(2 * n)
        genes = self._free_genes[(draws[:n] * len(self._free_genes)).astype(np.int64)]
        choices = self.n_choices[genes]
        steps = 1 + (draws[n:] * (choices - 1)).astype(np.int64)
        children = population.copy()
        rows = np.arange(n)
        children[rows, genes] = (population[rows, genes] + steps) % choices
        return children

    def crossover(
        self, mothers: Population, fathers: Population, *, generator: np.random.Generator
    ) -> Population:
        """Uniform crossover: every gene comes from either parent with probability 1/2.

        Args:
            mothers: Shape ``(n, n_genes)``.
            fathers: Shape ``(n, n_genes)``.
            generator: Source of randomness.
        """
        children: Population = np.where(generator.random(mothers.shape) < 0.5, mothers, fathers)
        return children

    def neighbours(self, row: NDArray[np.integer[Any]]) -> Population:
        """All genotypes that differ from ``row`` in one gene, shape ``(sum(n_choices - 1), n_genes)``."""
        genes = np.repeat(np.arange(self.n_genes), self.n_choices - 1)
        steps = np.concatenate([np.arange(1, n) for n in self.n_choices])
        result: Population = np.tile(np.asarray(row, dtype=np.int8), (len(genes), 1))
        rows = np.arange(len(genes))
        result[rows, genes] = (result[rows, genes] + steps) % self.n_choices[genes]
        return result

    def codes(self, population: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Mixed-radix integer of every row in ``[0, size)``, shape ``(n,)``: equal rows, equal codes."""
        codes: NDArray[np.int64] = population @ self._weights
        return codes

    def from_codes(self, codes: Any) -> Population:
        """Inverse of :meth:`codes`: shape ``(n,)`` to ``(n, n_genes)``."""
        column = np.asarray(codes, dtype=np.int64)[:, None]
        rows: Population = ((column // self._weights) % self.n_choices).astype(np.int8)
        return rows

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
        if isinstance(architectures, str) or not hasattr(architectures, "__iter__"):
            raise OutOfSpaceError(
                f"A population is a matrix of genotypes or a sequence of architectures, but got "
                f"{architectures!r}; put a single architecture into a list."
            )
        rows = [self.encode(arch) for arch in architectures]
        return np.array(rows, dtype=np.int8).reshape(len(rows), self.n_genes)

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
            self.encode(matrix[int(outside.any(axis=1).argmax())])
        return matrix.astype(np.int8, copy=False)

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_genes} genes, {self.size} architectures)"
