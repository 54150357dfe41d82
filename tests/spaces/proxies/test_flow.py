import math
from copy import deepcopy

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.spaces.proxies import log_synflow, synflow


def linear(rows, bias=None):
    layer = nn.Linear(len(rows[0]), len(rows), bias=bias is not None)
    layer.weight.data = torch.tensor(rows)
    if bias is not None:
        layer.bias.data = torch.tensor(bias)
    return layer


def test_two_layers_by_hand():
    # |W1| = [[1, 2], [3, 4]], |W2| = [[5, 6]], input of ones: hidden (3, 7), R = 15 + 42 = 57.
    net = nn.Sequential(linear([[1.0, -2.0], [-3.0, 4.0]]), nn.ReLU(), linear([[-5.0, 6.0]]))
    # Without biases the flow through every layer is R.
    assert synflow(net, (2,)) == pytest.approx(2 * 57, rel=1e-12)
    first = 3 * math.log(6) + 7 * math.log(7)
    second = 5 * math.log(4) + 6 * math.log(8)
    assert log_synflow(net, (2,)) == pytest.approx(first + second, rel=1e-12)


def test_biases_carry_flow_but_are_not_scored():
    # hidden = 1 + 2 + |-10| = 13; the second layer sees it, the bias itself does not count.
    net = nn.Sequential(linear([[1.0, 2.0]], bias=[-10.0]), linear([[3.0]]))
    assert synflow(net, (2,)) == pytest.approx(3 * (1 + 2) + 3 * 13, rel=1e-12)


def test_flow_is_conserved_through_every_layer():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 6, 3, bias=False), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2, bias=False)]
    net = nn.Sequential(*layers)
    total = net.double()
    for parameter in total.parameters():
        parameter.data.abs_()
    flow = float(total(torch.ones(1, 3, 9, 9, dtype=torch.float64)).detach().sum())
    assert synflow(net, (3, 9, 9)) == pytest.approx(2 * flow, rel=1e-12)


def test_batch_norm_is_bypassed(network):
    other = deepcopy(network)
    with torch.no_grad():
        other[1].weight.mul_(7)
        other[1].running_var.mul_(3)
    assert synflow(network, (3, 8, 8)) == synflow(other, (3, 8, 8))
    assert log_synflow(network, (3, 8, 8)) == log_synflow(other, (3, 8, 8))


def test_a_deep_network_does_not_overflow(space):
    assert math.isfinite(synflow(space.build((2, 2, 2, 2, 2, 2), cells=12)))


def test_weights_without_influence_score_nothing():
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = linear([[2.0]]), linear([[3.0]])

        def forward(self, x):
            return self.used(x)

    assert synflow(Unused(), (1,)) == 2.0

    class Constant(Unused):
        def forward(self, x):
            return torch.zeros_like(x)

    assert synflow(Constant(), (1,)) == 0.0


def test_a_model_without_matrices():
    with pytest.raises(InvalidArgumentError, match="must have a matrix"):
        synflow(nn.ReLU(), (3,))
