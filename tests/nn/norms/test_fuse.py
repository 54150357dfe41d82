import copy
import pickle

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.nn import fuse_norms, get_config, rectified, to_analog, unfuse_norms
from analognas.nn.norms.autograd import NormFunction
from analognas.nn.norms.fused_layers import FusedBatchNorm2d, FusedSequential
from analognas.spaces.nasbench201.network import NASBench201Network
from analognas.spaces.resnet.network import branch

KINDS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
SHAPES = [
    (100, 8, 16, 16),
    (7, 3, 5, 5),
    (33, 64, 8, 8),  # long rows by repetition; several groups
    (40, 200, 7, 7),  # wide samples of short channels
    (4, 16, 32, 32),
    (10, 300, 4, 4),
    (5, 2, 1, 1),
    (50, 10),
    (9, 5, 77),
    (3, 4, 5, 6, 7),
    (100, 1, 9, 9),
]


def laid_out(x, last):
    if not last:
        return x
    return x.to(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)


def close(ours, exact, tolerance=1e-5):
    ours, exact = ours.detach(), exact.detach()
    scale = float(exact.abs().max()) + 1e-12
    assert ours.shape == exact.shape
    assert float((ours.double() - exact).abs().max()) <= tolerance * scale


def used(monkeypatch):
    """Count the compiled passes."""
    from analognas.nn.norms import autograd

    calls = []
    forward = autograd._forward
    monkeypatch.setattr(autograd, "_forward", lambda *a: calls.append(a[-1]) or forward(*a))
    return calls


def pair(norm, relu):
    layers = [copy.deepcopy(norm), nn.ReLU()] if relu else [copy.deepcopy(norm)]
    return fuse_norms(nn.Sequential(*copy.deepcopy(layers))), nn.Sequential(*layers).double()


@pytest.mark.parametrize("relu", [False, True], ids=["norm", "relu"])
@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_gradients_and_statistics_are_those_of_torch(shape, last, relu, monkeypatch):
    if last and len(shape) < 4:
        return
    torch.manual_seed(0)
    calls = used(monkeypatch)
    norm = KINDS[len(shape)](shape[1])
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    ours, exact = pair(norm, relu)
    offset = torch.arange(shape[1]).view(-1, *[1] * (len(shape) - 2))
    for _ in range(2):
        x = laid_out(2.0 * torch.randn(shape) + offset % 7 - 3.0, last)
        g = torch.randn(shape)
        mine, theirs = x.clone().requires_grad_(), x.double().requires_grad_()
        y, z = ours(mine), exact(theirs)
        assert y.stride() == x.stride()
        y.backward(g)
        z.backward(g.double())
        close(y, z)
        close(mine.grad, theirs.grad)
        for a, b in zip(ours.parameters(), exact.parameters(), strict=True):
            close(a.grad, b.grad)
        for a, b in zip(ours.buffers(), exact.buffers(), strict=True):
            assert a.dtype == (torch.int64 if a.ndim == 0 else torch.float32)
            close(a, b.double())
    assert len(calls) == 2
    assert {norm.rectifies for norm in calls} == {relu}
    ours.eval(), exact.eval()
    mine, theirs = x.clone().requires_grad_(), x.double().requires_grad_()
    y, z = ours(mine), exact(theirs)
    close(y, z)
    for a, b in zip(
        torch.autograd.grad(y, [mine, *ours.parameters()], g),
        torch.autograd.grad(z, [theirs, *exact.parameters()], g.double()),
        strict=True,
    ):
        close(a, b)
    with torch.no_grad():
        assert torch.equal(ours(x), y)


def test_gradients_that_are_laid_out_otherwise_or_expanded():
    x = laid_out(torch.randn(8, 3, 6, 6), True)
    ours, exact = pair(nn.BatchNorm2d(3), True)
    for g in (torch.randn(8, 3, 6, 6), torch.randn(8, 3, 1, 1).expand(8, 3, 6, 6)):
        mine, theirs = x.clone().requires_grad_(), x.double().requires_grad_()
        ours(mine).backward(g)
        exact(theirs).backward(g.double())
        close(mine.grad, theirs.grad)


@pytest.mark.parametrize(
    "options",
    [
        {"affine": False},
        {"momentum": None},
        {"momentum": 0.7, "eps": 0.1},
        {"track_running_stats": False},
    ],
    ids=str,
)
def test_options(options):
    torch.manual_seed(0)
    ours, exact = pair(nn.BatchNorm2d(5, **options), True)
    for _ in range(3):
        x = torch.randn(6, 5, 4, 4) + 1.0
        close(ours(x), exact(x.double()))
        for a, b in zip(ours.buffers(), exact.buffers(), strict=True):
            close(a, b.double())
    ours.eval(), exact.eval()
    close(ours(x), exact(x.double()))


