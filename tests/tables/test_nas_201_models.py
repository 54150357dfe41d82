"""Networks as HW-NAS-Bench's scripts use them: names of weights, (features, logits), channels by layer."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from analognas.core import InvalidArgumentError, OutOfSpaceError
from analognas.nn import fuse_norms, to_analog
from analognas.spaces import FBNetSpace, NASBench201Space
from analognas.tables.nas_201_models import get_cell_based_tiny_net, get_search_spaces

EVERY = "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|"


class Unit(nn.Module):
    """The published names of ReLU, convolution, batch norm."""

    def __init__(self, c_in, c_out, kernel, stride=1):
        super().__init__()
        conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.op = nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(c_out))

    def forward(self, x):
        return self.op(x)


class Changing(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out)

    def forward(self, x):
        return self.bn(self.conv(x))


class Pool(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.preprocess = Unit(c_in, c_out, 1) if c_in != c_out else None
        self.c_out = c_out

    def forward(self, x):
        x = x if self.preprocess is None else self.preprocess(x)
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class Nothing(nn.Module):
    def __init__(self, c_out):
        super().__init__()
        self.c_out = c_out

    def forward(self, x):
        return torch.zeros(x.shape[0], self.c_out, *x.shape[2:])


def layer(name, c_in, c_out):
    if name.startswith("nor_conv"):
        return Unit(c_in, c_out, int(name[-1]))
    if name == "avg_pool_3x3":
        return Pool(c_in, c_out)
    if name == "none":
        return Nothing(c_out)
    return nn.Identity() if c_in == c_out else Changing(c_in, c_out)


class PublishedCell(nn.Module):
    def __init__(self, text, c_in, c_out):
        super().__init__()
        self.nodes = [
            [part.split("~") for part in node.strip("|").split("|")] for node in text.split("+")
        ]
        self.layers = nn.ModuleList(
            layer(name, c_out if int(source) else c_in, c_out)
            for node in self.nodes
            for name, source in node
        )

    def forward(self, x):
        values, used = [x], iter(self.layers)
        for node in self.nodes:
            values.append(sum(next(used)(values[int(source)]) for _, source in node))
        return values[-1]


class PublishedBlock(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv_a, self.conv_b = Unit(c_in, c_out, 3, 2), Unit(c_out, c_out, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x):
        return self.conv_b(self.conv_a(x)) + self.downsample(x)


class PublishedNetwork(nn.Module):
    """TinyNetwork as its checkpoints name it; the widths of all cells are given."""

    def __init__(self, text, widths, n_classes):
        super().__init__()
        n = len(widths) // 3
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0])
        )
        self.cells, c_in = nn.ModuleList(), widths[0]
        for i, c_out in enumerate(widths):
            reduces = i in (n, 2 * n + 1)
            self.cells.append(
                PublishedBlock(c_in, c_out) if reduces else PublishedCell(text, c_in, c_out)
            )
            c_in = c_out
        self.lastact = nn.Sequential(nn.BatchNorm2d(c_in), nn.ReLU())
        self.classifier = nn.Linear(c_in, n_classes)

    def forward(self, x):
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        features = self.lastact(x).mean((2, 3))
        return features, self.classifier(features)


def shaken(network):
    generator = torch.Generator().manual_seed(3)
    for tensor in [*network.parameters(), *network.buffers()]:
        if tensor.is_floating_point():
            tensor.data = torch.rand(tensor.shape, generator=generator) - 0.4 * (tensor.ndim > 1)
    return network.eval()


@pytest.mark.parametrize(
    ("config", "widths"),
    [
        ({"name": "infer.tiny", "C": 4, "N": 1}, [4, 8, 8, 16, 16]),
        ({"name": "infer.tiny", "C": 4, "N": 2}, [4, 4, 8, 8, 8, 16, 16, 16]),
        ({"name": "infer.shape.tiny", "channels": "4:6:10:6:8"}, [4, 6, 10, 6, 8]),
        ({"name": "infer.shape.tiny", "channels": [4, 8, 6, 8, 4]}, [4, 8, 6, 8, 4]),
    ],
)
def test_published_checkpoints_load_and_give_features_and_logits(config, widths):
    published = shaken(PublishedNetwork(EVERY, widths, 7))
    net = get_cell_based_tiny_net({**config, "genotype": EVERY, "num_classes": 7})
    assert net.load_state_dict(published.state_dict()).missing_keys == []
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for found, expected in zip(net.eval()(x), published(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    for found, expected in zip(fuse_norms(net)(x), published(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_the_networks_of_spaces_load_them_too_and_their_own():
    published = shaken(PublishedNetwork(EVERY, [4, 8, 8, 16, 16], 10))
    net = NASBench201Space().build(EVERY, channels=4, cells=1)
    net.load_state_dict(published.state_dict())
    analog = to_analog(NASBench201Space().build(EVERY, channels=4, cells=1))
    analog.load_state_dict(published.state_dict())
    torch.testing.assert_close(analog.body[0].edges[0][1].weight, net.body[0].edges[0][1].weight)
    wrapped = nn.Sequential(NASBench201Space().build(EVERY, channels=4, cells=1))
    wrapped.load_state_dict({f"0.{name}": v for name, v in published.state_dict().items()})
    wrapped[0].load_state_dict(net.state_dict())


def test_a_checkpoint_of_another_cell_is_named():
    other = EVERY.replace("none~1", "nor_conv_1x1~1")
    published = PublishedNetwork(other, [4, 8, 8, 16, 16], 10)
    net = NASBench201Space().build(EVERY, channels=4, cells=1)
    with pytest.raises(RuntimeError, match=r"Unexpected key.*body\.0\.edges\.4"):
        net.load_state_dict(published.state_dict())


class PublishedFBNetBlock(nn.Module):
    """ConvBlock as its checkpoints name it."""

    def __init__(self, units):
        super().__init__()
        convs = [m for m in units if isinstance(m, nn.Conv2d)]
        norms = [m for m in units if isinstance(m, nn.BatchNorm2d)]
        for i in range(3):
            setattr(self, f"conv{i + 1}", convs[i])
            setattr(self, f"bn{i + 1}", norms[i])


def published_fbnet(net):
    """The modules of a network under the names of FBNet_Infer's checkpoints."""

    def pair(sequence):
        return nn.ModuleDict({"conv": sequence[0], "bn": sequence[1]})

    def cell(part):
        if hasattr(part, "units"):
            return PublishedFBNetBlock(part.units)
        return pair(part) if isinstance(part, nn.Sequential) else nn.Identity()

    return nn.ModuleDict(
        {
            "stem": pair(net.stem),
            "cells": nn.ModuleList(map(cell, net.body)),
            "header": pair(net.header),
            "fc": net.classifier,
        }
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_published_fbnet_checkpoints_load(seed):
    space = FBNetSpace("cifar100")
    arch = space.decode(space.sample(1, generator=np.random.default_rng(seed))[0])
    original = shaken(space.build(arch))
    state = published_fbnet(original).state_dict()
    assert not set(state) & set(original.state_dict())
    net = space.build(arch)
    assert net.load_state_dict(state).missing_keys == []
    for name, value in original.state_dict().items():
        torch.testing.assert_close(net.state_dict()[name], value)


def test_configurations_of_scripts():
    cell = SimpleNamespace(tostr=lambda: EVERY)
    config = SimpleNamespace(name="infer.tiny", genotype=cell, C=4, N=1, num_classes=3)
    assert get_cell_based_tiny_net(config).arch == NASBench201Space().decode(
        NASBench201Space().encode(EVERY)
    )
    assert get_search_spaces("tss", "nats-bench")[1] == "skip_connect"
    assert get_search_spaces("sss", "nats-bench-size")["numbers"] == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "GDAS"}, "supernet 'GDAS'"),
        ({"name": "infer.nasnet-cifar"}, "infer.nasnet-cifar"),
        ({"num_classes": 0}, "num_classes"),
        ({"genotype": None, "arch_str": None}, "arch_str"),
        ({"name": "infer.shape.tiny", "channels": [4, 8]}, "3N [+] 2"),
        ({"name": "infer.shape.tiny", "channels": "4:8:6:8:x"}, "channels"),
    ],
)
def test_what_is_not_offered_says_so(change, message):
    config = {"name": "infer.tiny", "genotype": EVERY, "num_classes": 10, **change}
    with pytest.raises((InvalidArgumentError, OutOfSpaceError), match=message):
        get_cell_based_tiny_net({k: v for k, v in config.items() if v is not None})
