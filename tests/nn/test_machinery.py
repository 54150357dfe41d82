"""Analog layers with the rest of torch: optimizers, autocast, checkpointing, compilation, processes."""

import copy
import io
import itertools
import os
import socket

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from analognas.nn import (
    DAC,
    AnalogConfig,
    InputRange,
    at_time,
    attach,
    calibrate,
    program,
    set_mode,
    to_analog,
)

READY = AnalogConfig(input_range=InputRange(init_batches=0))


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.into = nn.Linear(5, 8)
        self.rnn = nn.LSTM(8, 8, batch_first=True)
        self.gru = nn.GRU(8, 8, batch_first=True)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        x = self.gru(self.rnn(self.into(x))[0])[0]
        return self.out(self.attention(x, x, x)[0].mean(1))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Steps this small are slower on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return to_analog(Network(), READY)


@pytest.fixture
def x():
    torch.manual_seed(1)
    return torch.randn(4, 6, 5)


def on_chip(net, x):
    calibrate(net, [x])
    program(net.eval(), generator=torch.Generator().manual_seed(0))
    at_time(net, 3600.0)
    return net


def test_deepcopy(net, x):
    on_chip(net, x)
    other = copy.deepcopy(net)
    for name in ("rnn", "gru", "attention"):
        for part in getattr(other, name).matrices:
            assert part._source[0] is getattr(other, name)
    assert torch.equal(other(x), net(x))
    with torch.no_grad():
        other.rnn.weight_hh_l0.zero_()
    assert float(net.rnn.matrices[1].weight.detach().abs().sum()) > 0.0


def test_the_same_seed_after_loading_gives_the_same_chip(net, x):
    on_chip(net, x)
    expected = net(x)
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    other = to_analog(Network(), READY)
    other.load_state_dict(torch.load(file, weights_only=True))
    program(other.eval(), generator=torch.Generator().manual_seed(0))
    at_time(other, 3600.0)
    assert torch.equal(other(x), expected)


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD])
def test_optimizer_steps_train_clip_and_remap(net, x, kind):
    optimizer = kind(net.parameters(), lr=0.01)
    attach(net, optimizer)
    labels, losses = torch.tensor([0, 1, 2, 0]), []
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    for _ in range(30):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    if kind is torch.optim.AdamW:
        assert sum(losses[-5:]) < sum(losses[:5])
    changed = {
        name for name, value in net.named_parameters() if not torch.equal(value, before[name])
    }
    assert {"rnn.weight_hh_l0", "attention.in_proj_weight", "gru.weight_ih_l0"} <= changed
    for part in net.rnn.matrices:
        assert float(part.weight_scale.max()) == float(part.weight.detach().abs().max())


@pytest.mark.parametrize("mode", ["train", "chip", "ideal"])
def test_autocast(net, x, mode):
    expected = net.eval()(x)
    if mode == "chip":
        on_chip(net, x)
    else:
        set_mode(net.train(), mode)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = net(x)
    assert y.shape == expected.shape
    assert bool(torch.isfinite(y).all())
    if mode != "chip":
        y.float().sum().backward()
        assert all(p.grad.dtype == p.dtype for p in net.parameters() if p.grad is not None)
        assert net.rnn.weight_hh_l0.grad.abs().sum() > 0


def test_gradient_checkpointing_repeats_the_same_noise(net, x):
    torch.manual_seed(7)
    net(x).sum().backward()
    expected = {name: value.grad.clone() for name, value in net.named_parameters()}
    net.zero_grad()
    torch.manual_seed(7)
    checkpoint(net, x, use_reentrant=False).sum().backward()
    for name, value in net.named_parameters():
        assert torch.equal(value.grad, expected[name])


