"""Clipping and remapping with any optimizer, several chips, distributed training."""

import os
import tempfile

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.nn import (
    ADC,
    DAC,
    AnalogConfig,
    AnalogConv1d,
    AnalogConv2d,
    AnalogConv3d,
    AnalogLinear,
    Clip,
    InputRange,
    TileSize,
    WeightModifier,
    WeightScaling,
    attach,
    calibrate,
    clip_and_remap,
    program,
    run_chips,
    set_mode,
    to_analog,
)

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("per", ["layer", "tile", "column"])
def test_clipping_and_remapping_follow_any_optimizer_and_a_scheduler(name, per):
    torch.manual_seed(0)
    config = AnalogConfig(
        clip=Clip(sigma=1.5), scaling=WeightScaling(per=per), tile=TileSize(rows=10, columns=5)
    )
    model = to_analog(nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 4)), config)
    optimizer = OPTIMIZERS[name](model.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    handle = attach(model, optimizer)
    for _ in range(4):
        optimizer.zero_grad()
        model(torch.randn(8, 20)).square().sum().backward()
        optimizer.step()
        scheduler.step()
        for layer in (model[0], model[2]):
            weight, grid = layer.weight.detach(), layer.tiled.grid
            assert weight.abs().max() <= 1.9 * weight.std()
            for i, rows in enumerate(grid.row_slices):
                relative = weight[:, rows] / layer.weight_scale[i][:, None]
                assert relative.abs().max() <= 1.0
            if per == "column":
                assert torch.equal(
                    layer.weight_scale[0], weight[:, grid.row_slices[0]].abs().amax(1)
                )
    assert scheduler.get_last_lr() == [0.1 / 16]
    handle.remove()
    before = model[0].weight_scale.clone()
    optimizer.step()
    assert torch.equal(before, model[0].weight_scale)


@pytest.mark.parametrize("per", ["layer", "tile", "column"])
def test_remapping_leaves_the_function_unchanged(per):
    """Student and teacher agree: without converters and noise to float precision, whatever the scales."""
    torch.manual_seed(0)
    config = AnalogConfig(
        dac=DAC(bits=None), adc=ADC(bits=None, bound=None), out_noise=0.0,
        modifier=WeightModifier(kind="none"), clip=Clip(kind="none"), tile=TileSize(rows=10, columns=3),
        input_range=InputRange(kind="fixed", init=100.0), scaling=WeightScaling(per=per, learned=True),
    )  # fmt: skip
    model = to_analog(nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 4)), config)
    x = torch.randn(32, 20)
    set_mode(model, "ideal")
    ideal = model(x)
    set_mode(model, "train")
    for layer in (model[0], model[2]):
        layer.weight_scale.uniform_(0.5, 2.0)
        if per == "layer":
            layer.weight_scale.copy_(layer.weight_scale[0, 0].clone())
    before = model(x)
    clip_and_remap(model)
    torch.testing.assert_close(model(x), before, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(before, ideal, rtol=1e-5, atol=1e-6)


def test_remapping_can_be_left_out():
    layer = AnalogLinear(
        8, 4, config=AnalogConfig(scaling=WeightScaling(remap=False), clip=Clip(kind="fixed"))
    )
    scale = layer.weight_scale.clone()
    layer.weight.data.mul_(3.0)
    clip_and_remap(layer)
    assert torch.equal(layer.weight_scale, scale)
    assert layer.weight.abs().max() == scale[0, 0]


def test_shared_weights_are_clipped_once():
    first = AnalogLinear(8, 8, config=AnalogConfig(clip=Clip(sigma=1.0)))
    second = AnalogLinear(8, 8, config=AnalogConfig(clip=Clip(sigma=1.0)))
    second.weight = first.weight
    limit = first.weight.std().item()
    clip_and_remap(nn.Sequential(first, second))
    assert first.weight.abs().max().item() == pytest.approx(limit)
    assert torch.equal(first.weight_scale, second.weight_scale)


LAYERS = {
    "linear": (lambda c: AnalogLinear(20, 7, config=c), (6, 20)),
    "linear 3-D": (lambda c: AnalogLinear(20, 7, bias=False, config=c), (6, 5, 20)),
    "conv1d": (lambda c: AnalogConv1d(6, 8, 3, config=c), (6, 6, 9)),
    "conv2d": (lambda c: AnalogConv2d(6, 8, 3, groups=2, stride=2, config=c), (6, 6, 9, 9)),
    "depthwise": (
        lambda c: AnalogConv2d(6, 6, 3, groups=6, padding="same", config=c),
        (6, 6, 9, 9),
    ),
    "conv3d": (lambda c: AnalogConv3d(2, 4, 2, config=c), (6, 2, 5, 5, 5)),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("rows", [16, None])
def test_many_chips_at_once_are_those_chips_one_by_one(name, rows):
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    config = AnalogConfig(tile=TileSize(rows=rows), input_range=InputRange(init_batches=0))
    layer = make(config)
    x = torch.randn(shape)
    layer.program(generator=torch.Generator().manual_seed(3), chips=4)
    layer.at_time(86400.0)
    together = run_chips(layer, x)
    assert together.shape[0] == 4
    layer.program(generator=torch.Generator().manual_seed(3), chips=2)
    layer.at_time(86400.0)
    torch.testing.assert_close(run_chips(layer, x), together[:2], rtol=1e-4, atol=1e-4)
    spread = together.std(0).norm() / together.mean(0).norm()
    assert 0.02 < spread < 1.0


def test_a_network_runs_on_many_chips():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 5)
    )
    model, x = to_analog(net).eval(), torch.randn(6, 3, 8, 8)
    calibrate(model, [x])
    program(model, generator=torch.Generator().manual_seed(0), chips=3)
    assert run_chips(model, x).shape == (3, 6, 5)
    program(model, generator=torch.Generator().manual_seed(0))
    with pytest.raises(InvalidArgumentError, match="must be on several chips"):
        run_chips(model, x)


