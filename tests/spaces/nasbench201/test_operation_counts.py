"""Counts of operations against a walk through the cell, edge by edge."""

import numpy as np

from analognas.spaces.nasbench201 import (
    EDGES,
    OPERATIONS,
    operation_count_names,
    operation_counts,
)

COUNTED = ("skip_connect", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")


def leads(open_edges, start, end):
    """Whether a path of open edges goes from one node to the other."""
    return start == end or any(
        source == start and leads(open_edges, target, end) for source, target in open_edges
    )


def walked(cell):
    open_edges = {edge: OPERATIONS[op] for edge, op in zip(EDGES, cell, strict=True) if op != 1}
    connected = leads(open_edges, 0, 3)
    used = {e for e in open_edges if connected and leads(open_edges, e[1], 3)}
    live = {e for e in used if leads(open_edges, 0, e[0])}
    counts = [
        sum(open_edges[edge] == name for edge in edges)
        for edges in (open_edges, used, live)
        for name in COUNTED
    ]
    return [*counts, int(connected)]


def test_every_cell(every_cell):
    found = operation_counts(every_cell)
    assert found.shape == (15_625, len(operation_count_names()))
    np.testing.assert_array_equal(found, [walked(cell) for cell in every_cell.tolist()])


def test_names():
    names = operation_count_names()
    assert names[:4] == COUNTED
    assert names[4:8] == tuple(f"used_{name}" for name in COUNTED)
    assert names[-1] == "connected"