@pytest.mark.parametrize("build", [lambda: nn.LSTM(4, 4), lambda: nn.Linear(4, 4)])
def test_a_layer_may_run_twice_before_the_backward(build):
    """While data set the input range in place, the first pass must still be differentiable."""
    layer = to_analog(build(), AnalogConfig(input_range=InputRange(init_batches=10)))
    first, second = layer(torch.randn(3, 4)), layer(torch.randn(3, 4))
    loss = sum((y[0] if isinstance(y, tuple) else y).sum() for y in (first, second))
    loss.backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_functional_call(net, x):
    set_mode(net, "ideal")
    zeros = {name: torch.zeros_like(value) for name, value in net.named_parameters()}
    y = torch.func.functional_call(net, zeros, (x,))
    assert torch.equal(y, torch.zeros_like(y))
    set_mode(net, "train")
    zeros |= {name: value for name, value in net.named_parameters() if "input_range" in name}
    y = torch.func.functional_call(net.eval(), zeros, (x,))
    assert float(y.detach().abs().mean()) < 0.2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("backend", ["aot_eager"])
def test_compiled(net, x, backend):
    compiled = torch.compile(net, backend=backend)
    set_mode(net, "ideal")
    torch.testing.assert_close(compiled(x), net(x))
    set_mode(net, "train")
    compiled(x).sum().backward()
    assert net.rnn.weight_hh_l0.grad is not None
    on_chip(net, x)
    assert torch.isfinite(compiled(x)).all()
    torch.compiler.reset()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_networks_of_several_configurations_are_compiled_in_one_process():
    """A compiler takes numbers that change between two compilations for variables; ours are constants."""
    for out_noise, bits in ((0.04, 8), (0.02, 6), (0.0, 4)):
        config = AnalogConfig(
            out_noise=out_noise, dac=DAC(bits=bits), input_range=InputRange(init_batches=0)
        )
        digital = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
        model = to_analog(digital, config)
        compiled, x = torch.compile(model, backend="eager"), torch.randn(4, 8)
        compiled(x).sum().backward()
        assert torch.isfinite(model[0].weight.grad).all()
    model.eval()
    torch.testing.assert_close(compiled(x), model(x))
    torch.compiler.reset()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def train_in_process(rank, world, port, results):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=world)
    torch.manual_seed(0)
    net = to_analog(Network(), AnalogConfig(input_range=InputRange(init_batches=1)))
    parallel = nn.parallel.DistributedDataParallel(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    attach(net, optimizer)
    torch.manual_seed(rank)
    for _ in range(3):
        optimizer.zero_grad()
        parallel(torch.randn(4, 6, 5)).sum().backward()
        optimizer.step()
    flat = torch.cat([value.detach().reshape(-1) for value in net.parameters()])
    results[rank] = flat.tolist()
    torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_one_process_with_distributed_data_parallel():
    results = {}
    train_in_process(0, 1, free_port(), results)
    assert len(results[0]) > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_two_processes_stay_equal():
    """Each draws its own noise and sees its own data; weights and ranges are the same after steps."""
    context = torch.multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        results, port = manager.dict(), free_port()
        processes = [
            context.Process(target=train_in_process, args=(rank, 2, port, results))
            for rank in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        assert [process.exitcode for process in processes] == [0, 0]
        assert results[0] == results[1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_a_network_stays_one_graph_while_its_ranges_are_initialised():
    """Twelve layers of different sizes, compiled from the start: one graph forward, in every step."""
    sizes = range(16, 68, 4)
    net = nn.Sequential(*(nn.Linear(a, b) for a, b in itertools.pairwise(sizes)))
    config = AnalogConfig(input_range=InputRange(init_batches=3))
    model = to_analog(net, config)
    twin, calls = copy.deepcopy(model), []

    def backend(graph, inputs):
        def run(*arguments):
            calls.append(graph)
            return graph(*arguments)

        return run

    compiled, x = torch.compile(model, backend=backend), torch.randn(64, 16)
    for step in range(6):
        calls.clear()
        compiled(x).sum().backward()
        assert len(calls) == 1, step
    for ours, theirs in zip(model, twin, strict=True):
        assert int(ours.input_range_batches) == 3
        assert int(theirs.input_range_batches) == 0
    torch.compiler.reset()
