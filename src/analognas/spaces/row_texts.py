"""Genotypes as JSON text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Population

_TEXTS = tuple(map(str, range(128)))


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
