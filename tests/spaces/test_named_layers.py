"""What a space says of its networks equals what their forward shows, name by name."""

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, OutOfSpaceError
from analognas.hardware import CHIPS, architecture_cost, network_cost, trace_layers
from analognas.spaces import SPACES, ConfigSpace, ResNetSpace

SMALL = {"resnet": (3, 16, 16), "resnet_vww": (3, 24, 24), "resnet_kws": (1, 98, 10)}
INPUTS = {
    "nasbench201": [(3, 32, 32), (1, 13, 9), (2, 1, 1)],
    "resnet": [SMALL["resnet"], (2, 9, 11)],
    "resnet_vww": [SMALL["resnet_vww"]],
    "resnet_kws": [SMALL["resnet_kws"]],
    "fbnet": [(3, 32, 32), (1, 9, 17)],
    "fbnet_imagenet": [(3, 64, 64)],
}


def some_of(space, n):
    """Architectures with small networks, the smallest and every operation among them."""
    rows = space.sample(300, generator=np.random.default_rng(7))
    return rows[np.argsort(space.params(rows), kind="stable")[:: 300 // (10 * n)][:n]]


@pytest.mark.parametrize("name", SPACES.names())
def test_named_layers_are_those_of_the_traced_network(name):
    space = SPACES.get(name)()
    for shape in INPUTS[name]:
        for row in some_of(space, 4):
            named = space.named_layers(space.decode(row), shape, 7)
            assert list(named) == trace_layers(space.build(row, shape, 7), input_shape=shape)
            macs = sum(entry.layer.macs for entry in named) + 7  # the classifier's bias
            assert macs == space.macs(row[None], shape, 7)[0]


@pytest.mark.parametrize("layout", ["cifar", "imagenet"])
def test_layouts_and_kernels_of_residual_networks(layout):
    space = ResNetSpace(input_shape=(3, 40, 33), n_classes=5, kernels=(3, 5), layout=layout)
    for row in some_of(space, 4):
        assert space.named_layers(row) == trace_layers(space.build(row), input_shape=(3, 40, 33))


@pytest.mark.parametrize("name", SPACES.names())
def test_costs_need_no_network(name, monkeypatch):
    space, chip = SPACES.get(name)(), "hermes-core"
    row = some_of(space, 1)[0]
    built = network_cost(
        space.build(row, space.input_shape, space.n_classes), chip, input_shape=space.input_shape
    )
    monkeypatch.setattr(type(space), "build", None)
    found = architecture_cost(space, space.decode(row), chip)
    assert repr(found) == repr(built)  # with NaN for what the chip does not tell
    assert len(found.layers) >= 8


def test_a_space_that_does_not_name_its_layers_is_built_and_traced():
    from torch import nn

    space = ConfigSpace(
        name="mlp",
        network=lambda arch, shape, n: nn.Sequential(
            nn.Flatten(), nn.Linear(int(np.prod(shape)), arch["width"]), nn.Linear(arch["width"], n)
        ),
    )
    space.add_hyperparameter_range("width", "discrete", [16, 32])
    assert space.named_layers({"width": 16}) is None
    chip = CHIPS.get("hermes-core")
    found = architecture_cost(space, {"width": 16}, chip)
    assert [(layer.name, layer.rows, layer.columns) for layer in found.layers] == [
        ("1", 3072, 16),
        ("2", 16, 10),
    ]
    other = architecture_cost(space, {"width": 16}, chip, input_shape=(1, 4, 4), n_classes=3)
    assert [(layer.rows, layer.columns) for layer in other.layers] == [(16, 16), (16, 3)]
    with pytest.raises(InvalidArgumentError, match="does not define the layers"):
        space.layers(space.every())


def test_what_cannot_be_is_an_error_as_for_the_network():
    space = SPACES.get("fbnet")()
    with pytest.raises(InvalidArgumentError, match="at least 5 pixels"):
        space.named_layers([0] * 22, (3, 2, 2))
    with pytest.raises(OutOfSpaceError, match="22 operations"):
        space.named_layers([0] * 21)
    with pytest.raises(InvalidArgumentError, match="`n_classes`"):
        SPACES.get("nasbench201")().named_layers((0,) * 6, n_classes=0)
