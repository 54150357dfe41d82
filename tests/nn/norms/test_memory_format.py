import copy
import pickle

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.nn import channels_first, channels_last
from analognas.spaces.nasbench201.network import NASBench201Network
from analognas.spaces.resnet.network import ResidualBlock


def is_last(x):
    return x.is_contiguous(memory_format=torch.channels_last)


def test_images_come_with_the_channels_last_until_it_is_undone():
    net = nn.Sequential(nn.Identity())
    x = torch.randn(2, 3, 4, 5)
    for twin in (channels_last(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        y = twin(x)
        assert is_last(y)
        assert torch.equal(x, y)
    assert channels_last(net) is net
    assert len(net._forward_pre_hooks) == 1
    assert channels_first(net) is net
    assert not is_last(net(x))


def test_other_inputs_stay():
    net = channels_last(nn.Identity())
    for x in (torch.randn(3, 4), torch.randn(2, 3, 4, 5, 6)):
        assert net(x) is x
    with pytest.raises(InvalidArgumentError, match="torch module"):
        channels_last(None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: NASBench201Network((3, 2, 4, 1, 3, 4), channels=4, cells=1),
        lambda: nn.Sequential(ResidualBlock(2, 2, 3, 8, 3, 2), ResidualBlock(1, 2, 8, 8)),
    ],
)
def test_networks_keep_the_format_to_their_end(make):
    torch.manual_seed(0)
    net = make()
    formats = []
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda m, i, y: formats.append(is_last(y)))
            module.register_full_backward_hook(lambda m, i, g: formats.append(is_last(g[0])))
    x = torch.randn(4, 3, 16, 16)
    exact = net(x).detach()
    formats.clear()
    y = channels_last(net)(x)
    assert torch.allclose(y, exact, atol=1e-4)
    y.square().sum().backward()
    assert all(formats)