def test_statistics_survive_a_mean_far_from_zero_and_a_deviating_start():
    torch.manual_seed(0)
    x = torch.randn(200, 4, 16, 16) + 1000.0
    x[:1] = -500.0
    for last in (False, True):
        ours, exact = pair(nn.BatchNorm2d(4), False)
        given = laid_out(x, last)
        ours(given), exact(given.double())
        close(ours[0].running_var, exact[0].running_var, 3e-6)


def test_a_channel_without_spread_and_one_with_nan():
    x = torch.randn(4, 3, 5, 5)
    x[:, 0] = 0.1
    x[0, 1, 0, 0] = torch.nan
    for relu in (False, True):
        ours, exact = pair(nn.BatchNorm2d(3), relu)
        y, z = ours(x), exact(x.double())
        assert torch.equal(y.isnan(), z.isnan())
        assert float(y[:, 0].detach().abs().max()) < 1e-3
        close(y[:, 2], z[:, 2])


def test_results_do_not_depend_on_the_number_of_threads():
    threads = torch.get_num_threads()
    found = []
    try:
        for n in (1, 2, 3):
            torch.manual_seed(0)
            torch.set_num_threads(n)
            for last in (False, True):
                x = laid_out(torch.randn(60, 16, 32, 32), last).requires_grad_()
                net = fuse_norms(nn.Sequential(nn.BatchNorm2d(16), nn.ReLU()))
                y = net(x)
                y.backward(torch.randn_like(y))
                eval_y = net.eval()(x)
                found.append([y, x.grad, net[0].weight.grad, net[0].running_var, eval_y])
    finally:
        torch.set_num_threads(threads)
    for first, other in zip(found * 2, found[2:], strict=False):
        assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_double_precision_goes_to_torch(monkeypatch):
    calls = used(monkeypatch)
    net = fuse_norms(nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())).double()
    x = torch.randn(4, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(net, x)
    assert not calls


def test_second_derivatives_are_those_of_torch():
    torch.manual_seed(0)
    for evaluates in (False, True):
        ours, exact = pair(nn.BatchNorm2d(3), True)
        ours.train(not evaluates), exact.train(not evaluates)
        x = torch.randn(6, 3, 4, 4)
        found = []
        for net, given in ((ours, x.clone()), (exact, x.double())):
            given.requires_grad_()
            (slope,) = torch.autograd.grad(net(given).pow(3).sum(), given, create_graph=True)
            slope.square().sum().backward()
            found.append((given.grad, net[0].weight.grad))
        for a, b in zip(*found, strict=True):
            close(a, b, 1e-4)


def test_frozen_parameters_get_no_gradients():
    net = fuse_norms(nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()))
    net[0].weight.requires_grad_(False)
    x = torch.randn(4, 3, 2, 2)
    net(x).sum().backward()
    assert net[0].weight.grad is None
    assert net[0].bias.grad is not None
    net.requires_grad_(False)
    assert not net(x).requires_grad
    assert net(x.requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((1, 3, 1, 1), 3), ((4, 2, 5, 5), 3), ((4, 3, 5), 3)],
)
def test_errors_are_those_of_torch(shape, channels):
    norm = nn.BatchNorm2d(channels)
    fused = fuse_norms(copy.deepcopy(norm))
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        norm(torch.zeros(shape))
    with pytest.raises(type(theirs.value)) as ours:
        fused(torch.zeros(shape))
    assert str(ours.value) == str(theirs.value)


def test_an_empty_batch_and_one_number_are_evaluated():
    norm = fuse_norms(nn.BatchNorm2d(3)).eval()
    assert norm(torch.zeros(0, 3, 2, 2)).shape == (0, 3, 2, 2)
    assert norm(torch.ones(1, 3, 1, 1)).shape == (1, 3, 1, 1)


def test_an_input_with_gaps_goes_to_torch(monkeypatch):
    calls = used(monkeypatch)
    x = torch.randn(4, 6, 5, 5)[:, ::2]
    net, plain = fuse_norms(nn.BatchNorm2d(3)), nn.BatchNorm2d(3)
    assert torch.equal(net(x), plain(x))
    assert not calls


