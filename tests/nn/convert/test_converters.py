import pytest
from torch import nn

from analognas.nn import AnalogLinear, StaysDigitalWarning, register_converter, to_analog
from analognas.nn.convert.converters import CONVERTERS, find_converter


class Same(nn.Linear):
    def __repr__(self):
        return "same"


class OwnForward(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2.0


class OwnConvolution(nn.Conv2d):
    def _conv_forward(self, *args):
        return super()._conv_forward(*args) * 2.0


@pytest.fixture
def registered():
    before = dict(CONVERTERS)
    yield
    CONVERTERS.clear()
    CONVERTERS.update(before)


@pytest.mark.parametrize(
    ("module", "converts", "base"),
    [
        (nn.Linear(1, 1), True, nn.Linear),
        (Same(1, 1), True, nn.Linear),
        (nn.modules.linear.NonDynamicallyQuantizableLinear(1, 1), True, nn.Linear),
        (OwnForward(1, 1), False, nn.Linear),
        (OwnConvolution(1, 1, 1), False, nn.Conv2d),
        (nn.ReLU(), False, None),
        (nn.Bilinear(1, 1, 1), False, None),
    ],
)
def test_a_subclass_converts_while_its_forward_is_the_same(module, converts, base):
    converter, found = find_converter(module)
    assert (converter is not None, found) == (converts, base)


@pytest.mark.parametrize("by_name", [False, True])
def test_the_nearest_class_counts_and_a_name_needs_no_import(by_name, registered):
    calls = []

    def convert(layer, config):
        calls.append(layer)
        return CONVERTERS[nn.Linear](layer, config)

    key = f"{OwnForward.__module__}.{OwnForward.__qualname__}" if by_name else OwnForward
    register_converter(key, convert)
    analog = to_analog(nn.Sequential(OwnForward(1, 1), nn.Linear(1, 1)))
    assert [type(layer) for layer in calls] == [OwnForward]
    assert type(analog[0]) is AnalogLinear


def test_the_forward_of_one_object_counts_too():
    layer = nn.Linear(1, 1)
    layer.forward = lambda x: x
    converter, base = find_converter(layer)
    assert converter is None
    assert base is nn.Linear
    with pytest.warns(StaysDigitalWarning, match="a Linear that overrides the forward"):
        analog = to_analog(nn.Sequential(layer, nn.Linear(1, 1)))
    assert type(analog[0]) is nn.Linear
