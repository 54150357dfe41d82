"""Convolutions against torch's own, and against their unfolded matrix on tiles."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from analognas.nn import (
    ADC,
    DAC,
    AnalogConfig,
    AnalogConv1d,
    AnalogConv2d,
    AnalogConv3d,
    DriftCompensation,
    InputRange,
    TileSize,
    WeightModifier,
    to_analog,
)
from analognas.physics import Ideal

EXACT = AnalogConfig(
    device=Ideal(), dac=DAC(bits=None), adc=ADC(bits=None, bound=None), out_noise=0.0,
    modifier=WeightModifier(kind="none"), input_range=InputRange(kind="fixed", init=100.0),
    compensation=DriftCompensation(kind="none"), tile=TileSize(rows=20, columns=3),
)  # fmt: skip
CASES = {
    "plain": (nn.Conv2d, (6, 8, 3), {}),
    "stride": (nn.Conv2d, (6, 8, 3), {"stride": (2, 1)}),
    "padding": (nn.Conv2d, (6, 8, 3), {"padding": (1, 2)}),
    "same, even kernel": (nn.Conv2d, (6, 8, (2, 4)), {"padding": "same"}),
    "valid": (nn.Conv2d, (6, 8, 3), {"padding": "valid", "bias": False}),
    "dilation": (nn.Conv2d, (6, 8, 3), {"dilation": 2, "padding": "same"}),
    "groups": (nn.Conv2d, (6, 8, 3), {"groups": 2}),
    "depthwise": (nn.Conv2d, (6, 12, 3), {"groups": 6}),
    "reflect": (nn.Conv2d, (6, 8, 3), {"padding": 1, "padding_mode": "reflect"}),
    "replicate": (nn.Conv2d, (6, 8, 3), {"padding": 2, "padding_mode": "replicate"}),
    "circular": (nn.Conv2d, (6, 8, (3, 2)), {"padding": "same", "padding_mode": "circular"}),
    "kernel larger than a tile": (nn.Conv2d, (3, 8, 5), {"groups": 1}),
    "1-D": (nn.Conv1d, (6, 8, 5), {"padding": 2}),
    "1-D, same": (nn.Conv1d, (6, 8, 4), {"padding": "same", "groups": 2}),
    "3-D": (nn.Conv3d, (6, 8, (1, 2, 3)), {"padding": (0, 1, 1)}),
    "3-D, reflect": (nn.Conv3d, (2, 4, 3), {"padding": 1, "padding_mode": "reflect"}),
}


@pytest.mark.filterwarnings(
    "ignore:Using padding='same' with even kernel:UserWarning"
)  # torch's own
@pytest.mark.parametrize("mode", ["train", "chip", "ideal"])
@pytest.mark.parametrize("name", CASES)
def test_without_noise_it_is_the_torch_layer(name, mode):
    kind, shape, options = CASES[name]
    torch.manual_seed(0)
    digital = kind(*shape, **options)
    analog = to_analog(digital, EXACT)
    if mode == "chip":
        analog.program(generator=torch.Generator().manual_seed(0))
    analog.set_mode(mode)
    n_dims = digital.weight.ndim - 2
    x = torch.randn(2, shape[0], *(9, 8, 7)[:n_dims])
    torch.testing.assert_close(analog(x), digital(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        analog(x[0]), digital(x[0]), rtol=1e-4, atol=1e-5
    )  # no batch dimension


@pytest.mark.parametrize("kind", [AnalogConv1d, AnalogConv2d, AnalogConv3d])
def test_documentation_names_the_arguments(kind):
    assert "padding_mode" in kind.__doc__
    assert "config: Configuration of the hardware." in kind.__doc__


@pytest.mark.parametrize("groups", [1, 2])
def test_more_inputs_than_a_tile_are_converted_tile_by_tile(groups):
    """130 channels x 9 = 1,170 inputs on three tiles: each has an ADC of its own."""
    torch.manual_seed(0)
    config = EXACT.replace(
        adc=ADC(bits=6, bound=5.0), dac=DAC(bits=6), tile=TileSize(rows=512 // groups),
        input_range=InputRange(kind="fixed", init=2.0),
    )  # fmt: skip
    layer = AnalogConv2d(130, 8, 3, groups=groups, bias=False, config=config)
    x = torch.randn(2, 130, 6, 6)
    assert layer.tiled.grid.n_row_tiles == 3
    scale = layer.weight.detach().abs().max()
    rounded = (torch.clamp(x / 2, -1, 1) * 31).round() / 31
    blocks = functional.unfold(rounded, 3).unflatten(1, (groups, -1))
    matrices = (layer.weight.detach() / scale).flatten(1).unflatten(0, (groups, -1))
    total = 0
    for rows in layer.tiled.grid.row_slices:
        y = torch.einsum("ngrp,gor->ngop", blocks[:, :, rows], matrices[:, :, rows])
        total = total + torch.clamp((y * 31 / 5).round(), -31, 31) * 5 / 31
    expected = (total.flatten(1, 2) * scale * 2).view(2, 8, 4, 4)
    y = layer(x)
    step = float(2 * 5 / 31 * scale)
    assert ((y - expected).abs() > 0.5 * step).float().mean() < 1e-3  # ties of the rounding
    layer.program(generator=torch.Generator().manual_seed(0))
    assert ((layer(x) - expected).abs() > 0.5 * step).float().mean() < 1e-3


def test_ir_drop_of_a_convolution_is_that_of_its_unfolded_matrix():
    from analognas.nn import AnalogLinear

    torch.manual_seed(0)
    config = EXACT.replace(
        ir_drop=5000.0, tile=TileSize(rows=24), input_range=InputRange(kind="fixed", init=4.0)
    )
    conv = AnalogConv2d(6, 8, 3, bias=False, config=config)
    linear = AnalogLinear(54, 8, bias=False, config=config.replace(tile=TileSize(rows=18)))
    assert linear.tiled.grid.row_edges == conv.tiled.grid.row_edges
    linear.weight.data.copy_(conv.weight.data.flatten(1))
    linear.remap()
    x = torch.randn(2, 6, 5, 5)
    expected = linear(functional.unfold(x, 3).transpose(1, 2)).transpose(1, 2).view(2, 8, 3, 3)
    torch.testing.assert_close(conv(x), expected, rtol=1e-4, atol=1e-5)
    plain = functional.conv2d(x, conv.weight)
    assert (conv(x) - plain).norm() > 0.01 * plain.norm()
