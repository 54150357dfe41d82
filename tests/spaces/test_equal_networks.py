"""Which rows of a population are one network."""

import numpy as np

from analognas.spaces import ConfigSpace, FBNetSpace, NASBench201Space, ResNetSpace, network_labels


def test_cells_are_equal_if_isomorphic():
    space = NASBench201Space()
    rows = space.from_indices(range(300))
    assert network_labels(space, rows).tolist() == space.isomorphism_class(rows).tolist()


def test_networks_with_equal_layers_in_equal_order_are_one():
    space = ResNetSpace()
    generator = np.random.default_rng(0)
    rows = space.sample(300, generator=generator)
    labels = network_labels(space, rows)
    described = [str(space.build(row)) for row in rows[:60]]
    for first in range(60):
        for second in range(first):
            assert (labels[first] == labels[second]) == (described[first] == described[second])


def test_the_order_of_layers_matters():
    space = FBNetSpace()
    rows = np.zeros((3, space.n_genes), dtype=space.dtype)
    rows[0, 2], rows[1, 3] = 3, 3
    labels = network_labels(space, np.concatenate([rows, rows[:1]]))
    assert labels[0] == labels[3]
    assert len({*labels[:3].tolist()}) == 3


def test_without_layers_rows_are_equal_if_their_genes_are():
    space = ConfigSpace(name="mlp")
    space.add_hyperparameter("depth", "discrete", 1, 5)
    space.add_hyperparameter_range("width", "discrete", [16, 32])
    assert network_labels(space, np.array([[0, 1], [1, 0], [0, 1]])).tolist() == [0, 1, 0]
