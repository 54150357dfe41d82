import copy

import pytest
import torch
from torch import nn

from analognas.nn import channels_last, fuse_norms, to_analog, unfuse_norms
from analognas.nn.norms import autograd
from analognas.nn.norms.fused_layers import add_branch, fork
from analognas.spaces.nasbench201.network import Cell, FusedCell, NASBench201Network
from analognas.spaces.resnet.network import FusedResidualBlock, ResidualBlock


def close(ours, exact, tolerance=2e-5):
    ours, exact = ours.detach(), exact.detach()
    scale = float(exact.abs().max()) + 1e-12
    assert ours.shape == exact.shape
    assert float((ours.double() - exact).abs().max()) <= tolerance * scale


def train_and_evaluate(net, x, g):
    """Return outputs, gradients, statistics and outputs in evaluation."""
    x = x.clone().requires_grad_()
    y = net(x)
    y.backward(g.to(y.dtype))
    found = [y, x.grad, *(p.grad for p in net.parameters() if p.grad is not None), *net.buffers()]
    with torch.no_grad():
        return [*found, net.eval()(x)]


BLOCKS = {
    "basic": lambda: ResidualBlock(1, 1, 8, 8),
    "two branches": lambda: ResidualBlock(1, 2, 8, 8),
    "bottleneck with a skip": lambda: ResidualBlock(2, 3, 8, 12, 3, 2),
    "one channel inside": lambda: ResidualBlock(2, 1, 8, 6, 3, 1),
    "in sequence": lambda: nn.Sequential(ResidualBlock(1, 1, 8, 8), ResidualBlock(2, 2, 8, 8)),
    "cell of convolutions": lambda: Cell((3, 2, 3, 3, 2, 3), 8),
    "mixed cell": lambda: Cell((1, 4, 3, 0, 1, 2), 8),
    "cell of nothing": lambda: Cell((0, 0, 0, 0, 0, 0), 8),
}


@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_return_what_they_did(name, last):
    torch.manual_seed(0)
    plain = BLOCKS[name]()
    for p in plain.parameters():
        if p.ndim == 1:
            nn.init.normal_(p)
    fused = fuse_norms(copy.deepcopy(plain))
    if last:
        channels_last(fused)
    x = torch.randn(6, 8, 10, 10)
    with torch.no_grad():
        g = torch.randn_like(plain(x))
    plain.load_state_dict(fused.state_dict())
    double = copy.deepcopy(plain).double()
    exact = train_and_evaluate(double, x.double(), g.double())
    ours, theirs = train_and_evaluate(fused, x, g), train_and_evaluate(plain, x, g)
    for a, b, c in zip(ours, theirs, exact, strict=True):
        scale = float(c.detach().abs().max()) + 1e-12
        error = float((b.double() - c).detach().abs().max())  # some gradients nearly cancel
        close(a, c.double(), max(2e-5, 20.0 * error / scale))


def test_one_relu_serves_all_branches(monkeypatch):
    seen = []
    relu = torch.relu
    monkeypatch.setattr(torch, "relu", lambda x: seen.append(x) or relu(x))
    fuse_norms(ResidualBlock(1, 3, 4, 4))(torch.randn(2, 4, 5, 5, requires_grad=True))
    assert len(seen) == 1


def test_hooks_see_what_they_did():
    torch.manual_seed(0)
    plain = ResidualBlock(1, 2, 4, 4)
    fused = fuse_norms(copy.deepcopy(plain))
    x = torch.randn(3, 4, 5, 5)
    places = ["branches.0", "branches.0.0", "branches.1.0.0", "branches.1.1.2", "skip"]
    seen = {plain: [], fused: []}
    for net in (plain, fused):
        for place in places:
            net.get_submodule(place).register_forward_hook(
                lambda m, i, y, net=net: seen[net].extend([i[0], y])
            )
        net(x)
    assert len(seen[fused]) == len(seen[plain]) == 2 * len(places)
    for a, b in zip(seen[fused], seen[plain], strict=True):
        close(a, b.double())


def test_classes_come_and_go():
    net = NASBench201Network((3, 2, 4, 1, 3, 0), channels=4, cells=1)
    names = list(net.state_dict())
    fuse_norms(net)
    assert type(net.body[0]) is FusedCell
    assert list(net.state_dict()) == names
    assert type(unfuse_norms(net).body[0]) is Cell
    assert type(fuse_norms(ResidualBlock(1, 1, 4, 4))) is FusedResidualBlock


def test_gradients_of_a_fork():
    torch.manual_seed(0)
    branch = fuse_norms(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3)))
    x = torch.randn(40, 3, 64, 64, requires_grad=True)  # several parts
    g, h = torch.randn_like(x), torch.randn_like(x)
    plain, active = fork(x, [branch])
    assert torch.equal(active, x.relu())
    expected = g + h * (x > 0)
    threads = torch.get_num_threads()
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            for other in (h, h.contiguous(memory_format=torch.channels_last)):
                (found,) = torch.autograd.grad([plain, active], x, [g, other], retain_graph=True)
                assert torch.equal(found, expected)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.autograd.grad(plain, x, g, retain_graph=True)[0], g)
    assert torch.equal(torch.autograd.grad(active, x, h, retain_graph=True)[0], h * (x > 0))
    (found,) = torch.autograd.grad([plain, active], x, [g, h.requires_grad_()], create_graph=True)
    assert torch.equal(torch.autograd.grad(found.sum(), h)[0], (x > 0).float())


def test_what_cannot_be_forked_stays():
    branch = fuse_norms(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3)))
    x = torch.randn(4, 3, 5, 5)
    for given, branches in ((x.double(), [branch]), (x, [nn.ReLU()]), (x, [])):
        same, active = fork(given, branches)
        assert same is given
        assert active is None
    assert torch.equal(add_branch(nn.ReLU(), x, None, x), x + x.relu())
    assert torch.equal(add_branch(nn.ReLU(), x, None, None), x.relu())


def test_sums_of_other_layouts_and_types_go_to_torch(monkeypatch):
    calls = []
    forward = autograd._forward
    monkeypatch.setattr(autograd, "_forward", lambda *a: calls.append(a[3]) or forward(*a))
    norm = fuse_norms(nn.BatchNorm2d(3))
    x = torch.randn(4, 3, 5, 5)
    for other in (x.contiguous(memory_format=torch.channels_last), x.double(), x[:, :1]):
        close(norm.added(x, other), (other + norm(x)).double())
    assert all(other is None for other in calls)
    close(norm.added(x, x), (x + norm(x)).double())
    assert calls[-2] is x


def test_analog_networks(nothing):
    torch.manual_seed(0)
    net = nn.Sequential(ResidualBlock(2, 2, 4, 8, 3, 2), ResidualBlock(1, 1, 8, 8))
    plain = to_analog(net, nothing)
    x, g = torch.randn(6, 4, 8, 8), torch.randn(6, 8, 4, 4)
    results = []
    for model in (plain, fuse_norms(copy.deepcopy(plain))):
        torch.manual_seed(1)
        results.append(train_and_evaluate(model, x, g))
    for a, b in zip(*results, strict=True):
        close(b, a.double(), 1e-3)
