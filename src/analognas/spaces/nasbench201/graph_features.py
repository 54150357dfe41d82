"""Features of a cell that are invariant under isomorphism: 88 counts.

A cell is represented by the expression of its output (see :mod:`.canonical`): operations applied to sums of
terms, down to the cell's input. Skip connections are contracted, and parts cut off by ``none`` are removed. The
counts are those of

- *paths* from input to output, by sequence of operations (40 sequences of at most three), with the maximum,
  minimum and total of each operation, first and last operations, and pairs of successive operations;
- *applied* operations: how often each occurs in the expression;
- *inputs* (fan-in): terms of the output's sum by kind, terms of the widest sum, convolutions of sums;
- *unfed* convolutions: those on the last edge whose input is a sum of zeros. They carry no signal, but cost
  accuracy on an analog chip (their batch norm rescales noise), so they are counted separately.

Like isomorphism classes, the features do not distinguish a convolution of the first node's zeros from ``none``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .operations import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, N_NODES, NONE, SKIP

Counts = NDArray[np.int64]

_KINDS = {CONV_3X3: "conv3x3", CONV_1X1: "conv1x1", AVG_POOL: "pool"}
_CONVOLUTIONS = (CONV_3X3, CONV_1X1)
_SEQUENCES = [sequence for length in range(N_NODES) for sequence in product(_KINDS, repeat=length)]
_INDEX = {sequence: index for index, sequence in enumerate(_SEQUENCES)}
_LAST_NODE = N_NODES - 1

# Counts along one path: name, and number in a sequence.
_ALONG: dict[str, Callable[[tuple[int, ...]], int]] = {
    "operations": len,
    "conv3x3": lambda sequence: sequence.count(CONV_3X3),
    "conv1x1": lambda sequence: sequence.count(CONV_1X1),
    "pool": lambda sequence: sequence.count(AVG_POOL),
    "convolutions": lambda sequence: len(sequence) - sequence.count(AVG_POOL),
    "spatial": lambda sequence: len(sequence) - sequence.count(CONV_1X1),
}


@dataclass
class _Node:
    """Properties of one node's sum in every cell.

    Attributes:
        fed: Whether the node depends on the input, shape ``(n,)``.
        paths: Number of paths from the input by sequence, shape ``(n, 40)``.
        applied: Number of operations in its expression by kind, shape ``(n, 3)``.
        terms: Number of terms of its sum by kind, the input itself last, shape ``(n, 4)``.
        of_sums: Number of convolutions in its expression of sums of several terms, shape ``(n, 2)``.
        widest: Number of terms of the widest sum in its expression, shape ``(n,)``.
    """

    fed: NDArray[np.bool_]
    paths: Counts
    applied: Counts
    terms: Counts
    of_sums: Counts
    widest: Counts

    @classmethod
    def empty(cls, n: int) -> _Node:
        """Return a node without inputs, in ``n`` cells."""
        return cls(
            fed=np.zeros(n, dtype=bool),
            paths=np.zeros((n, len(_SEQUENCES)), dtype=np.int64),
            applied=np.zeros((n, len(_KINDS)), dtype=np.int64),
            terms=np.zeros((n, len(_KINDS) + 1), dtype=np.int64),
            of_sums=np.zeros((n, len(_CONVOLUTIONS)), dtype=np.int64),
            widest=np.zeros(n, dtype=np.int64),
        )

    def add(self, source: _Node, operation: NDArray[np.integer[Any]]) -> None:
        """Add the term from ``source`` over an edge with ``operation``, shape ``(n,)``."""
        arrives = source.fed & (operation != NONE)
        skips = arrives & (operation == SKIP)
        self.fed |= arrives
        self.paths[skips] += source.paths[skips]
        self.terms[skips] += source.terms[skips]
        self.applied[arrives] += source.applied[arrives]
        self.of_sums[arrives] += source.of_sums[arrives]
        self.widest[arrives] = np.maximum(self.widest, source.widest)[arrives]
        for kind, number in enumerate(_KINDS):
            rows = np.flatnonzero(arrives & (operation == number))
            self.terms[rows, kind] += 1
            self.applied[rows, kind] += 1
            if number in _CONVOLUTIONS:
                self.of_sums[rows, kind] += source.terms[rows].sum(axis=1) > 1
            for sequence, longer in _extensions(number):
                self.paths[rows, longer] += source.paths[rows, sequence]


def graph_features(population: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """Return the features of every cell, shape ``(n, 88)``; columns as in :func:`graph_feature_names`.

    Args:
        population: Shape ``(n, 6)``.
    """
    n = len(population)
    nodes = [_Node.empty(n) for _ in range(N_NODES)]
    nodes[0].fed[:] = True
    nodes[0].paths[:, 0] = nodes[0].terms[:, -1] = nodes[0].widest[:] = 1
    for target in range(1, N_NODES):
        for gene, (source, end) in enumerate(EDGES):
            if end == target:
                nodes[target].add(nodes[source], population[:, gene])
        widths = nodes[target].terms.sum(axis=1)
        nodes[target].widest = np.maximum(nodes[target].widest, widths)
    output = nodes[_LAST_NODE]
    last_edge = population[:, EDGES.index((_LAST_NODE - 1, _LAST_NODE))]
    unfed = [~nodes[_LAST_NODE - 1].fed & (last_edge == number) for number in _CONVOLUTIONS]
    columns = [
        output.paths,
        *_along_paths(output.paths),
        output.paths @ _path_statistics(),
        output.applied,
        output.terms,
        output.of_sums,
        output.terms.sum(axis=1),
        output.widest,
        *unfed,
    ]
    return np.column_stack(columns).astype(np.float32)


@lru_cache(maxsize=1)
def graph_feature_names() -> tuple[str, ...]:
    """Return the names of the 88 features.

    Example:
        >>> graph_feature_names()[:3], graph_feature_names()[-2:]
        (('path:input', 'path:conv3x3', 'path:conv1x1'), ('unfed:conv3x3', 'unfed:conv1x1'))
    """
    kinds = list(_KINDS.values())
    convolutions = [_KINDS[number] for number in _CONVOLUTIONS]
    paths = [".".join(_KINDS[number] for number in s) or "input" for s in _SEQUENCES]
    return (
        *(f"path:{path}" for path in paths),
        *(f"{end}:{name}" for name in _ALONG for end in ("most", "least")),
        "paths",
        "distinct_paths",
        *(f"total:{name}" for name in _ALONG),
        *(f"{end}:{kind}" for end in ("first", "last") for kind in kinds),
        *(f"pair:{one}.{other}" for one in kinds for other in kinds),
        *(f"applied:{kind}" for kind in kinds),
        *(f"output_term:{kind}" for kind in (*kinds, "input")),
        *(f"of_sum:{kind}" for kind in convolutions),
        "output_terms",
        "widest_sum",
        *(f"unfed:{kind}" for kind in convolutions),
    )


def _extensions(number: int) -> list[tuple[int, int]]:
    """Return pairs of sequences: one that can be extended by an operation, and the extended one."""
    return [
        (index, _INDEX[(*sequence, number)])
        for sequence, index in _INDEX.items()
        if len(sequence) < _LAST_NODE
    ]


def _along_paths(paths: Counts) -> list[Counts]:
    """Return the maximum and minimum of each count over a cell's paths, then the numbers of paths and kinds.

    Without paths, the maximum is -1, and the minimum is one more than any path can have.
    """
    present = paths > 0
    columns = []
    for count in _ALONG.values():
        values = np.array([count(sequence) for sequence in _SEQUENCES])
        columns.append(np.where(present, values, -1).max(axis=1))
        columns.append(np.where(present, values, N_NODES).min(axis=1))
    return [*columns, paths.sum(axis=1), present.sum(axis=1)]


@lru_cache(maxsize=1)
def _path_statistics() -> Counts:
    """Return the contribution of each sequence to totals, ends and pairs, shape ``(40, 21)``."""
    rows = []
    for sequence in _SEQUENCES:
        totals = [count(sequence) for count in _ALONG.values()]
        ends = [
            sequence[at : at + 1] == (kind,) for at in (0, len(sequence) - 1) for kind in _KINDS
        ]
        steps = list(pairwise(sequence))
        pairs = [steps.count((one, other)) for one, other in product(_KINDS, repeat=2)]
        rows.append([*totals, *ends, *pairs])
    return np.array(rows, dtype=np.int64)
