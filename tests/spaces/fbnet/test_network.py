import pytest
import torch
from torch import nn
from torch.nn import functional as F

from analognas.spaces.fbnet import OPERATIONS, SETTINGS
from analognas.spaces.fbnet.network import FBNetNetwork, InvertedBottleneck, operation
from analognas.spaces.fbnet.operations import LayerSlot


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("slot", [LayerSlot(4, 4, 1), LayerSlot(4, 6, 1), LayerSlot(4, 4, 2)])
def test_inverted_bottleneck(shake, normed, number, slot):
    block = list(OPERATIONS.values())[number]
    module = shake(operation(number, slot))
    convolutions = [part for part in module.units if isinstance(part, nn.Conv2d)]
    norms = [part for part in module.units if isinstance(part, nn.BatchNorm2d)]
    x = torch.randn(2, 4, 7, 5, generator=torch.Generator().manual_seed(1))
    y = F.relu(normed(F.conv2d(x, convolutions[0].weight, groups=block.groups), norms[0]))
    if block.groups == 2:
        inner = y.shape[1]
        order = [
            c
            for pair in zip(range(inner // 2), range(inner // 2, inner), strict=True)
            for c in pair
        ]
        y = y[:, order]
    padding, inner = block.kernel // 2, 4 * block.expansion
    y = F.conv2d(y, convolutions[1].weight, None, slot.stride, padding, 1, inner)
    y = F.relu(normed(y, norms[1]))
    y = normed(F.conv2d(y, convolutions[2].weight, groups=block.groups), norms[2])
    expected = x + y if slot == (4, 4, 1) else y
    torch.testing.assert_close(module(x), expected)


def test_nothing_is_rectified_after_the_projection():
    module = operation(0, LayerSlot(4, 4, 1))
    y = module(torch.randn(2, 4, 7, 5, generator=torch.Generator().manual_seed(1)))
    assert (y < 0).any()


def test_skip_is_the_identity_or_a_projection(shake, normed):
    x = torch.randn(2, 4, 7, 5, generator=torch.Generator().manual_seed(1))
    assert operation(8, LayerSlot(4, 4, 1))(x) is x
    for slot in (LayerSlot(4, 6, 1), LayerSlot(4, 4, 2)):
        module = shake(operation(8, slot))
        y = F.relu(normed(F.conv2d(x, module[0].weight, stride=slot.stride), module[1]))
        torch.testing.assert_close(module(x), y)


@pytest.mark.parametrize("name", SETTINGS)
def test_whole_network(shake, normed, name):
    setting = SETTINGS[name]
    arch = [slot % 9 for slot in range(22)]
    network = shake(FBNetNetwork(arch, setting, in_channels=2, n_classes=5))
    assert network.arch == tuple(arch)
    assert [isinstance(part, InvertedBottleneck) for part in network.body] == [
        number < 8 for number in arch
    ]
    assert network.stem[0].stride == (setting.stem_stride,) * 2
    assert network.stem[0].kernel_size == (3, 3)
    x = torch.randn(3, 2, 32, 32, generator=torch.Generator().manual_seed(1))
    y = F.relu(
        normed(F.conv2d(x, network.stem[0].weight, None, setting.stem_stride, 1), network.stem[1])
    )
    for part in network.body:
        y = part(y)
    assert y.shape[2:] == (32 // 2**setting.halvings,) * 2
    y = F.relu(normed(F.conv2d(y, network.header[0].weight), network.header[1]))
    assert y.shape[1] == setting.header
    y = F.linear(y.mean(dim=(2, 3)), network.classifier.weight, network.classifier.bias)
    torch.testing.assert_close(network(x), y, rtol=1e-4, atol=1e-5)
