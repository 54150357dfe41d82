"""Counts of networks that are built for an input of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError
from .base import Population, Space

__all__ = ["count_networks"]


def count_networks(
    space: Space, metric: str, population: Population, options: Mapping[str, Any]
) -> NDArray[Any]:
    """Return what a space counts of networks, shape ``(n,)``; NaN where a network cannot be built.

    Args:
        space: The space.
        metric: Name of the count, one of :meth:`.Space.counts`.
        population: Genotypes, shape ``(n, n_genes)``.
        options: Input and options of the networks, as the count takes them.

    Example:
        >>> from analognas.spaces import SPACES
        >>> space = SPACES.get("nasbench201")()
        >>> count_networks(space, "params", space.population([(2, 2, 0, 4, 2, 1)]), {})
        array([802426])
    """
    count = space.counts()[metric]
    try:
        return np.asarray(count(population, **options))
    except InvalidArgumentError:
        if len(population) == 1:
            return np.full(1, np.nan)
    rows = [population[at : at + 1] for at in range(len(population))]
    return np.concatenate([count_networks(space, metric, row, options) for row in rows])