def test_names_state_and_objects_stay():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    plain, norm, weight = copy.deepcopy(net), net[1], net[1].weight
    assert fuse_norms(net) is net
    assert net[1] is norm
    assert net[1].weight is weight
    assert list(net.state_dict()) == list(plain.state_dict())
    net.load_state_dict(plain.state_dict())
    plain.load_state_dict(net.state_dict())
    x = torch.randn(2, 3, 6, 6)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert type(twin[1]) is FusedBatchNorm2d
        assert type(twin) is FusedSequential
        assert torch.equal(twin(x), copy.deepcopy(net)(x))
    assert unfuse_norms(net) is net
    assert type(net[1]) is nn.BatchNorm2d
    assert type(net) is nn.Sequential


def test_subclasses_and_other_norms_stay():
    class Mine(nn.BatchNorm2d):
        pass

    net = nn.Sequential(nn.SyncBatchNorm(3), Mine(3), nn.InstanceNorm2d(3), nn.LazyBatchNorm2d())
    fuse_norms(net)
    assert [type(m) for m in net] == [
        nn.SyncBatchNorm,
        Mine,
        nn.InstanceNorm2d,
        nn.LazyBatchNorm2d,
    ]
    assert type(nn.SyncBatchNorm.convert_sync_batchnorm(fuse_norms(nn.BatchNorm2d(3)))) is (
        nn.SyncBatchNorm
    )
    with pytest.raises(InvalidArgumentError, match="torch module"):
        fuse_norms(3)


def test_relu_joins_across_nested_sequences(monkeypatch):
    calls = used(monkeypatch)
    fuse_norms(branch(2, 8, 8, 3, 1))(torch.randn(2, 8, 4, 4))
    assert [norm.rectifies for norm in calls] == [True, True, False]


def test_hooks_see_what_each_module_returns(monkeypatch):
    calls = used(monkeypatch)
    net = fuse_norms(nn.Sequential(nn.Sequential(nn.BatchNorm2d(3)), nn.ReLU()))
    x = torch.randn(4, 3, 5, 5)
    exact = nn.BatchNorm2d(3)(x)
    seen = []
    for module in (net[0], net[0][0], net[1]):
        handle = module.register_forward_hook(lambda m, i, y: seen.append(y))
        net(x)
        handle.remove()
    assert [norm.rectifies for norm in calls] == [False, False, False]
    close(seen[0], exact.double())
    close(seen[1], exact.double())
    close(seen[2], exact.relu().double())


def test_rectified_takes_any_norm(monkeypatch):
    calls = used(monkeypatch)
    x = torch.randn(4, 3, 5, 5)
    plain = rectified(nn.BatchNorm2d(3), x)
    norm = fuse_norms(nn.BatchNorm2d(3))
    close(rectified(norm, x), plain.double())
    assert calls[-1].rectifies
    norm.register_forward_hook(lambda *a: None)
    close(rectified(norm, x), plain.double())
    assert not calls[-1].rectifies


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_autocast_and_transformations_go_to_torch(monkeypatch):
    calls = used(monkeypatch)
    net = fuse_norms(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU())).eval()
    x = torch.randn(2, 3, 5, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert net(x).dtype == torch.bfloat16
    assert torch.func.vmap(net)(x[None]).shape == (1, 2, 4, 5, 5)
    torch.func.jvp(net, (x,), (x,))
    with torch.autograd.forward_ad.dual_level():
        net(torch.autograd.forward_ad.make_dual(x, x))
    torch.jit.trace(net, x, check_trace=False)
    assert not calls


def test_a_whole_network_digital_and_analog():
    torch.manual_seed(0)
    net = NASBench201Network((3, 2, 4, 1, 3, 0), channels=4, cells=1)
    x, target = torch.randn(6, 3, 16, 16), torch.randint(10, (6,))
    for model in (net, to_analog(net, get_config("analognasbench"))):
        results = []
        for twin in (model, fuse_norms(copy.deepcopy(model))):
            torch.manual_seed(1)
            twin.train()
            nn.functional.cross_entropy(twin(x), target).backward()
            with torch.no_grad():
                results.append(
                    [twin.eval()(x), *(p.grad for p in twin.parameters() if p.ndim == 4)]
                )
        for a, b in zip(*results, strict=True):
            close(b, a.double(), 1e-4 if model is net else 0.1)  # an ADC may round to the next step


def test_saved_inputs_are_guarded():
    net = fuse_norms(nn.BatchNorm2d(3))
    x = torch.randn(4, 3, 5, 5)
    y = net(x)
    x.add_(1.0)
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum().backward()


def test_function_is_in_the_graph():
    y = fuse_norms(nn.BatchNorm2d(3))(torch.randn(4, 3, 5, 5))
    assert type(y.grad_fn).__name__ == f"{NormFunction.__name__}Backward"
