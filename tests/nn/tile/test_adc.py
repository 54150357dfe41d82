"""From products to digital outputs: the compiled pass against torch's passes over the whole."""

import pytest
import torch

from analognas.nn import ADC, AnalogConfig, AnalogLinear
from analognas.nn.hwa.noise import BankNoise, ExactNoise
from analognas.nn.kernels.buffers import can_use_kernels
from analognas.nn.tile.adc import add_bias, digitize_outputs

SHAPES = [(6, 10), (900, 130), (4, 8, 70, 70)]
SOURCES = [ExactNoise, BankNoise]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def tiled_layer(**changes):
    return AnalogLinear(4, 4, config=AnalogConfig(**changes)).tiled


def noiseless(**changes):
    return tiled_layer(out_noise=0.0, **changes)


def plain(y, made, factor, bias, total):
    limit = made.output_limit
    result = y.clamp(-limit, limit).round() * factor
    result = result if total is None else total + result
    return result if bias is None else result + bias


def bias_of(shape):
    return torch.linspace(-1, 1, shape[1]).view(-1, *(1,) * (len(shape) - 2))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("with_total", [False, True])
def test_conversion_is_its_definition(shape, with_bias, with_total, memory):
    if len(shape) < 4 and memory == torch.channels_last:
        pytest.skip("needs four dimensions")
    y, total = torch.randn(shape) * 100, torch.randn(shape)
    y, total = y.contiguous(memory_format=memory), total.contiguous(memory_format=memory)
    bias = bias_of(shape) if with_bias else None
    total = total if with_total else None
    expected = plain(y, noiseless(), 0.25, bias, total)
    inside = y.abs() < 127
    outputs, mask = digitize_outputs(
        y.clone(),
        noiseless(),
        ExactNoise(),
        factor=0.25,
        bias=bias,
        total=None if total is None else total.clone(),
        with_mask=True,
    )
    assert torch.equal(outputs, expected)
    assert torch.equal(mask, inside)
    assert not inside.all()


@pytest.mark.parametrize("layout", ["transposed total", "gaps", "double"])
def test_what_the_compiled_pass_cannot_take_is_digitized_alike(layout):
    y, total = torch.randn(300, 200) * 100, torch.randn(300, 200)
    if layout == "transposed total":
        total = total.t().contiguous().t()
    elif layout == "gaps":
        y = torch.stack([y, y], dim=-1)[..., 0]
        assert not can_use_kernels(y)
    else:
        y, total = y.double(), total.double()
    expected = plain(y, noiseless(), 0.5, None, total)
    inside = y.abs() < 127
    outputs, mask = digitize_outputs(
        y, noiseless(), ExactNoise(), factor=0.5, total=total.clone(), with_mask=True
    )
    assert torch.equal(outputs, expected)
    assert torch.equal(mask, inside)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("source", SOURCES)
def test_noise_is_what_the_source_would_add(shape, source):
    y = torch.randn(shape)
    made, clear = tiled_layer(), source()
    torch.manual_seed(5)
    outputs, _ = digitize_outputs(y.clone(), made, clear)
    torch.manual_seed(5)
    noisy = clear.add(y.clone(), made.config.out_noise / made.output_step)
    assert torch.equal(outputs, noisy.round())
    assert not torch.equal(noisy.round(), y.round())


def test_each_chip_has_its_own_noise():
    y = torch.zeros(2, 50, 100)
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    made = tiled_layer(adc=ADC(bits=None))
    both, _ = digitize_outputs(y.clone(), made, ExactNoise(generators))
    for row, seed in zip(both, (1, 2), strict=True):
        alone, _ = digitize_outputs(
            y[0].clone(), made, ExactNoise([torch.Generator().manual_seed(seed)])
        )
        assert torch.equal(row, alone)
    assert not torch.equal(both[0], both[1])


def test_no_mask_where_nothing_was_clipped():
    y = torch.randn(900, 130)
    outputs, mask = digitize_outputs(y.clone(), noiseless(), ExactNoise(), with_mask=True)
    assert mask is None
    assert torch.equal(outputs, y.round())


def test_a_nan_stays_one():
    y = torch.tensor([[float("nan"), float("inf"), -float("inf")]])
    outputs, mask = digitize_outputs(y, noiseless(), ExactNoise(), with_mask=True)
    assert outputs.isnan().tolist() == [[True, False, False]]
    assert outputs[0, 1:].tolist() == [127.0, -127.0]
    assert not mask.any()


@pytest.mark.parametrize(
    ("adc", "expected"),
    [
        (ADC(bits=None, bound=None), [300.4, -0.6]),
        (ADC(bits=None, bound=10.0), [10.0, -0.6]),
        (ADC(bits=8, bound=10.0), [127.0, -1.0]),
        (ADC(bits=4, bound=10.0), [7.0, -1.0]),
    ],
)
def test_converters(adc, expected):
    y = torch.tensor([[300.4, -0.6]])
    outputs, mask = digitize_outputs(y.clone(), noiseless(adc=adc), ExactNoise(), with_mask=True)
    torch.testing.assert_close(outputs, torch.tensor([expected]))
    if adc.bound is None:
        assert mask is None
    else:
        assert mask.tolist() == [[False, True]]


def test_factors_of_their_own():
    y, factor = torch.tensor([[3.0, -2.0]]), torch.tensor([0.5, 2.0])
    outputs, _ = digitize_outputs(y.clone(), noiseless(), ExactNoise(), factor=factor)
    assert outputs.tolist() == [[1.5, -4.0]]


@pytest.mark.parametrize("source", SOURCES)
def test_noise_does_not_depend_on_threads(source):
    y, results = torch.zeros(1 << 21), []
    threads = torch.get_num_threads()
    for n in (1, 2):
        torch.set_num_threads(n)
        torch.manual_seed(0)
        results.append(digitize_outputs(y.clone().view(2048, -1), tiled_layer(), source())[0])
    torch.set_num_threads(threads)
    assert torch.equal(*results)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "bias_shape", [(1,), (5,), (1, 5), (5, 1), (5, 1, 1), (5, 1, 1, 1), (2, 1, 5, 1, 1)]
)
def test_a_bias_broadcasts_as_torch_does(bias_shape, dtype, memory):
    y, bias = torch.randn(2, 5, 5, 5, 5, dtype=dtype), torch.randn(bias_shape, dtype=dtype)
    y = y.contiguous(memory_format=memory)
    expected = y + bias
    add_bias(y, bias)
    assert torch.equal(y, expected)
