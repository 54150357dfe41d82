"""State dicts as aihwkit 1.2.0 and aihwkit-lightning 2.1.0 write them."""

import sys
import types

import pytest
import torch
from torch import nn

from analognas.core import CheckpointMismatchError, DataNotFoundError, TableIntegrityError
from analognas.nn import AnalogConfig, load_aihwkit_state, to_analog


def network():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 10, bias=False)
    )


@pytest.fixture
def digital():
    torch.manual_seed(0)
    made = network()
    made[1].running_mean.normal_()
    return made


def batch_norm(digital):
    return {f"1.{name}": value for name, value in digital[1].state_dict().items()}


def of_lightning(digital):
    """Torch's names; one input range for each part of the inputs."""
    weights = dict(digital.state_dict())
    state = {}
    for layer, parts in (("0", 1), ("3", 3)):
        state |= {
            f"{layer}.input_range": torch.arange(1.0, parts + 1),
            f"{layer}.input_range_update_idx": torch.full((parts,), 7.0),
            f"{layer}.x_min": torch.zeros(parts),
            f"{layer}.x_max": torch.zeros(parts),
        }
    return weights | state


def of_aihwkit(digital, name="shared_weights"):
    """One tile for the convolution; 2 x 3 tiles for the linear layer, input parts first."""
    conv, linear = digital[0], digital[3]
    state = batch_norm(digital)
    scale = torch.tensor([0.5, 2.0, 4.0, 0.25])
    learned = torch.tensor([1.0, 3.0, 1.0, 1.0])
    weight = conv.weight.detach().flatten(1) / (scale * learned)[:, None]
    held = {"analog_tile_weights": weight} if name == "analog_tile_state" else weight
    state |= {
        f"0.analog_module.{name}": held,
        "0.analog_module.mapping_scales": scale,
        "0.analog_module.out_scaling_alpha": learned,
        "0.analog_module.bias": conv.bias.detach(),
        "0.analog_module.input_range": torch.tensor([2.5]),
        "0.analog_module.input_range_update_idx": torch.tensor([50.0]),
        "0.analog_module.analog_ctx": torch.zeros(1),
    }
    for i, columns in enumerate(linear.weight.detach().split([30, 34], 1)):
        for j, part in enumerate(columns.split([4, 3, 3], 0)):
            tile = f"3.analog_module.array.{i}.{j}"
            state |= {
                f"{tile}.{name}": {"analog_tile_weights": part / 0.1}
                if name == "analog_tile_state"
                else part / 0.1,
                f"{tile}.mapping_scales": torch.tensor([0.1]),
                f"{tile}.input_range": torch.tensor([1.0 + i]),
            }
    return state


@pytest.mark.parametrize(
    "make",
    [
        of_lightning,
        of_aihwkit,
        lambda digital: of_aihwkit(digital, "tile.weight"),
        lambda digital: of_aihwkit(digital, "analog_tile_state"),
    ],
)
def test_weights_and_ranges_are_those_of_the_network(digital, make):
    model = load_aihwkit_state(to_analog(network()), make(digital))
    for name, value in digital.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value)
    assert model[3].input_range.item() == (3.0 if make is of_lightning else 2.0)
    assert int(model[0].input_range_batches) == (7 if make is of_lightning else 50)
    torch.testing.assert_close(model[3].weight_scale.max(), digital[3].weight.abs().max())
    x = torch.randn(3, 1, 6, 6)
    model[0].set_mode("ideal"), model[3].set_mode("ideal")
    torch.testing.assert_close(model.eval()(x), digital.eval()(x))


def test_learned_output_scales_stay_one(digital):
    config = AnalogConfig(scaling={"learned": True})
    model = load_aihwkit_state(to_analog(network(), config), of_aihwkit(digital))
    assert model[3].out_scale.unique().tolist() == [1.0]


def foreign_class(monkeypatch, module):
    """A class of a module that only the writer of a file has."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        made = types.ModuleType(".".join(parts[:length]))
        monkeypatch.setitem(sys.modules, made.__name__, made)
    made.Config = type("Config", (), {"__module__": module, "__qualname__": "Config"})
    return made.Config


def test_a_file_loads_without_the_code_of_aihwkit(digital, tmp_path, monkeypatch):
    config = foreign_class(monkeypatch, "aihwkit.simulator.configs")()
    config.tile = 256
    state = of_aihwkit(digital, "analog_tile_state")
    state["0.analog_module.analog_tile_state"]["rpu_config"] = config
    torch.save(state, tmp_path / "net.pt")
    monkeypatch.delitem(sys.modules, "aihwkit.simulator.configs")
    model = load_aihwkit_state(to_analog(network()), tmp_path / "net.pt")
    torch.testing.assert_close(model[0].weight, digital[0].weight)


def test_a_file_of_other_classes_is_not_read(digital, tmp_path, monkeypatch):
    state = of_lightning(digital) | {"0.config": foreign_class(monkeypatch, "evil.configs")()}
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(TableIntegrityError, match=r"net\.pt"):
        load_aihwkit_state(to_analog(network()), tmp_path / "net.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "net.pt").read_bytes()[:500])
    with pytest.raises(TableIntegrityError, match=r"cut\.pt"):
        load_aihwkit_state(to_analog(network()), tmp_path / "cut.pt")
    torch.save([1], tmp_path / "list.pt")
    with pytest.raises(TableIntegrityError, match="list"):
        load_aihwkit_state(to_analog(network()), tmp_path / "list.pt")
    with pytest.raises(DataNotFoundError, match="absent"):
        load_aihwkit_state(to_analog(network()), tmp_path / "absent.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"3.analog_module.array.1.2.shared_weights": torch.ones(2, 34)}, "do not form a matrix"),
        ({"4.analog_module.shared_weights": torch.ones(2, 34)}, "4.weight"),
        ({"0.analog_module.shared_weights": torch.ones(4, 8)}, "0.weight is"),
        ({"0.analog_module.shared_weights": None}, "has no weights for a tile of '0'"),
    ],
)
def test_another_network_is_named_and_nothing_is_loaded(digital, change, message):
    model = to_analog(network())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointMismatchError, match=message):
        load_aihwkit_state(model, of_aihwkit(digital) | change)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name])
