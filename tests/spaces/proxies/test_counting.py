import numpy as np
import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.spaces.proxies import traced_macs, trainable_params


def test_counts_equal_the_closed_form_of_the_space(space):
    rows = space.sample(12, generator=np.random.default_rng(0))
    for row, params, macs in zip(rows, space.params(rows), space.macs(rows), strict=True):
        network = space.build(row)
        assert trainable_params(network) == params
        assert traced_macs(network) == macs


@pytest.mark.parametrize(
    ("model", "shape", "macs"),
    [
        (nn.Linear(10, 3, bias=False), (10,), 30),
        (nn.Linear(10, 3), (10,), 33),
        (nn.Linear(10, 3), (7, 10), 7 * 33),
        (nn.Conv1d(4, 6, 3), (4, 10), 6 * 8 * (4 * 3 + 1)),
        (nn.Conv2d(8, 8, 3, groups=4, bias=False), (8, 6, 6), 8 * 16 * 2 * 9),
        (nn.Conv2d(3, 5, 3, stride=2, padding=1), (3, 9, 9), 5 * 25 * (27 + 1)),
        (nn.Conv3d(2, 3, 2, bias=False), (2, 3, 3, 3), 3 * 8 * 2 * 8),
        # Every input meets the whole kernel; every output has a bias.
        (nn.ConvTranspose2d(2, 3, 2, stride=2), (2, 4, 4), 16 * 2 * 3 * 4 + 3 * 64),
        (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.AvgPool2d(2)), (3, 8, 8), 0),
    ],
)  # fmt: skip
def test_hand_counted(model, shape, macs):
    assert traced_macs(model, shape) == macs


def test_matrix_products_in_forward():
    class Attention(nn.Module):
        def forward(self, x):
            return torch.baddbmm(x, x @ x.transpose(1, 2), x)

    # 5 x 5 products of 4, then 5 x 4 products of 5 with an addition.
    assert traced_macs(Attention(), (5, 4)) == 25 * 4 + 20 * 5 + 20


def test_shared_and_frozen_parameters():
    one = nn.Linear(4, 4)
    shared = nn.Sequential(one, one, nn.Linear(4, 1).requires_grad_(False))
    assert trainable_params(shared) == 20


@pytest.mark.parametrize("shape", [3, "32", (), (3, 0, 32), (3.0, 32, 32)])
def test_bad_shapes(shape):
    with pytest.raises(InvalidArgumentError, match="input_shape"):
        traced_macs(nn.Conv2d(3, 3, 1), shape)
