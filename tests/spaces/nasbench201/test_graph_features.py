from itertools import pairwise

import numpy as np
import pytest

from analognas.spaces.nasbench201 import EDGES, graph_feature_names, graph_features
from analognas.spaces.nasbench201.operations import AVG_POOL, CONV_1X1, CONV_3X3, NONE, SKIP

KIND = {CONV_3X3: "conv3x3", CONV_1X1: "conv1x1", AVG_POOL: "pool"}


@pytest.fixture(scope="module")
def features(every_cell):
    return graph_features(every_cell)


def column(features, name):
    return features[:, graph_feature_names().index(name)]


def paths(cell):
    """Sequences of operations from input to output, followed edge by edge."""
    into = dict(zip(EDGES, cell, strict=True))

    def walk(node):
        if node == 3:
            yield ()
        for (source, target), op in into.items():
            if source == node and op != NONE:
                here = () if op == SKIP else (op,)
                yield from (here + rest for rest in walk(target))

    return sorted(walk(0))


def terms(cell, node):
    """The flattened sum of a node: ``"input"``, or an operation on the terms of another node."""
    if node == 0:
        return ["input"]
    found = []
    for (source, target), op in zip(EDGES, cell, strict=True):
        if target == node and op != NONE:
            inside = terms(cell, source)
            found += inside if op == SKIP else [(op, inside)] if inside else []
    return found


def inside(sum_of_terms):
    """Every (operation, its terms) of an expression."""
    for term in sum_of_terms:
        if term != "input":
            yield term
            yield from inside(term[1])


def test_isomorphic_cells_have_equal_features(features, space, shared):
    published = np.load(shared / "data" / "nb201_core.npz", allow_pickle=False)["unique_id"]
    rows = features[space.codes(space.from_indices(np.arange(space.size)))]
    first = np.unique(published, return_index=True)[1]
    representative = np.empty(published.max() + 1, dtype=np.int64)
    representative[published[first]] = first
    np.testing.assert_array_equal(rows, rows[representative[published]])
    # The counts tell most classes apart: 6,466 classes, some of which differ by what is shared only.
    assert len(np.unique(rows, axis=0)) == 4924


def test_features_agree_with_our_own_classes(features, space, every_cell):
    classes = space.isomorphism_class(every_cell)
    first = np.unique(classes, return_index=True)[1]
    np.testing.assert_array_equal(features, features[first[classes]])


def test_counts_against_a_walk_over_the_graph(features, every_cell):
    names = graph_feature_names()
    assert len(set(names)) == len(names) == features.shape[1] == 88
    for row in range(0, len(every_cell), 37):
        cell, found = every_cell[row].tolist(), dict(zip(names, features[row], strict=True))
        walks = paths(cell)
        for name in names[:40]:
            sequence = tuple(
                {kind: op for op, kind in KIND.items()}[kind]
                for kind in name.removeprefix("path:").split(".")
                if kind != "input"
            )
            assert found[name] == walks.count(sequence)
        assert found["paths"] == len(walks)
        assert found["distinct_paths"] == len(set(walks))
        lengths = [len(walk) for walk in walks]
        assert found["most:operations"] == max(lengths, default=-1)
        assert found["least:operations"] == min(lengths, default=4)
        assert found["total:operations"] == sum(lengths)
        spatial = [len([op for op in walk if op != CONV_1X1]) for walk in walks]
        assert found["most:spatial"] == max(spatial, default=-1)
        assert found["total:spatial"] == sum(spatial)
        for op, kind in KIND.items():
            counts = [walk.count(op) for walk in walks]
            assert found[f"total:{kind}"] == sum(counts)
            assert found[f"most:{kind}"] == max(counts, default=-1)
            assert found[f"first:{kind}"] == sum(walk[:1] == (op,) for walk in walks)
            assert found[f"last:{kind}"] == sum(walk[-1:] == (op,) for walk in walks)
            for other, its in KIND.items():
                steps = [list(pairwise(walk)).count((op, other)) for walk in walks]
                assert found[f"pair:{kind}.{its}"] == sum(steps)


def test_expression_counts_against_a_recursive_reading(features, every_cell):
    names = graph_feature_names()
    for row in range(0, len(every_cell), 37):
        cell, found = every_cell[row].tolist(), dict(zip(names, features[row], strict=True))
        output = terms(cell, 3)
        assert found["output_terms"] == len(output)
        assert found["output_term:input"] == output.count("input")
        every = list(inside(output))
        widths = [len(output), *(len(its) for _, its in every)]
        assert found["widest_sum"] == (max(widths) if output else 0)
        for op, kind in KIND.items():
            assert found[f"applied:{kind}"] == sum(number == op for number, _ in every)
            assert found[f"output_term:{kind}"] == sum(t != "input" and t[0] == op for t in output)
            if op != AVG_POOL:
                sums = sum(number == op and len(its) > 1 for number, its in every)
                assert found[f"of_sum:{kind}"] == sums


def test_unfed_convolutions_are_kept_apart(features, space):
    with_conv, without = space.codes(np.array([[3, 1, 0, 1, 1, 2], [3, 1, 0, 1, 1, 1]]))
    assert column(features, "unfed:conv3x3")[[with_conv, without]].tolist() == [1, 0]
    different = np.flatnonzero(features[with_conv] != features[without])
    assert [graph_feature_names()[at] for at in different] == ["unfed:conv3x3"]


def test_features_of_some_rows_are_rows_of_all(features, every_cell):
    np.testing.assert_array_equal(graph_features(every_cell[::97]), features[::97])
    assert graph_features(every_cell[:0]).shape == (0, 88)
