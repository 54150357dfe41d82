import numpy as np
import pytest

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.spaces.nasbench201 import DATASETS, count_macs, count_params


def test_equal_to_published_values(space, shared):
    core = np.load(shared / "data" / "nb201_core.npz", allow_pickle=False)
    population = space.from_indices(np.arange(15_625))
    assert [str(name) for name in core["datasets"]] == list(DATASETS)
    for column, dataset in enumerate(DATASETS):
        np.testing.assert_array_equal(
            space.params(population, dataset) / 1e6, core["params_M"][:, column]
        )
        np.testing.assert_array_equal(
            space.macs(population, dataset) / 1e6, core["macs_M"][:, column]
        )


@pytest.mark.parametrize(
    ("shape", "n_classes", "channels", "cells"),
    [((3, 32, 32), 10, 16, 5), ((1, 28, 28), 7, 8, 1), ((2, 13, 9), 3, 4, 2), ((3, 1, 1), 2, 1, 1)],
)
def test_closed_form_equals_built_network(space, measured, shape, n_classes, channels, cells):
    generator = np.random.default_rng(0)
    for row in space.sample(4, generator=generator):
        sizes = {"n_classes": n_classes, "channels": channels, "cells": cells}
        network = space.build(row, shape, **sizes)
        params, macs = measured(network, shape)
        assert count_params(row[None], in_channels=shape[0], **sizes) == [params]
        assert count_macs(row[None], input_shape=shape, **sizes) == [macs]


def test_bad_input(space):
    with pytest.raises(UnknownNameError, match="Unknown data set 'cifar11'. Did you mean 'cifar1"):
        space.params(space.from_codes([0]), "cifar11")
    with pytest.raises(InvalidArgumentError, match="`channels`"):
        count_macs(space.from_codes([0]), channels=0)
