"""Genotypes: rows of small integers, their active genes, and their codes."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_int

__all__ = ["Genotypes", "Population", "row_texts"]

Population: TypeAlias = NDArray[np.signedinteger[Any]]
"""Integer matrix, shape ``(n, n_genes)``: each row is an architecture, each entry the index of a choice."""

_MOST_CHOICES = 2**31
_MOST_ENUMERATED = 2**22
_TEXTS = tuple(map(str, range(128)))


class Genotypes(ABC):  # noqa: B024  the abstract methods are in Space
    """The genotypes of a space: the choices of each gene, and which rows are architectures.

    Used by :mod:`.moves`; :class:`.Space` defines the meaning of a row. The attributes are those of
    :class:`.Space`.

    Args:
        name: Name of the space.
        n_choices: Number of choices of each gene.
        fine: Which genes are fine grids; none by default.
        constrained: Whether genes may be inactive or combinations forbidden.

    Raises:
        InvalidArgumentError: If a gene has no choice or more than 2^31.
    """

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

    def _set_genes(
        self, n_choices: Sequence[int], *, fine: Sequence[bool] | None, constrained: bool
    ) -> None:
        """Set the genes and their codes; called again when a space grows."""
        self.n_choices = np.array(
            [check_int("n_choices", n, minimum=1, maximum=_MOST_CHOICES) for n in n_choices],
            dtype=np.int64,
        )
        self.n_genes = len(self.n_choices)
        self.n_genotypes: int = math.prod(self.n_choices.tolist())
        self.dtype = np.min_scalar_type(-int(self.n_choices.max(initial=1)))
        self.fine = np.zeros(self.n_genes, dtype=bool) if fine is None else np.array(fine, bool)
        self.has_integer_codes = self.n_genotypes < 2**63
        self.constrained = constrained
        self.plain = not (constrained or self.fine.any())
        self._n_choices_unsigned = self.n_choices.astype(f"u{self.dtype.itemsize}")
        self.free_genes = np.flatnonzero(self.n_choices > 1)
        # Mixed radix with the first gene most significant, so that codes sort like genotypes.
        self._weights = (
            np.append(np.cumprod(self.n_choices[:0:-1])[::-1], 1)
            if self.has_integer_codes
            else np.empty(0, dtype=np.int64)
        )

    @property
    def size(self) -> int:
        """Number of architectures: allowed genotypes whose inactive genes are 0."""
        return self.count() if self.constrained else self.n_genotypes

    def count(self) -> int:
        """Return the number of architectures; called by :attr:`size` in constrained spaces."""
        return self.n_genotypes

    def active(self, population: Population) -> NDArray[np.bool_]:
        """Return which genes are active, shape ``(n, n_genes)``.

        Rows need not be canonical. Whether a gene is active may only depend on active genes.
        """
        return np.ones(population.shape, dtype=bool)

    def allowed(self, population: Population) -> NDArray[np.bool_]:
        """Return which canonical rows are not forbidden, shape ``(n,)``."""
        return np.ones(len(population), dtype=bool)

    def canonical(self, population: Population) -> Population:
        """Return the population with 0 in every inactive gene, so that equal architectures are equal rows."""
        if not self.constrained:
            return population
        rows: Population = np.where(self.active(population), population, self.dtype.type(0))
        return rows

    def sample_rare(self, n: int, *, generator: np.random.Generator) -> Population | None:
        """Draw ``n`` allowed rows without rejection; None where the space cannot.

        Called by :meth:`.Space.sample` where few combinations are allowed.
        """
        return None

    def every(self) -> Population:
        """Return all architectures in the order of their codes, shape ``(size, n_genes)``.

        Raises:
            InvalidArgumentError: If there are more than 2^22 genotypes.
        """
        return self.from_codes(np.flatnonzero(self.is_architecture()))

    def is_architecture(self) -> NDArray[np.bool_]:
        """Return whether the row of each code is an architecture, shape ``(n_genotypes,)``.

        Raises:
            InvalidArgumentError: If there are more than 2^22 genotypes.
        """
        if self.n_genotypes > _MOST_ENUMERATED:
            raise InvalidArgumentError(
                f"At most {_MOST_ENUMERATED:,} genotypes can be listed, but {self.name!r} has "
                f"{Decimal(self.n_genotypes):.4g}; sample it instead."
            )
        if not self.constrained:
            return np.ones(self.n_genotypes, dtype=bool)
        rows = self.from_codes(np.arange(self.n_genotypes))
        canonical: NDArray[np.bool_] = (self.canonical(rows) == rows).all(axis=1)
        return canonical & self.allowed(rows)

    def codes(self, population: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Return a code of every row, shape ``(n,)``. Equal rows have equal codes, and codes sort like rows.

        With fewer than 2^63 genotypes, codes are mixed-radix integers in ``[0, n_genotypes)``, int64. Codes of
        larger spaces are byte strings, the big-endian bytes of the row. Both are hashable after ``tolist()``.
        """
        if self.has_integer_codes:
            codes: NDArray[np.int64] = population.dot(self._weights)
            return codes
        big_endian = np.ascontiguousarray(population, dtype=self.dtype.newbyteorder(">"))
        return big_endian.view(self._key_dtype)[:, 0]

    def from_codes(self, codes: Any) -> Population:
        """Return the rows of codes: shape ``(n,)`` to ``(n, n_genes)``."""
        if not self.has_integer_codes:
            keys = np.ascontiguousarray(codes, dtype=self._key_dtype)[:, None]
            return keys.view(self.dtype.newbyteorder(">")).astype(self.dtype)
        column = np.asarray(codes, dtype=np.int64)[:, None]
        return np.asarray((column // self._weights) % self.n_choices).astype(self.dtype)

    @property
    def _key_dtype(self) -> np.dtype[np.bytes_]:
        # numpy hides zeros at the end, but the length is fixed, so codes stay distinct.
        return np.dtype(f"S{self.n_genes * self.dtype.itemsize}")


def row_texts(population: Population) -> list[str]:
    """Return each genotype as JSON text, a list of integers.

    Args:
        population: Shape ``(n, n_genes)``.

    Example:
        >>> import numpy as np
        >>> row_texts(np.array([[3, 1], [0, 4]], dtype=np.int8))
        ['[3, 1]', '[0, 4]']
    """
    if population.dtype.itemsize > 1 or not population.size or population.min() < 0:
        return list(map(str, population.tolist()))
    # Twice as fast as converting row by row.
    columns = [map(_TEXTS.__getitem__, column) for column in population.T.tolist()]
    return [f"[{text}]" for text in map(", ".join, zip(*columns, strict=True))]
