"""Ranks of architectures with several objectives: non-dominated fronts and crowding distances.

Source: Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE Transactions on
Evolutionary Computation 6, 2002.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["crowding_distances", "front_ranks"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def front_ranks(costs: Floats) -> Ints:
    """Return the number of the non-dominated front of each row, from 0, shape ``(n,)``.

    Args:
        costs: Shape ``(n, n_objectives)``, smaller is better, without NaN.

    Example:
        >>> front_ranks(np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])).tolist()
        [0, 0, 1]
    """
    import moocore

    if costs.shape[1] == 1:
        return np.unique(costs[:, 0], return_inverse=True)[1]
    return np.asarray(moocore.pareto_rank(costs), dtype=np.int64)


def crowding_distances(costs: Floats, ranks: Ints) -> Floats:
    """Return the crowding distance of each row within its front, shape ``(n,)``; infinite at the ends.

    It is the sum over objectives of the distance between the next smaller and the next larger cost in the
    front, divided by the range of the front.

    Args:
        costs: Shape ``(n, n_objectives)``.
        ranks: Number of the front of each row, shape ``(n,)``.

    Example:
        >>> costs = np.array([[0.0, 4.0], [1.0, 2.0], [4.0, 0.0], [5.0, 5.0]])
        >>> crowding_distances(costs, np.array([0, 0, 0, 1])).tolist()
        [inf, 2.0, inf, inf]
    """
    total = np.zeros(len(costs))
    for column in costs.T:
        order = np.lexsort((column, ranks))
        value, rank = column[order], ranks[order]
        first = np.append(True, rank[1:] != rank[:-1])
        last = np.append(first[1:], True)
        group = np.cumsum(first) - 1
        span = (value[last] - value[first])[group]
        gap = np.zeros(len(costs))
        gap[1:-1] = value[2:] - value[:-2]
        gap = np.where(span > 0, gap / np.where(span > 0, span, 1.0), 0.0)
        total[order] += np.where(first | last, np.inf, gap)
    return total
