"""Gradients of hardware-aware training."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from analognas.nn import (
    ADC,
    DAC,
    AnalogConfig,
    AnalogConv2d,
    AnalogLinear,
    InputRange,
    TileSize,
    WeightModifier,
    WeightScaling,
    set_modifier_factor,
)

SMOOTH = AnalogConfig(
    dac=DAC(bits=None),
    adc=ADC(bits=None, bound=None),
    out_noise=0.0,
    modifier=WeightModifier(kind="none"),
    input_range=InputRange(kind="fixed", init=100.0),
    tile=TileSize(rows=8, columns=3),
)
ROUNDED = SMOOTH.replace(
    dac=DAC(bits=5), adc=ADC(bits=6, bound=1.5), input_range=InputRange(init=1.5, init_batches=0)
)


def layers(config):
    torch.manual_seed(0)
    yield (
        AnalogLinear(20, 7, config=config, dtype=torch.float64),
        torch.randn(5, 20, dtype=torch.float64),
    )
    yield (
        AnalogLinear(20, 7, bias=False, config=config, dtype=torch.float64),
        torch.randn(2, 3, 20).double(),
    )
    for arguments in (
        {},
        {"groups": 3},
        {"padding": "same", "padding_mode": "circular"},
        {"dilation": 2},
    ):
        layer = AnalogConv2d(3, 3, (2, 3), config=config, dtype=torch.float64, **arguments)
        yield layer, torch.randn(1, 3, 4, 5, dtype=torch.float64)


@pytest.mark.parametrize("per", ["layer", "tile", "column"])
@pytest.mark.parametrize("index", range(6))
def test_gradcheck_without_rounding(index, per):
    config = SMOOTH.replace(scaling=WeightScaling(per=per, learned=per == "column"))
    layer, x = list(layers(config))[index]
    parameters = [p for p in layer.parameters() if p is not layer.input_range]

    def run(x, *_):
        return layer(x)

    assert torch.autograd.gradcheck(run, (x.requires_grad_(), *parameters), atol=1e-6)


def straight_through(layer, x):
    """The same forward of ordinary differentiable operations, tile by tile; a linear layer."""
    config, grid = layer.config, layer.tiled.grid
    r = layer.input_range.detach()
    clipped = torch.clamp(x / r, -1, 1)
    steps = config.dac.steps
    x_rel = clipped + ((clipped * steps).round() / steps - clipped).detach()
    total = 0
    for i, rows in enumerate(grid.row_slices):
        scale = layer.weight_scale[i]
        y = x_rel[:, rows] @ (layer.weight[:, rows] / scale[:, None]).T
        bound, levels = config.adc.bound, config.adc.steps
        inside = torch.clamp(y, -bound, bound)
        y = inside + ((inside * levels / bound).round() * bound / levels - inside).detach()
        total = total + y * scale * r
    return total + layer.bias


@pytest.mark.parametrize("per", ["layer", "tile", "column"])
def test_gradients_follow_the_straight_through_formula(per):
    torch.manual_seed(0)
    config = ROUNDED.replace(scaling=WeightScaling(per=per))
    layer = AnalogLinear(20, 7, config=config, dtype=torch.float64)
    x = torch.randn(64, 20, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(64, 7, dtype=torch.float64)
    y = layer(x)
    expected_y = straight_through(layer, x)
    torch.testing.assert_close(y, expected_y, rtol=1e-12, atol=1e-12)
    wanted = (x, layer.weight, layer.bias)
    expected = torch.autograd.grad((expected_y * weights).sum(), wanted)
    got = torch.autograd.grad((y * weights).sum(), (*wanted, layer.input_range))
    for ours, theirs in zip(got, expected, strict=False):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    # Clipping really happened on both sides.
    assert (x.abs() > 1.5).any()
    assert (expected[0] == 0).any()


@pytest.mark.parametrize("dense", [True, False])
def test_the_range_gradient_is_its_formula(dense):
    torch.manual_seed(0)
    config = ROUNDED.replace(adc=ADC(bits=None, bound=None))
    layer = AnalogLinear(20, 7, bias=False, config=config, dtype=torch.float64)
    base = torch.randn(20, 64, dtype=torch.float64).t()
    x = (base.contiguous() if dense else base).requires_grad_()
    weights = torch.randn(64, 7, dtype=torch.float64)
    (layer(x) * weights).sum().backward()
    g, r = weights @ layer.weight.detach(), 1.5
    expected = r * (g[x >= r].clamp(max=0).sum() - g[x <= -r].clamp(min=0).sum())
    torch.testing.assert_close(layer.input_range.grad, expected.reshape(1))


@pytest.mark.parametrize(("minimum", "decays"), [(0.5, True), (0.99, False)])
def test_the_range_decays_only_while_enough_inputs_are_inside(minimum, decays):
    ranges = InputRange(init=1.0, init_batches=0, decay=0.25, min_unclipped=minimum)
    layer = AnalogLinear(4, 2, config=SMOOTH.replace(input_range=ranges))
    x = torch.tensor([[0.5, 0.5, 0.5, 3.0]])
    (layer(x) * 0.0).sum().backward()
    assert layer.input_range.grad.item() == (0.25 if decays else 0.0)


def test_weight_gradients_are_those_of_the_clean_weights():
    torch.manual_seed(0)
    noisy = AnalogLinear(20, 7, config=SMOOTH.replace(modifier=WeightModifier(std=0.3)))
    x = torch.randn(5, 20)
    noisy(x).sum().backward()
    torch.testing.assert_close(noisy.weight.grad, x.sum(0).expand(7, 20))


def test_the_modifier_is_drawn_once_a_pass_in_training_only_and_can_be_ramped():
    torch.manual_seed(0)
    layer = AnalogLinear(20, 7, config=SMOOTH.replace(modifier=WeightModifier(std=0.3)))
    x, clean = torch.randn(5, 20), None
    with torch.no_grad():
        clean = functional.linear(x, layer.weight, layer.bias)
        assert not torch.allclose(layer(x), layer(x))
        both = layer(torch.cat([x, x]))
        torch.testing.assert_close(both[:5], both[5:])
        set_modifier_factor(layer, 0.0)
        torch.testing.assert_close(layer(x), clean)
        set_modifier_factor(layer, 1.0)
        layer.eval()
        torch.testing.assert_close(layer(x), clean)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_output_noise_and_converters_are_on_in_evaluation_too(mode):
    torch.manual_seed(0)
    config = AnalogConfig(
        modifier=WeightModifier(kind="none"), input_range=InputRange(init_batches=0)
    )
    layer = AnalogLinear(256, 128, bias=False, config=config)
    getattr(layer, mode)()
    x = 0.5 * torch.randn(64, 256)
    with torch.no_grad():
        error = (layer(x) - functional.linear(x, layer.weight)) / (
            layer.weight_scale[0, 0] * layer.input_range
        )
    # Output noise 0.04, the ADC's rounding 20/254/sqrt(12), and that of the inputs.
    inputs = (2 / 254 / 12**0.5) * (layer.weight / layer.weight_scale[0, 0]).norm(dim=1).mean()
    expected = (0.04**2 + (20 / 254) ** 2 / 12 + inputs**2) ** 0.5
    assert 0.95 < error.std() / expected < 1.05


@pytest.mark.parametrize("n_tiles", [1, 3])
@pytest.mark.parametrize("bound", [0.2, 10.0])
def test_checkpointing_repeats_the_same_noise(bound, n_tiles):
    torch.manual_seed(0)
    config = AnalogConfig(tile=TileSize(rows=32 // n_tiles), adc=ADC(bound=bound))
    layer = AnalogLinear(32, 16, config=config)
    layer.observe(torch.randn(100))
    layer._count_batches(50)
    x = torch.randn(8, 32, requires_grad=True)
    results = []
    for run in (layer, lambda x: torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False)):
        torch.manual_seed(1)
        layer.zero_grad()
        y = run(x)
        y.square().sum().backward()
        results.append([y.detach(), layer.weight.grad.clone(), layer.input_range.grad.clone()])
    for ours, theirs in zip(*results, strict=True):
        assert torch.equal(ours, theirs)


def test_autocast_computes_products_in_bfloat16():
    torch.manual_seed(0)
    config = AnalogConfig(modifier=WeightModifier(kind="none"), out_noise=0.0)
    for layer, x in (
        (AnalogLinear(32, 16, config=config), torch.randn(8, 32)),
        (AnalogConv2d(8, 16, 3, config=config), torch.randn(2, 8, 8, 8)),
    ):
        exact = layer(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = layer(x)
        assert y.dtype == torch.bfloat16
        y.float().square().sum().backward()
        assert layer.weight.grad.dtype == torch.float32
        assert (y.float() - exact).norm() < 0.1 * exact.norm()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler warns of torch
def test_compiled_layers_agree_with_eager_ones():
    torch.manual_seed(0)
    torch._dynamo.reset()
    config = AnalogConfig(
        modifier=WeightModifier(kind="none"), out_noise=0.0, input_range=InputRange(init_batches=0),
        tile=TileSize(rows=20),
    )  # fmt: skip
    model = nn.Sequential(
        AnalogLinear(32, 16, config=config), nn.ReLU(), AnalogLinear(16, 4, config=config)
    )
    compiled = torch.compile(copy.deepcopy(model), backend="aot_eager")
    x = torch.randn(8, 32) * 2
    for run in (model, compiled):
        run(x).square().sum().backward()
    for (name, ours), theirs in zip(compiled.named_parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-4, msg=name)


def test_in_place_operations_may_follow():
    layer = nn.Sequential(AnalogConv2d(3, 8, 3), nn.ReLU(inplace=True))
    layer(torch.randn(2, 3, 8, 8)).sum().backward()
    assert layer[0].weight.grad is not None


def test_channels_last_gives_the_same():
    torch.manual_seed(0)
    config = AnalogConfig(modifier=WeightModifier(kind="none"), out_noise=0.0)
    layer = AnalogConv2d(8, 16, 3, config=config)
    x = torch.randn(2, 8, 8, 8)
    results = []
    for memory in (torch.contiguous_format, torch.channels_last):
        layer.zero_grad()
        layer.input_range.data.fill_(1.0)
        layer.forget_range()
        y = layer(x.to(memory_format=memory))
        y.square().sum().backward()
        results.append([y, layer.weight.grad, layer.input_range.grad])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
