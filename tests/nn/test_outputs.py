"""From products to digital outputs: the passes in pieces against those over the whole."""

import pytest
import torch

from analognas.nn import ADC, AnalogConfig, AnalogLinear
from analognas.nn.noise import BankNoise, ExactNoise
from analognas.nn.outputs import _settle_whole, settle

SHAPES = [(6, 10), (900, 130), (4, 8, 70, 70)]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def plan(**changes):
    return AnalogLinear(4, 4, config=AnalogConfig(**changes)).plan


def bias_of(shape):
    return torch.linspace(-1, 1, shape[1]).view(-1, *(1,) * (len(shape) - 2))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("with_total", [False, True])
@pytest.mark.parametrize("source", [ExactNoise, BankNoise])
def test_pieces_give_what_the_whole_gives(shape, with_bias, with_total, source):
    y, total = torch.randn(shape) * 100, torch.randn(shape)
    results = []
    for run in (settle, _settle_whole):
        torch.manual_seed(5)
        options = {
            "factor": 0.25,
            "bias": bias_of(shape) if with_bias else None,
            "total": total.clone() if with_total else None,
            "marked": True,
        }
        outputs, marks = (
            run(y.clone(), plan(), source(), **options)
            if run is settle
            else run(y.clone(), plan(), source(), *options.values())
        )
        results.append((outputs, marks))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-6, atol=1e-6)
    codes, inside = results[0][1], results[1][1]
    assert torch.equal(codes.abs() < 127, inside)
    assert not inside.all()


def test_no_marks_where_nothing_was_clipped():
    y = torch.randn(900, 130)
    outputs, marks = settle(y.clone(), plan(out_noise=0.0), ExactNoise(), marked=True)
    assert marks is None
    assert torch.equal(outputs, y.round())


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
    settled = plan(adc=adc, out_noise=0.0)
    outputs, marks = settle(y.clone(), settled, ExactNoise(), marked=True)
    torch.testing.assert_close(outputs, torch.tensor([expected]))
    clipped = (
        None if marks is None else (marks.abs() >= 127 if marks.dtype == torch.int8 else ~marks)
    )
    if adc.bound is None:
        assert marks is None
    else:
        assert clipped.tolist() == [[True, False]]


def test_factors_of_their_own():
    y, factor = torch.tensor([[3.0, -2.0]]), torch.tensor([0.5, 2.0])
    outputs, _ = settle(y.clone(), plan(out_noise=0.0), ExactNoise(), factor=factor)
    assert outputs.tolist() == [[1.5, -4.0]]


def test_noise_does_not_depend_on_threads():
    y, results = torch.zeros(1 << 21), []
    threads = torch.get_num_threads()
    for n in (1, 2):
        torch.set_num_threads(n)
        torch.manual_seed(0)
        results.append(settle(y.clone().view(2048, -1), plan(), ExactNoise())[0])
    torch.set_num_threads(threads)
    assert torch.equal(*results)
