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


@pytest.mark.parametrize("stride", [2, (1, 2), (3, 2)])
@pytest.mark.parametrize("channels", [2, 3, 8, 15])
def test_small_strided_pointwise_convolutions_do_not_read_whole_images(channels, stride):
    # oneDNN writes beyond a buffer in the backward if the input has exactly stride x output pixels.
    seen = []
    conv = nn.Conv2d(channels, 4, 1, stride)
    exact = copy.deepcopy(conv)
    twin = pickle.loads(pickle.dumps(channels_last(nn.Sequential(conv))))
    twin[0].register_forward_pre_hook(lambda m, i: seen.append(i[0].shape[-2:]))
    x = torch.randn(2, channels, 12, 12)
    given = [x.clone().requires_grad_() for _ in range(2)]
    outputs = [net(value) for net, value in zip((twin, exact), given, strict=True)]
    assert torch.allclose(outputs[0], outputs[1], atol=1e-5)
    assert any(
        12 % s == 0 and 12 // s * s != size for s, size in zip(exact.stride, *seen, strict=True)
    )
    for y in outputs:
        y.square().sum().backward()
    assert torch.allclose(given[0].grad, given[1].grad, atol=1e-4)
    assert torch.allclose(twin[0].weight.grad, exact.weight.grad, rtol=1e-4, atol=1e-3)
    channels_first(twin)(x)
    assert tuple(seen[1]) == (12, 12)


def test_convolutions_with_many_channels_or_padding_get_whole_images():
    seen = []
    net = nn.Sequential(
        nn.Conv2d(16, 8, 1, 2), nn.Conv2d(8, 8, 1, 2, padding=1), nn.Conv2d(8, 2, 1)
    )
    for conv in channels_last(net):
        conv.register_forward_pre_hook(lambda m, i: seen.append(tuple(i[0].shape[-2:])))
    net(torch.randn(2, 16, 12, 12))
    assert seen == [(12, 12), (6, 6), (4, 4)]


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
