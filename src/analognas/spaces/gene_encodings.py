"""The class of encodings, and the encodings of genes, which all spaces have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .genotypes import Genotypes, Population

__all__ = ["ONE_HOT", "RAW", "Encoding", "Features", "where_listed"]

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """A conversion of genotypes to features.

    Attributes:
        name: Name of the encoding, without ``+``, which joins encodings.
        features: Function of a space and a population, shape ``(n, n_genes)``; returns features, shape ``(n,
            d)``.
        names: Function of a space that returns the names of the ``d`` columns.
        applies: Whether a registered encoding is available for a space; by default for all.

    Example:
        >>> def total(space, rows):
        ...     return rows.sum(axis=1, keepdims=True)
        >>> encoding = Encoding("total", total, lambda space: ("sum",))
        >>> encoding.features(None, np.array([[1, 2, 3]]))
        array([[6]])
    """

    name: str
    features: Callable[[Any, Population], NDArray[Any]]
    names: Callable[[Any], tuple[str, ...]]
    applies: Callable[[Any], bool] = lambda space: True


def where_listed(space: Any) -> bool:
    """Return False: for ``applies`` of encodings that only spaces with their own list have."""
    return False


def _raw(space: Genotypes, population: Population) -> Features:
    return population.astype(np.float32)


def _raw_names(space: Genotypes) -> tuple[str, ...]:
    return tuple(f"gene{gene}" for gene in range(space.n_genes))


def _one_hot(space: Genotypes, population: Population) -> Features:
    """Return a column for each choice (all 0 where the gene is inactive); fine grids have one from 0 to 1."""
    columns = np.append(0, np.cumsum(np.where(space.fine, 1, space.n_choices)))
    features = np.zeros((len(population), columns[-1]), dtype=np.float32)
    shares = population[:, space.fine] / (space.n_choices[space.fine] - 1)
    features[:, columns[:-1][space.fine]] = shares
    coarse = np.flatnonzero(~space.fine)
    active = space.active(population)[:, coarse]
    chosen = columns[coarse] + population[:, coarse]
    features[np.arange(len(population))[:, None], chosen] = active
    return features


def _one_hot_names(space: Genotypes) -> tuple[str, ...]:
    names: list[str] = []
    for gene, (n, fine) in enumerate(zip(space.n_choices, space.fine, strict=True)):
        names += [f"gene{gene}"] if fine else [f"gene{gene}={choice}" for choice in range(n)]
    return tuple(names)


ONE_HOT = Encoding("one_hot", _one_hot, _one_hot_names)
RAW = Encoding("raw", _raw, _raw_names)
