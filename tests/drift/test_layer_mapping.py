"""Networks with digital and doubled layers, on the same chips."""

import pytest

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.drift import DriftEvaluator, layer_sensitivity
from analognas.drift.examples import Examples
from analognas.drift.layer_mapping import LayerMapping, double_devices, mapping_losses
from analognas.nn import analog_layers, network_config, to_digital
from analognas.training import ModelRecord, load_model, save_model


def test_losses_on_chips_are_those_of_the_sensitivity(analog, problem):
    examples = Examples(problem)
    found = layer_sensitivity(analog, examples, t=86400.0, chips=3)
    mappings = [LayerMapping(), LayerMapping(digital=("2",)), LayerMapping(digital=("0", "2"))]
    losses = mapping_losses(analog, examples, mappings, t=86400.0, chips=3, seed=0)
    assert losses[0].tolist() == found.costs[:, -1].tolist()  # the whole network
    assert losses[1].tolist() == found.costs[:, 0].tolist()  # the first layer alone
    assert losses[2].tolist() == [0.0, 0.0, 0.0]


def test_doubled_layers_have_four_devices_and_lose_less(analog, problem):
    doubled = double_devices(analog, ["0", "2"])
    assert [x.config.weight_mapping.n_devices for _, x in analog_layers(doubled)] == [4, 4]
    assert [x.config.weight_mapping.n_devices for _, x in analog_layers(analog)] == [2, 2]
    examples = Examples(problem)
    mappings = [LayerMapping(), LayerMapping(doubled=("0", "2")), LayerMapping()]
    losses = mapping_losses(analog, examples, mappings, t=31536000.0, chips=6, seed=0)
    assert losses[2].tolist() == losses[0].tolist()  # nothing is left of the doubled devices
    assert losses[1].mean() < losses[0].mean() + 0.5


def test_doubled_layers_of_a_configuration_are_those_of_a_network(analog, problem, tmp_path):
    doubled = double_devices(analog, ["2"])
    config = network_config(doubled)
    assert config == network_config(analog).replace(doubled=("2",))
    # A saved network has them again, and the same chips.
    save_model(tmp_path / "net.safetensors", doubled, ModelRecord())
    again, _ = load_model(tmp_path / "net.safetensors", model=to_digital(analog))
    assert [x.config.weight_mapping.n_devices for _, x in analog_layers(again)] == [2, 4]
    evaluator = DriftEvaluator(times=(1.0, 86400.0), chips=2)
    results = [evaluator.evaluate(net, problem).rows() for net in (doubled, again, analog)]
    assert results[0] == results[1] != results[2]
    assert "doubled" in repr(config)
    # Earlier journals know no such entry.
    assert "doubled" not in repr(config.replace(doubled=())).replace("doubled=(), ", "")


def test_wrong_layers(analog, problem):
    examples = Examples(problem)
    with pytest.raises(UnknownNameError, match="Unknown analog layer '7'"):
        mapping_losses(analog, examples, [LayerMapping(digital=("7",))], t=1.0, chips=1, seed=0)
    both = LayerMapping(digital=("0",), doubled=("0",))
    with pytest.raises(InvalidArgumentError, match="'0' is both"):
        mapping_losses(analog, examples, [both], t=1.0, chips=1, seed=0)