def test_layers_that_the_model_reads_itself_are_said_when_calibrating():
    """As timm's BEiT reads the weights of its fused projection: nothing else could tell."""

    class Fused(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.out(nn.functional.linear(x, self.qkv.weight))

    model = to_analog(Fused())
    with pytest.warns(
        UserWarning, match=r"^1 layer\(s\) were never called, first 'qkv': the model"
    ):
        calibrate(model, [torch.randn(3, 4)])


@pytest.mark.parametrize("batches", [torch.ones(2, 4), 3, None])
def test_batches_are_not_one_batch(batches):
    with pytest.raises(
        InvalidArgumentError, match="`batches` must be a list of batches or a data loader"
    ):
        calibrate(AnalogLinear(4, 2), batches)


@pytest.mark.parametrize("source", [3, None, "seed"])
def test_a_seed_is_no_generator(source):
    with pytest.raises(
        InvalidArgumentError, match="`generator` must be a torch.Generator, but got"
    ):
        program(
            AnalogLinear(4, 2, config=AnalogConfig(input_range=InputRange(init_batches=0))),
            generator=source,
        )


def test_a_model_without_analog_layers_is_refused():
    for act in (
        lambda m: set_mode(m, "ideal"),
        lambda m: program(m, generator=torch.Generator()),
        lambda m: attach(m, torch.optim.SGD(m.parameters())),
        lambda m: calibrate(m, [torch.ones(1)]),
    ):
        with pytest.raises(InvalidArgumentError, match="must have analog layers, but has none"):
            act(nn.Sequential(nn.Linear(2, 2)))


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no distributed")
def test_distributed_data_parallel_trains_all_parameters():
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        store = f"file://{os.path.join(folder, 'store')}"
        torch.distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
        try:
            config = AnalogConfig(input_range=InputRange(init_batches=1))
            model = to_analog(nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2)), config)
            parallel = nn.parallel.DistributedDataParallel(model)
            optimizer = torch.optim.SGD(parallel.parameters(), lr=0.1)
            attach(model, optimizer)
            before = [p.clone() for p in model.parameters()]
            for _ in range(3):
                optimizer.zero_grad()
                parallel(torch.randn(16, 8)).square().sum().backward()
                optimizer.step()
            assert all(
                not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)
            )
        finally:
            torch.distributed.destroy_process_group()


def two_layers():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def test_an_optimizer_of_the_network_that_was_copied():
    net = two_layers()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    model = to_analog(net)
    with pytest.raises(InvalidArgumentError, match=r"has none.*after it, from model.parameters"):
        attach(model, optimizer)
    attach(model, torch.optim.SGD(model.parameters(), lr=0.1))


def test_an_optimizer_of_the_network_before_it_got_ranges():
    net = two_layers()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    model = to_analog(net, inplace=True)
    with pytest.raises(InvalidArgumentError, match=r"2 are missing \('0.input_range'"):
        attach(model, optimizer)
    for layer in (model[0], model[2]):
        layer.input_range.requires_grad_(False)
    attach(model, optimizer)


@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(4, 4),
        nn.MultiheadAttention(4, 2),
        nn.Sequential(nn.Conv1d(4, 4, 1), nn.Linear(4, 4)),
    ],
)
def test_optimizers_without_ranges_or_factors(layer):
    model = to_analog(layer, AnalogConfig(scaling=WeightScaling(learned=True)))
    for left_out in ("input_range", "out_scale"):
        kept = [p for name, p in model.named_parameters() if not name.endswith(left_out)]
        with pytest.raises(InvalidArgumentError, match=f"missing.*{left_out}"):
            attach(model, torch.optim.SGD(kept, lr=0.1))
    attach(model, torch.optim.SGD(model.parameters(), lr=0.1))


def test_an_optimizer_from_before_a_part_became_analog():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = nn.Linear(4, 4), to_analog(nn.Linear(4, 2))

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.encoder = to_analog(model.encoder)
    with pytest.raises(InvalidArgumentError, match=r"missing \('encoder.weight'\)"):
        attach(model, optimizer)


def test_layers_that_are_left_out_on_purpose():
    model = to_analog(two_layers())
    attach(model, torch.optim.SGD(model[2].parameters(), lr=0.1))
    model[0].requires_grad_(False)
    attach(model, torch.optim.SGD(model[2].parameters(), lr=0.1))
    model[2].requires_grad_(False)
    attach(model, torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1))


def test_calibration_of_layers_that_are_called_by_name():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(input=self.conv(input=x).mean((2, 3)))

    model = to_analog(Named())
    x = torch.randn(8, 3, 6, 6)
    calibrate(model, [x])
    assert float(model.conv.input_range.detach()) == pytest.approx(3.0 * float(x.std()), rel=1e-5)
    assert int(model.head.input_range_batches) == 1
