import pytest
import torch
from torch import nn
from torch.nn import functional

from analognas.nn import program, register_converter, set_mode, to_analog, to_digital
from analognas.nn.convert.converters import CONVERTERS
from analognas.nn.layers.conv import AnalogConv2dSame


class Same(nn.Conv2d):
    """As the layer of timm."""

    def forward(self, x):
        pads = []
        for axis in (-1, -2):
            n, k, s, d = (
                x.shape[axis],
                self.kernel_size[axis],
                self.stride[axis],
                self.dilation[axis],
            )
            outputs = (n + s - 1) // s
            total = max((outputs - 1) * s + d * (k - 1) + 1 - n, 0)
            pads += [total // 2, total - total // 2]
        return functional.conv2d(
            functional.pad(x, pads),
            self.weight,
            self.bias,
            self.stride,
            0,
            self.dilation,
            self.groups,
        )


@pytest.fixture(autouse=True)
def converter():
    name = f"{Same.__module__}.{Same.__qualname__}"
    register_converter(name, CONVERTERS["timm.layers.conv2d_same.Conv2dSame"])
    yield
    del CONVERTERS[name]


@pytest.mark.parametrize("mode", ["ideal", "train"])
@pytest.mark.parametrize("shape", [(2, 4, 9, 8), (2, 4, 7, 10), (4, 5, 5)])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "stride": 2},
        {"kernel_size": (2, 5), "stride": (3, 1), "groups": 2},
        {"kernel_size": 1, "stride": 2, "bias": False},
        {"kernel_size": 3, "dilation": (1, 2), "groups": 4},
    ],
    ids=str,
)
def test_it_is_the_digital_layer(options, shape, mode, nothing):
    torch.manual_seed(0)
    plain, x = Same(4, 4, **options).double(), torch.randn(shape, dtype=torch.float64)
    analog = set_mode(to_analog(plain, nothing), mode)
    assert type(analog) is AnalogConv2dSame
    expected = plain(x)
    if options["kernel_size"] == 3:
        s = plain.stride[0]
        assert expected.shape[-2:] == tuple(-(-n // s) for n in shape[-2:])
    torch.testing.assert_close(analog(x), expected)
    for net in (plain, analog):
        net(x).square().sum().backward()
    torch.testing.assert_close(analog.weight.grad, plain.weight.grad)


@pytest.mark.filterwarnings("ignore:Input ranges of")
def test_chips_and_back(generator):
    plain, x = Same(4, 4, 3, stride=2), torch.randn(2, 4, 7, 8)
    analog = program(to_analog(plain).eval(), generator=generator(), chips=2)
    assert analog(x.repeat(2, 1, 1, 1)).shape == (4, 4, 4, 4)
    back = to_digital(analog)
    assert type(back) is Same
    assert torch.equal(back(x), plain(x))
