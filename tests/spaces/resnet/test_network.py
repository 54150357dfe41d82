import pytest
import torch
from torch import nn
from torch.nn import functional as F

from analognas.spaces.resnet.design import LAYOUTS
from analognas.spaces.resnet.network import ResidualBlock, ResNetNetwork, SkipConnection, branch

CONFIG = {
    "out_channel0": 8, "M": 3,
    "R1": 2, "convblock1": 1, "widenfact1": 0.5, "B1": 2, "kernel1": 3,
    "R2": 1, "convblock2": 2, "widenfact2": 0.8, "B2": 1, "kernel2": 3,
    "R3": 3, "convblock3": 2, "widenfact3": 0.7, "B3": 3, "kernel3": 3,
}  # fmt: skip


def unit(normed, x, module, stride=1):
    _, convolution, norm = module
    padding = convolution.weight.shape[-1] // 2
    return normed(F.conv2d(F.relu(x), convolution.weight, None, stride, padding), norm)


def image(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("stride", [1, 2])
def test_branches(shake, normed, stride):
    x = image(2, 3, 7, 6)
    basic = shake(branch(1, 3, 8, 5, stride))
    assert [tuple(part[1].weight.shape) for part in basic] == [(8, 3, 5, 5), (8, 8, 5, 5)]
    torch.testing.assert_close(basic(x), unit(normed, unit(normed, x, basic[0], stride), basic[1]))
    narrow = shake(branch(2, 3, 8, 5, stride))
    assert [tuple(part[1].weight.shape) for part in narrow] == [
        (2, 3, 1, 1),
        (2, 2, 5, 5),
        (8, 2, 1, 1),
    ]
    y = unit(normed, unit(normed, unit(normed, x, narrow[0]), narrow[1], stride), narrow[2])
    torch.testing.assert_close(narrow(x), y)


@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 5), (1, 1)])
@pytest.mark.parametrize("stride", [1, 2])
def test_skip_connection(shake, normed, height, width, stride):
    skip = shake(SkipConnection(3, 5, stride))
    assert (len(skip.plain.weight), len(skip.moved.weight)) == (2, 3)
    x = image(2, 3, height, width)
    moved = torch.zeros_like(x)
    moved[:, :, :-1, :-1] = x[:, :, 1:, 1:]
    first = torch.einsum("oi,nihw->nohw", skip.plain.weight[:, :, 0, 0], F.relu(x))
    second = torch.einsum("oi,nihw->nohw", skip.moved.weight[:, :, 0, 0], moved)
    y = torch.cat([first, second], dim=1)[:, :, ::stride, ::stride]
    torch.testing.assert_close(skip(x), normed(y, skip.norm))


def test_a_residual_block_is_the_sum_of_its_branches_and_the_skip_connection(shake):
    x = image(2, 4, 6, 6)
    block = shake(ResidualBlock(1, 3, 4, 6, stride=2))
    assert isinstance(block.skip, SkipConnection)
    expected = sum(part(x) for part in block.branches) + block.skip(x)
    torch.testing.assert_close(block(x), expected)
    same = shake(ResidualBlock(2, 1, 4, 4))
    assert isinstance(same.skip, nn.Identity)
    torch.testing.assert_close(same(x), x + same.branches[0](x))
    assert isinstance(ResidualBlock(1, 1, 4, 4, stride=2).skip, SkipConnection)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whole_network(shake, normed, layout):
    network = shake(ResNetNetwork(CONFIG, LAYOUTS[layout], in_channels=2, n_classes=5))
    assert [len(main) for main in network.body] == [2, 1, 3]
    assert [len(main[0].branches) for main in network.body] == [2, 1, 3]
    assert [len(main[0].branches[0]) for main in network.body] == [2, 3, 3]
    # 8 / 0.5; 16 // 0.8 and 19 // 0.7 in binary fractions.
    assert [main[-1].branches[0][-1][1].out_channels for main in network.body] == [16, 19, 27]
    x = image(2, 2, 33, 40)
    stem = network.stem
    y = normed(F.conv2d(x, stem[0].weight, None, 1 if layout == "cifar" else 2, 3), stem[1])
    y = F.max_pool2d(F.relu(y), 3, 2, 1) if layout == "imagenet" else y
    for main in network.body:
        for block in main:
            y = block(y)
    # Two halvings: (33, 40) to (9, 10); four: to (3, 3).
    assert y.shape[2:] == ((9, 10) if layout == "cifar" else (3, 3))
    y = F.linear(F.relu(y).mean(dim=(2, 3)), network.classifier.weight, network.classifier.bias)
    torch.testing.assert_close(network(x), y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("layout", "strides"),
    [
        ("cifar", {1: [1], 2: [1, 2], 3: [1, 2, 2], 4: [1, 1, 2, 2], 5: [1, 1, 1, 2, 2]}),
        ("imagenet", {1: [1], 2: [1, 2], 3: [1, 2, 2], 4: [1, 2, 2, 2], 5: [1, 2, 2, 2, 1]}),
    ],
)
def test_where_the_feature_map_is_halved(layout, strides):
    genes = {"R": 2, "convblock": 1, "widenfact": 0.8, "B": 1, "kernel": 3}
    full = {f"{name}{block}": value for name, value in genes.items() for block in range(1, 6)}
    for n_blocks, expected in strides.items():
        config = {**full, "out_channel0": 8, "M": n_blocks}
        network = ResNetNetwork(config, LAYOUTS[layout], in_channels=1, n_classes=2)
        assert [main[0].branches[0][0][1].stride[0] for main in network.body] == expected
        assert all(main[1].branches[0][0][1].stride == (1, 1) for main in network.body)
        stem = 2 if layout == "imagenet" else 0
        assert LAYOUTS[layout].halvings(n_blocks) == stem + expected.count(2)


def test_each_main_block_has_its_kernel():
    network = ResNetNetwork({**CONFIG, "kernel2": 7}, LAYOUTS["cifar"], in_channels=1, n_classes=2)
    sides = [main[0].branches[0][1][1].kernel_size[0] for main in network.body]
    assert sides == [3, 7, 3]


def test_trains():
    torch.manual_seed(0)
    network = ResNetNetwork(CONFIG, LAYOUTS["cifar"], in_channels=1, n_classes=4)
    x, y = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(40):
        loss = F.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
