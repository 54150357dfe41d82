import pytest

from analognas.hardware import AIMCChip, find_chip
from analognas.hardware.cost import cost_of_layers
from analognas.hardware.trace import NamedLayers
from analognas.report.cost import cost_figure
from analognas.spaces import Layers

LAYERS = [
    NamedLayers("a", "Conv2d", Layers(64, 64, 9, 256)),
    NamedLayers("b", "Conv2d", Layers(1, 1, 9, 256, groups=64)),
    NamedLayers("c", "Conv2d", Layers(64, 64, 9, 256)),
]
STATED = AIMCChip(
    name="stated", rows=256, columns=256, mvm_latency=100.0, mvm_energy=10.0, adc_energy=2.0,
    link_energy=0.5, digital_energy=0.3, digital_throughput=100.0, depthwise="digital",
)  # fmt: skip


def bars(axes):
    return [patch.get_width() for patch in axes.patches]


def labels(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_layers_of_equal_shape_are_one_row():
    cost = cost_of_layers(LAYERS, STATED.replace(depthwise="analog"))
    figure = cost_figure(cost)
    assert sorted(labels(figure.axes[0])) == ["1 of 9 x 1 x 64 at 256", "2 of 576 x 64 at 256"]
    for axes in figure.axes[:3]:
        assert sum(bars(axes)) == pytest.approx(100)
    # Shares of time, energy and crossbars have one scale, and the heading names the costliest layers.
    assert len({axes.get_xlim() for axes in figure.axes[:3]}) == 1
    assert "of the energy" in figure.get_suptitle()
    assert cost.chip.name in figure.get_suptitle()


def test_components_that_the_chip_tells_are_split():
    cost = cost_of_layers(LAYERS, STATED)
    *_, split = cost_figure(cost).axes
    told = {name: value for name, value in cost.components.items() if value}
    assert set(told) == {"mvm", "adc", "digital", "links"}
    assert labels(split) == sorted(told, key=lambda name: -told[name])
    assert bars(split) == pytest.approx([100 * told[name] / cost.energy for name in labels(split)])
    assert sum(bars(split)) == pytest.approx(100)


def test_a_chip_that_tells_mvms_only_has_no_split():
    assert len(cost_figure(cost_of_layers(LAYERS, find_chip("hermes-core"))).axes) == 3


def test_what_is_not_known_is_said():
    cost = cost_of_layers(LAYERS, STATED.replace(digital_energy=None))
    figure = cost_figure(cost)
    assert labels(figure.axes[3])[0] == "digital (unknown)"
    assert [text.get_text() for text in figure.axes[3].texts] == ["not known"]
    assert "unknown energy" in figure.get_suptitle()
