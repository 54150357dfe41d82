"""Counts of a cell's operations, as features for costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .canonical import reaches_output
from .operations import EDGES, N_NODES, NONE, OPERATIONS

_COUNTED = tuple(number for number in range(len(OPERATIONS)) if number != NONE)


def operation_count_names() -> tuple[str, ...]:
    """Return the names of the columns of :func:`operation_counts`."""
    names = [OPERATIONS[number] for number in _COUNTED]
    prefixes = ("", "used_", "live_")
    return (*(f"{prefix}{name}" for prefix in prefixes for name in names), "connected")


def operation_counts(population: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return counts of a cell's operations, shape ``(n, 13)``.

    First, how often each operation except ``none`` occurs; then how often it occurs such that its result
    reaches the output (all zero if the cell does not depend on its input, as a compiler may fold such a cell
    into a constant); then those of them that also depend on the input; last, whether the cell depends on its
    input.

    Args:
        population: Shape ``(n, 6)``.

    Example:
        >>> operation_counts(np.array([[1, 2, 1, 3, 4, 1]], dtype=np.int8)).tolist()
        [[0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
        >>> operation_counts(np.array([[2, 0, 0, 3, 1, 1]], dtype=np.int8)).tolist()
        [[2, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]]
    """
    population = np.asarray(population)
    open_edges = population != NONE
    connected = reaches_output(population)
    from_input, to_output = _reached(open_edges)
    used = np.stack([open_edges[:, e] & to_output[:, b] for e, (_, b) in enumerate(EDGES)], axis=1)
    used &= connected[:, None]
    live = used & np.stack([from_input[:, a] for a, _ in EDGES], axis=1)
    columns = [
        (mask & (population == number)).sum(axis=1)
        for mask in (open_edges, used, live)
        for number in _COUNTED
    ]
    return np.stack([*columns, connected.astype(np.int64)], axis=1)


def _reached(open_edges: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which nodes depend on the input, and which affect the output, shape ``(n, 4)`` each."""
    n = len(open_edges)
    from_input, to_output = np.zeros((n, N_NODES), dtype=bool), np.zeros((n, N_NODES), dtype=bool)
    from_input[:, 0], to_output[:, -1] = True, True
    order = sorted(range(len(EDGES)), key=lambda edge: EDGES[edge][1])
    for edge in order:
        source, target = EDGES[edge]
        from_input[:, target] |= open_edges[:, edge] & from_input[:, source]
    for edge in sorted(order, key=lambda edge: -EDGES[edge][0]):
        source, target = EDGES[edge]
        to_output[:, source] |= open_edges[:, edge] & to_output[:, target]
    return from_input, to_output
