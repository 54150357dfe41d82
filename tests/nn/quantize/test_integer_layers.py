import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.nn import StaysDigitalWarning
from analognas.nn.quantize.quantizers import ActivationQuantizer, RangeObserver, integer_weights
from analognas.training import Quantization, calibrate_quantization, quantize, quantized_layers


def calibrated(layer, x, **settings):
    return calibrate_quantization(quantize(layer, Quantization(**settings)), [x]).eval()


LAYERS = {
    "linear": (lambda: nn.Linear(20, 7), (5, 20)),
    "linear, sequences": (lambda: nn.Linear(20, 7, bias=False), (3, 4, 20)),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, stride=2), (3, 4, 11)),
    "conv2d": (lambda: nn.Conv2d(4, 6, 3, padding=1), (3, 4, 7, 7)),
    "conv2d, grouped, reflected": (
        lambda: nn.Conv2d(4, 8, 3, padding=1, groups=4, padding_mode="reflect"),
        (3, 4, 7, 7),
    ),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2, bias=False), (2, 2, 4, 4, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_are_those_of_integer_arithmetic(name):
    """The same layer on int64 tensors, scaled at the end."""
    torch.manual_seed(0)
    make, shape = LAYERS[name]
    plain, x = make(), torch.randn(shape) + 0.3
    layer = calibrated(plain, x)
    weight, scales = layer.integer_weight()
    assert weight.dtype == torch.int8
    scale, zero = layer.quantizers["input"].scale_and_zero()
    steps = torch.clamp(torch.round(x / scale), -zero, 255 - zero)
    integers = copy.deepcopy(plain).double()
    integers.weight.data = weight.double()
    integers.bias = None
    total = integers(steps.double())
    assert torch.equal(total, total.round())
    shape = [1, -1, *[1] * (total.ndim - 2)] if "conv" in name else [-1]
    expected = total * (scale * scales).double().view(shape)
    if plain.bias is not None:
        expected = expected + plain.bias.double().view(shape)
    # One rounding of the factor, one of the product and one of the sum with the bias.
    torch.testing.assert_close(layer(x).double(), expected, rtol=4e-7, atol=4e-7)


def test_sums_beyond_single_precision_stay_exact(monkeypatch):
    """Large sums that nearly cancel: rounding on the way would show."""
    torch.manual_seed(0)
    layer = nn.Linear(40_000, 8, bias=False)
    with torch.no_grad():
        layer.weight.uniform_(0.5, 1.0)
        layer.weight[:, 20_000:].neg_()
    x = torch.rand(4, 40_000) + 0.5
    made = calibrated(layer, x, calibration="minmax").requires_grad_(False)
    scale, zero = made.quantizers["input"].scale_and_zero()
    steps = torch.clamp(torch.round(x / scale), -zero, 255 - zero).long()
    weight, scales = made.integer_weight()
    total = steps @ weight.long().T
    expected = total.double() * (scale * scales).double()
    torch.testing.assert_close(made(x).double(), expected, rtol=2e-7, atol=0.0)
    monkeypatch.setattr("analognas.nn.quantize.integer_layers._fits", lambda *_: True)
    assert ((made(x) - expected).abs() > 2e-7 * expected.abs()).any()


@given(st.integers(2, 8), st.integers(0, 1000))
def test_weights_are_within_half_a_step(bits, seed):
    weight = torch.randn(5, 9, generator=torch.Generator().manual_seed(seed))
    steps, scale = integer_weights(weight, bits)
    assert steps.abs().max() == 2 ** (bits - 1) - 1
    assert torch.equal(steps, steps.round())
    assert ((steps * scale[:, None] - weight).abs() <= scale[:, None] * 0.50001).all()


def test_each_output_has_a_scale_and_zero_weights_are_no_problem():
    weight = torch.tensor([[1.0, 0.5], [100.0, -1.0], [0.0, 0.0]])
    steps, scale = integer_weights(weight, 8)
    torch.testing.assert_close(scale * 127, torch.tensor([1.0, 100.0, 1.0]))
    assert steps.abs().amax(1).tolist() == [127, 127, 0]


def test_zero_is_exact():
    quantizer = ActivationQuantizer(Quantization())
    for low, high in ((-1.3, 2.7), (0.2, 1.0), (-3.0, -1.0)):
        quantizer.set_range(low, high)
        steps, scale = quantizer(torch.tensor([0.0, low, high]))
        assert steps[0] == 0.0
        assert 254 <= float(steps.max() - steps.min()) <= 255
        assert ((steps * scale)[1:] - torch.tensor([low, high])).abs().max() <= 0.51 * scale


def test_less_bits_hurt_more_and_calibration_helps():
    torch.manual_seed(0)
    x, layer = torch.randn(256, 64), nn.Linear(64, 32).requires_grad_(False)
    x[0, 0] = 40.0  # one outlier

    def error(**settings):
        y = calibrated(layer, x, **settings)(x).detach()
        return float((y - layer(x))[1:].norm())

    assert error(activation_bits=4) > 2 * error(activation_bits=8)
    extremes = error(calibration="minmax", activation_bits=6)
    assert error(calibration="mse", activation_bits=6) < 0.8 * extremes
    assert error(calibration="percentile", percentile=99.9, activation_bits=6) < 0.5 * extremes


def test_the_percentile_keeps_its_share():
    observer, x = RangeObserver(), torch.linspace(-1.0, 3.0, 100_001)
    observer.take(x)
    observer.start_counting()
    observer.take(x)
    low, high = observer.choose(Quantization(calibration="percentile", percentile=99.0))
    step = 4.0 / 2048
    assert low == pytest.approx(-0.96, abs=2 * step)
    assert high == pytest.approx(2.96, abs=2 * step)


def test_the_least_error_is_the_best_of_all_shrunken_ranges():
    torch.manual_seed(0)
    x = torch.distributions.Laplace(0.0, 1.0).sample((50_000,))
    observer = RangeObserver()
    observer.take(x)
    observer.start_counting()
    observer.take(x)
    quantizer = ActivationQuantizer(Quantization(activation_bits=4))

    def error(low, high):
        quantizer.set_range(low, high)
        steps, scale = quantizer(x)
        return float((steps * scale - x).square().mean())

    chosen = error(*observer.choose(Quantization(activation_bits=4)))
    others = [
        error(observer.low * f, observer.high * f) for f in torch.linspace(0.1, 1, 46).tolist()
    ]
    assert chosen <= 1.02 * min(others)
    assert chosen < 0.5 * others[-1]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_lstm_follows_torch(bidirectional):
    torch.manual_seed(0)
    plain = nn.LSTM(5, 7, 2, batch_first=True, bidirectional=bidirectional)
    x = torch.randn(4, 9, 5)
    layer = calibrated(plain, x, calibration="minmax")
    y, (h, c) = layer(x)
    expected, (h_0, c_0) = plain(x)
    for ours, theirs in ((y, expected), (h, h_0), (c, c_0)):
        assert ours.shape == theirs.shape
        assert 0 < (ours - theirs).abs().max() < 0.02
    again, _ = layer(x[:, 4:], layer(x[:, :4])[1])
    if not bidirectional:
        torch.testing.assert_close(again, y[:, 4:])
    with pytest.raises(InvalidArgumentError, match="samples, steps and features"):
        layer(x[0])


def test_gradients_pass_straight_through_and_stop_where_clipped():
    torch.manual_seed(0)
    layer = calibrated(nn.Linear(6, 3), torch.randn(8, 6)).train()
    x = torch.randn(4, 6) * 2
    x.requires_grad_()
    layer(x).sum().backward()
    low, high = layer.quantizers["input"].low.item(), layer.quantizers["input"].high.item()
    inside = (x > low + 0.05) & (x < high - 0.05)
    outside = (x < low - 0.05) | (x > high + 0.05)
    assert outside.any()
    steps, scales = layer.integer_weight()
    expected = (steps.float() * scales[:, None]).sum(0).expand(4, 6)
    torch.testing.assert_close(x.grad[inside], expected[inside])
    assert (x.grad[outside] == 0).all()
    assert layer.weight.grad.abs().sum() > 0


def test_ranges_that_are_learned_move_and_the_others_do_not():
    torch.manual_seed(0)
    x = torch.randn(64, 6)
    for ranges in ("fixed", "moving_average", "learned"):
        layer = calibrated(nn.Linear(6, 3), x, ranges=ranges, momentum=0.5).train()
        quantizer = layer.quantizers["input"]
        before = quantizer.high.item()
        with torch.no_grad():
            wanted = nn.functional.linear(3 * x, layer.weight, layer.bias)
        (layer(3 * x) - wanted).square().sum().backward()
        assert (quantizer.high.grad is not None) == (ranges == "learned")
        if ranges == "learned":
            assert quantizer.high.grad < 0  # clipped inputs ask for a wider range
        moved = quantizer.high.item() - before
        expected = 0.5 * (float(3 * x.max()) - before) if ranges == "moving_average" else 0.0
        assert moved == pytest.approx(expected, rel=1e-5)


def test_what_cannot_be_quantised_is_named():
    model = nn.ModuleDict(
        {"gru": nn.GRU(4, 4), "head": nn.Linear(4, 2), "words": nn.Embedding(3, 4)}
    )
    with pytest.warns(StaysDigitalWarning, match="'gru' \\(GRU\\)"):
        made = quantize(model)
    assert [name for name, _ in quantized_layers(made)] == ["head"]
    assert type(model["head"]) is nn.Linear
    quiet = quantize(model, Quantization(digital=("gru",)))
    assert type(quiet["gru"]) is nn.GRU
    with pytest.raises(InvalidArgumentError, match="has none"):
        quantize(nn.ReLU())
    with pytest.raises(UnknownNameError, match="haed"):
        quantize(nn.Sequential(nn.Linear(2, 2)), Quantization(digital=("haed",)))


def test_transformer_encoders_do_not_pass_the_integers_by():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    x = torch.randn(2, 3, 8)
    made = quantize(layer, Quantization(digital=("self_attn",)))
    calibrate_quantization(made, [x])
    with torch.no_grad():
        difference = (made(x) - layer(x)).abs().max()
    assert 0 < difference < 0.1


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"weight_bits": 9}, "weight_bits"),
        ({"calibration": "max"}, "calibration"),
        ({"ranges": "learnt"}, "Did you mean 'learned'"),
        ({"digital": "head"}, "list of texts"),
    ],
)
def test_settings_are_checked(settings, text):
    with pytest.raises((InvalidArgumentError, UnknownNameError), match=text):
        Quantization(**settings)


def test_calibration_needs_data_and_finite_numbers():
    layer = quantize(nn.Linear(2, 2))
    with pytest.raises(InvalidArgumentError, match="at least one batch"):
        calibrate_quantization(layer, [])
    with pytest.raises(InvalidArgumentError, match="finite"):
        calibrate_quantization(layer, [torch.tensor([[float("nan"), 0.0]])])
    with pytest.raises(InvalidArgumentError, match="quantize"):
        calibrate_quantization(nn.Linear(2, 2), [torch.zeros(1, 2)])
    assert layer.quantizers["input"].observer is None
