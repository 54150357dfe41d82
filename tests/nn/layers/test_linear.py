import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.nn import AnalogConfig, AnalogLinear, InputRange, TileSize, set_mode


@pytest.mark.parametrize("mode", ["ideal", "train"])
@pytest.mark.parametrize("shape", [(9,), (4, 9), (2, 3, 4, 9), (0, 9)])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_torch(shape, bias, mode, twins):
    plain, layer = twins(nn.Linear, AnalogLinear, 9, 6, bias=bias)
    set_mode(layer, mode)
    x = torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(layer(x), plain(x))
    for net in (plain, layer):
        net(x).square().sum().backward()
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(layer.get_parameter(name).grad, parameter.grad)


def test_inputs_that_do_not_fit_are_refused(nothing):
    with pytest.raises(InvalidArgumentError, match=r"9 features in dimension -1.*\(4, 8\)"):
        AnalogLinear(9, 6, config=nothing)(torch.randn(4, 8))


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64, torch.float64])
@pytest.mark.parametrize("mode", ["train", "chip"])
def test_inputs_of_another_type_are_refused(dtype, mode):
    layer = AnalogLinear(9, 6)
    if mode == "chip":
        layer.program(generator=torch.Generator().manual_seed(0))
    with pytest.raises(InvalidArgumentError, match=f"must be torch.float32.*but are {dtype}"):
        layer(torch.ones(4, 9).to(dtype))


def test_every_row_tile_has_its_own_converters():
    """Two tiles of 4 rows clip at the bound each; one tile of 8 clips the sum."""
    ready = AnalogConfig(out_noise=0.0, input_range=InputRange(kind="fixed", init=1.0))
    outputs = []
    for rows in (8, 4):
        config = ready.replace(tile=TileSize(rows=rows), adc=type(ready.adc)(bits=8, bound=2.0))
        layer = AnalogLinear(8, 1, bias=False, config=config).eval()
        with torch.no_grad():
            layer.weight.fill_(0.5)
        layer.remap()
        outputs.append(float(layer(torch.ones(1, 8)).detach()))
    assert outputs == pytest.approx([1.0, 2.0])  # bound 2 x largest weight 0.5, once and twice


def test_arguments_of_torch():
    layer = AnalogLinear(3, 2, False, dtype=torch.float64, device="cpu")
    assert layer.bias is None
    assert layer.weight.dtype == torch.float64
    with pytest.raises(InvalidArgumentError, match="must be an AnalogConfig, but got dict"):
        AnalogLinear(3, 2, config={"out_noise": 0.0})
    with (
        pytest.warns(UserWarning, match="zero-element"),
        pytest.raises(InvalidArgumentError, match="must not be empty"),
    ):
        AnalogLinear(0, 2)
