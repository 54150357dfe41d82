import pytest
import torch
from torch import nn

from analognas.nn import (
    AnalogConfig,
    TileSize,
    at_time,
    calibrate,
    program,
    register_converter,
    run_chips,
    set_mode,
    summary,
    to_analog,
    to_digital,
)
from analognas.nn.convert.converters import CONVERTERS
from analognas.nn.layers.linear import AnalogTransposedLinear


class Transposed(nn.Module):
    """As the layer of transformers."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.randn(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


@pytest.fixture(autouse=True)
def converter():
    name = f"{Transposed.__module__}.{Transposed.__qualname__}"
    register_converter(name, CONVERTERS["transformers.pytorch_utils.Conv1D"])
    yield
    del CONVERTERS[name]


@pytest.mark.parametrize("mode", ["ideal", "train"])
def test_it_is_the_digital_layer_and_so_are_its_gradients(mode, nothing):
    torch.manual_seed(0)
    plain = Transposed(9, 6).double()
    analog = set_mode(to_analog(plain, nothing), mode)
    assert type(analog) is AnalogTransposedLinear
    x = torch.randn(2, 5, 9, dtype=torch.float64)
    for net in (plain, analog):
        net(x).square().sum().backward()
    torch.testing.assert_close(analog(x), plain(x))
    torch.testing.assert_close(analog.weight.grad, plain.weight.grad)
    torch.testing.assert_close(analog.bias.grad, plain.bias.grad)


def test_inputs_are_rows_of_the_tiles():
    config = AnalogConfig(tile=TileSize(rows=5, columns=4))
    (row,) = [row for row in summary(to_analog(Transposed(9, 6), config)).layers if row.analog]
    assert (row.rows, row.columns, row.tiles) == (9, 6, 4)


def test_chips_and_back(generator):
    torch.manual_seed(0)
    plain, x = Transposed(9, 6).eval(), torch.randn(4, 9)
    analog = calibrate(to_analog(plain), [x])
    program(analog, generator=generator(), chips=3)
    at_time(analog, 3600.0)
    y, expected = run_chips(analog, x), plain(x).detach()
    assert y.shape == (3, 4, 6)
    assert 0.02 < float((y - expected).norm() / expected.norm() / 3**0.5) < 0.5
    back = to_digital(analog)
    assert type(back) is Transposed
    assert torch.equal(back(x), expected)
