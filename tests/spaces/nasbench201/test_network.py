import numpy as np
import pytest
import torch
from torch.nn import functional as F

from analognas.core import InvalidArgumentError
from analognas.spaces.nasbench201 import EDGES
from analognas.spaces.nasbench201.network import Cell, ReductionBlock


def unit(normed, x, module, stride=1):
    """ReLU - convolution - batch norm by functions, from a module's weights."""
    _, conv, norm = module
    y = F.conv2d(F.relu(x), conv.weight, stride=stride, padding=conv.weight.shape[-1] // 2)
    return normed(y, norm)


@pytest.mark.parametrize(
    "arch", [(2, 3, 4, 0, 1, 2), (0, 1, 2, 3, 4, 0), (4, 4, 0, 2, 3, 3), (1, 1, 1, 1, 1, 1)]
)
def test_cell_is_the_graph_that_its_tuple_names(shake, normed, arch):
    cell = shake(Cell(arch, 4))
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(1))
    ones = torch.ones(1, 1, 3, 3)

    def operation(number, module, v):
        if number == 0:
            return v
        if number == 1:
            return 0 * v
        if number == 4:
            area = F.conv2d(torch.ones_like(v[:1, :1]), ones, padding=1)
            return F.conv2d(v.flatten(0, 1)[:, None], ones, padding=1).view_as(v) / area
        return unit(normed, v, module)

    nodes = {0: x}
    for target in (1, 2, 3):
        nodes[target] = sum(
            operation(number, module, nodes[source])
            for number, module, (source, end) in zip(arch, cell.edges, EDGES, strict=True)
            if end == target
        )
    torch.testing.assert_close(cell(x), nodes[3])


def test_reduction_block(shake, normed):
    block = shake(ReductionBlock(3, 5))
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    residual = unit(normed, unit(normed, x, block.units[0], stride=2), block.units[1])
    shortcut = F.conv2d(F.avg_pool2d(x, 2), block.shortcut[1].weight)
    torch.testing.assert_close(block(x), residual + shortcut)


def test_network_has_the_published_layout(space):
    network = space.build((2, 2, 0, 4, 2, 1))
    stages = [type(part).__name__ for part in network.body]
    assert (
        stages
        == ["Cell"] * 5 + ["ReductionBlock"] + ["Cell"] * 5 + ["ReductionBlock"] + ["Cell"] * 5
    )
    widths = [part.edges[0][1].out_channels for part in network.body if isinstance(part, Cell)]
    assert widths == [16] * 5 + [32] * 5 + [64] * 5


def test_head_is_norm_relu_mean_and_linear(space, shake, normed):
    network = shake(space.build((1, 1, 1, 1, 1, 1), (3, 8, 8), 4, channels=4, cells=1))
    with torch.no_grad():
        network.head[0].bias.sub_(1)  # so that the ReLU has something to cut
    x = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    features = network.body(network.stem(x))
    y = normed(features, network.head[0])
    assert (y < 0).any()
    expected = F.linear(
        F.relu(y).mean(dim=(2, 3)), network.classifier.weight, network.classifier.bias
    )
    torch.testing.assert_close(network(x), expected)


def test_trains(space):
    torch.manual_seed(0)
    network = space.build((2, 3, 0, 4, 2, 0), (1, 8, 8), 4, channels=4, cells=1)
    x, y = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(60):
        loss = F.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 5, 9), (4, 1, 1), (2, 31, 33)])
def test_any_input_size(space, shape):
    network = space.build(np.array([2, 3, 4, 0, 1, 2]), shape, 6, channels=2, cells=1).eval()
    assert network(torch.zeros(3, *shape)).shape == (3, 6)


@pytest.mark.parametrize(
    "sizes",
    [
        {"channels": 0},
        {"cells": 0},
        {"n_classes": 0},
        {"input_shape": (3, 0, 32)},
        {"input_shape": (3.5, 4, 4)},
        {"input_shape": (32, 32)},
        {"input_shape": 32},
    ],
)
def test_bad_sizes(space, sizes):
    with pytest.raises(InvalidArgumentError, match=next(iter(sizes))):
        space.build(0, **sizes)
