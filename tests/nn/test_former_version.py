"""Files of the former version open, give the outputs that they gave, and are written alike."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from analognas.hardware import load_chip, network_cost
from analognas.nn import (
    at_time,
    config_to_dict,
    load_config,
    program,
    run_chips,
    save_config,
    set_mode,
)
from analognas.physics import ProgrammedDevices, load_device, save_device
from analognas.training import load_model

FOLDER = Path(__file__).parent / "former_version"
OUTPUTS = json.loads((FOLDER / "outputs.json").read_text())
X = torch.linspace(-2.0, 2.0, 64).reshape(4, 1, 4, 4)


def network():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


@pytest.fixture(scope="module")
def analog():
    return load_model(FOLDER / "analog.safetensors", model=network())[0]


def same(values, name):
    torch.testing.assert_close(values, torch.tensor(OUTPUTS[name]), rtol=1e-5, atol=1e-6)


def test_a_saved_analog_model(analog):
    assert config_to_dict(analog[0].config) == config_to_dict(load_config(FOLDER / "config.yaml"))
    same(set_mode(analog, "ideal")(X), "ideal")
    torch.manual_seed(1)
    same(set_mode(analog, "train")(X), "hardware aware")


def test_it_goes_on_a_chip(analog):
    program(analog, generator=torch.Generator().manual_seed(2), chips=2)
    same(run_chips(at_time(analog, 86400.0), X), "after a day")


def test_a_saved_quantised_model():
    model, record = load_model(FOLDER / "quantized.safetensors", model=network())
    assert record.quantization["weight_bits"] == 6
    same(model(X), "quantized")


def test_a_device():
    chip = ProgrammedDevices.program(
        load_device(FOLDER / "device.yaml"),
        torch.linspace(0.0, 25.0, 5),
        generator=torch.Generator().manual_seed(4),
    )
    reading = chip.read(3600.0, generator=torch.Generator().manual_seed(5))
    same(reading, "conductances")


def test_the_costs_of_a_chip():
    cost = network_cost(network(), load_chip(FOLDER / "chip.yaml"), input_shape=(1, 4, 4))
    assert cost.metrics == pytest.approx(OUTPUTS["cost"])


@pytest.mark.parametrize(
    ("name", "load", "save"),
    [
        ("config.yaml", load_config, save_config),
        ("config.json", load_config, save_config),
        ("device.yaml", load_device, save_device),
    ],
)
def test_files_are_written_as_before(tmp_path, name, load, save):
    save(load(FOLDER / name), tmp_path / name)
    assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
