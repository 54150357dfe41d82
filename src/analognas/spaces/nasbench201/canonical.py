"""Canonical forms and isomorphism classes of cells.

Two cells compute the same function if one becomes the other by contracting skip connections, removing what
depends on a ``none`` only, and reordering the inputs of nodes. The rule is that of NAS-Bench-201 with its 6,466
unique cells: a node is an expression, namely the sorted sum of its inputs; ``0`` is the cell's input,
    ``(e)@op``
an operation on the expression ``e``, and ``#`` a zero input. The rule never merges cells that differ, but
misses some that are equal: a sum passed on by a skip connection is not sorted again, zeros stay in sums, and a
node of zeros only counts as zero only if it has one input.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .operations import EDGES, NONE, OPERATIONS, SKIP

_ZERO = "#"
_INPUT = "0"


def canonical_form(cell: tuple[int, ...]) -> str:
    """Return the expression of a cell's output; equal expressions mean equal networks.

    Example:
        >>> canonical_form((2, 1, 1, 1, 0, 1))
        '#+#+(0)@nor_conv_3x3'
        >>> canonical_form((0, 1, 1, 1, 2, 1))  # the skip connection comes first; the network is the same
        '#+#+(0)@nor_conv_3x3'
    """
    nodes = [_INPUT]
    for target in (1, 2, 3):
        terms = [
            _term(operation, nodes[source])
            for operation, (source, end) in zip(cell, EDGES, strict=True)
            if end == target
        ]
        nodes.append(_join(terms))
    return nodes[3]


def _term(operation: int, node: str) -> str:
    if operation == NONE or node == _ZERO:
        return _ZERO
    return node if operation == SKIP else f"({node})@{OPERATIONS[operation]}"


def _join(terms: list[str]) -> str:
    return "+".join(sorted(terms))


@lru_cache(maxsize=1)
def class_of_code() -> NDArray[np.int64]:
    """Return the isomorphism class of each mixed-radix code, shape ``(15625,)``, by first appearance."""
    numbers: dict[str, int] = {}
    operations = range(len(OPERATIONS))
    classes = []
    # Genes in code order (01, 02, 03, 12, 13, 23); each node is computed once for all cells that share it.
    for first, second in product(operations, repeat=2):
        node_1 = _term(first, _INPUT)
        to_2 = _term(second, _INPUT)
        node_2 = [_join([to_2, _term(operation, node_1)]) for operation in operations]
        last = [[_term(operation, node) for operation in operations] for node in node_2]
        middle = [_term(operation, node_1) for operation in operations]
        for third, fourth, fifth, sixth in product(operations, repeat=4):
            form = _join([_term(third, _INPUT), middle[fifth], last[fourth][sixth]])
            classes.append(numbers.setdefault(form, len(numbers)))
    result = np.array(classes, dtype=np.int64)
    result.flags.writeable = False
    return result


def reaches_output(population: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return whether there is a path without ``none`` from a cell's input to its output, shape ``(n,)``.

    Without such a path, the output of the cell does not depend on its input.
    """
    open_01, open_02, open_03, open_12, open_13, open_23 = (population != NONE).T
    node_2 = open_02 | (open_01 & open_12)
    result: NDArray[np.bool_] = open_03 | (open_01 & open_13) | (node_2 & open_23)
    return result
