"""Inputs that no layer can take, and inputs by name."""

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.nn import AnalogConfig, InputRange, WeightModifier, set_mode, to_analog
from analognas.nn.layers.conv import AnalogConv2dSame

QUIET = AnalogConfig(
    out_noise=0.0, modifier=WeightModifier(kind="none"), input_range=InputRange(init_batches=0)
)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(3, 4, 3), (8, 3 * 32 * 32)),
        (nn.Conv2d(3, 4, 3), (2, 2, 3, 8, 8)),
        (nn.Conv2d(3, 4, 3), (8,)),
        (nn.Conv1d(3, 4, 3), (3,)),
        (nn.Conv3d(3, 4, 3), (3, 8, 8)),
        (nn.LSTM(3, 4), (3,)),
        (nn.GRU(3, 4), (1, 2, 2, 3)),
    ],
)
def test_a_wrong_number_of_dimensions(layer, shape):
    with pytest.raises(InvalidArgumentError, match="dimensions.*but have the shape"):
        to_analog(layer)(torch.zeros(shape))


def test_a_single_number():
    with pytest.raises(InvalidArgumentError, match="single number"):
        to_analog(nn.Linear(3, 4))(torch.zeros(()))


def test_attention_of_images():
    layer = to_analog(nn.MultiheadAttention(4, 2))
    x = torch.zeros(2, 3, 3, 4)
    with pytest.raises(InvalidArgumentError, match="2 or 3 dimensions"):
        layer(x, x, x)


@pytest.mark.parametrize("mode", ["train", "ideal", "chip"])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(4, 3), (2, 4)),
        (nn.Conv1d(4, 3, 1), (2, 4, 5)),
        (nn.Conv2d(4, 3, 1), (2, 4, 5, 5)),
        (nn.Conv3d(4, 3, 1), (2, 4, 5, 5, 5)),
        (nn.LSTM(4, 3), (2, 5, 4)),
    ],
)
def test_inputs_by_name(layer, shape, mode):
    model = to_analog(layer, QUIET)
    if mode == "chip":
        model.program(generator=torch.Generator().manual_seed(0))
    set_mode(model, mode)
    model(input=torch.ones(shape))
    y = model.eval()(torch.ones(shape))
    assert (y[0] if isinstance(y, tuple) else y).shape[0] == 2


def test_timm_names_the_input_of_its_convolution_x():
    layer = AnalogConv2dSame(3, 4, 3, config=QUIET)
    x = torch.randn(2, 3, 7, 7)
    assert torch.equal(layer(x=x), layer(x))
    with pytest.raises(InvalidArgumentError, match="3 or 4 dimensions"):
        layer(x.flatten(1))


@pytest.mark.parametrize("x", [[1.0, 2.0], None, torch.ones(2, 2).to_sparse()])
def test_inputs_that_are_no_dense_tensor(x):
    layer = to_analog(nn.Linear(2, 3), QUIET)
    with pytest.raises(InvalidArgumentError, match="The inputs of AnalogLinear must be"):
        layer(x)


def test_attention_has_a_width_for_each_of_its_inputs():
    layer = to_analog(nn.MultiheadAttention(4, 2, kdim=3, vdim=5), QUIET)
    query, key, value = torch.ones(6, 2, 4), torch.ones(6, 2, 3), torch.ones(6, 2, 5)
    layer(query, key, value)
    for inputs in ((key, key, value), (query, query, value), (query, key, query)):
        with pytest.raises(InvalidArgumentError, match="AnalogMultiheadAttention must have . feat"):
            layer(*inputs)


NETWORKS = [
    (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)), (2, 3, 4, 4)),
    (nn.LSTM(3, 4), (2, 3, 3)),
]


@pytest.mark.parametrize(("net", "shape"), NETWORKS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_digital_networks_can_be_traced(net, shape):
    model = set_mode(to_analog(net), "ideal")
    x = torch.randn(shape)
    for ours, plain in zip(torch.jit.trace(model, x)(x), net(x), strict=True):
        if isinstance(ours, torch.Tensor):
            torch.testing.assert_close(ours, plain)
    # Whoever looks through the attributes of a layer that was never programmed meets no error.
    assert all(hasattr(part, name) for part in model.modules() for name in dir(part))


@pytest.mark.parametrize(("net", "shape"), NETWORKS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_tiles_can_be_neither_traced_nor_scripted(net, shape):
    """A tracer would take their passes for constants."""
    model = to_analog(net, QUIET)
    with pytest.raises(InvalidArgumentError, match=r"traced.*set_mode\(model, 'ideal'\)"):
        torch.jit.trace(model, torch.randn(shape))
    with pytest.raises(InvalidArgumentError, match=r"scripted.*to_digital\(model\)"):
        torch.jit.script(model)


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.Linear(4, 3), (3, 4)), (nn.Conv2d(4, 3, 1), (3, 4, 2, 2))]
)
def test_an_input_of_zeros_under_its_own_largest_value(layer, shape):
    model = to_analog(layer, QUIET.replace(input_range=InputRange(kind="absmax")))
    x = torch.randn(shape)
    x[1] = 0.0
    x.requires_grad_()
    y = model(x)
    y.sum().backward()
    bias = model.bias.view(-1, *(1,) * (y.ndim - 2))
    torch.testing.assert_close(y[1], bias.expand_as(y[1]))
    assert torch.isfinite(x.grad).all()
    model.program(generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(model(x)).all()
