import numpy as np
import pytest
import torch
from torch import nn

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


def measured_macs(network, shape):
    total = 0

    def count(module, _, output):
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += output[0].numel() * module.weight[0].numel()
        else:
            total += module.weight.numel() + module.bias.numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    network.eval()(torch.zeros(1, *shape))
    return total


@pytest.mark.parametrize(
    ("shape", "n_classes", "channels", "cells"),
    [((3, 32, 32), 10, 16, 5), ((1, 28, 28), 7, 8, 1), ((2, 13, 9), 3, 4, 2), ((3, 1, 1), 2, 1, 1)],
)
def test_closed_form_equals_built_network(space, shape, n_classes, channels, cells):
    generator = np.random.default_rng(0)
    for row in space.sample(4, generator=generator):
        sizes = {"n_classes": n_classes, "channels": channels, "cells": cells}
        network = space.build(row, shape, **sizes)
        params = sum(parameter.numel() for parameter in network.parameters())
        assert count_params(row[None], in_channels=shape[0], **sizes) == [params]
        assert count_macs(row[None], input_shape=shape, **sizes) == [measured_macs(network, shape)]


def test_bad_input(space):
    with pytest.raises(UnknownNameError, match="Unknown data set 'cifar11'. Did you mean 'cifar1"):
        space.params(space.from_codes([0]), "cifar11")
    with pytest.raises(InvalidArgumentError, match="`channels`"):
        count_macs(space.from_codes([0]), channels=0)
