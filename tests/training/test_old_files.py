"""Files of the version in which ranges had no dimensions still load, and trainings go on from them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from analognas.nn import AnalogConfig, InputRange, to_analog
from analognas.nn.quantize.integer_layers import quantize
from analognas.nn.quantize.quantizers import Quantization
from analognas.training import load_model
from analognas.training.average import WeightAverage
from analognas.training.checkpoint import load_checkpoint
from analognas.training.tensor_files import read_tensors

FOLDER = Path(__file__).parent / "old_files"


class Network(nn.Module):
    """As in ``old_files/make.py``."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3, padding=1)
        self.lstm = nn.LSTM(4, 4, batch_first=True)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.lstm(torch.relu(self.conv(x)).transpose(1, 2))[0]
        return self.head(self.attention(x, x, x, need_weights=False)[0].mean(1))


def digital(name):
    if name == "analog":
        return Network()
    return nn.Sequential(nn.Flatten(), nn.Linear(10, 4), nn.ReLU(), nn.Linear(4, 3))


def converted(name):
    if name == "analog":
        return to_analog(digital(name), AnalogConfig(input_range=InputRange(init_batches=2)))
    return quantize(digital(name), Quantization(ranges="learned"))


def assert_loaded(model, tensors):
    state = model.state_dict()
    assert state.keys() == tensors.keys()
    for name, value in tensors.items():
        assert torch.equal(state[name], value.reshape(state[name].shape)), name
    assert any(value.ndim == 0 and state[name].shape == (1,) for name, value in tensors.items())


@pytest.mark.parametrize("name", ["analog", "quantized"])
def test_state_dicts(name):
    state = torch.load(FOLDER / f"{name}-state", weights_only=True)
    model = converted(name)
    model.load_state_dict(state)
    assert_loaded(model, state)


@pytest.mark.parametrize("name", ["analog", "quantized"])
def test_saved_models(name):
    model, _ = load_model(FOLDER / f"{name}-model", model=digital(name))
    assert_loaded(model, read_tensors(FOLDER / f"{name}-model")[0])


@pytest.mark.parametrize("name", ["analog", "quantized"])
def test_a_training_goes_on(name):
    model = converted(name)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    average = WeightAverage(model, 0.9)
    path = FOLDER / f"{name}-checkpoint"
    position = load_checkpoint(path, model, optimizer, average, {})
    assert position.step == 3
    tensors = read_tensors(path)[0]
    state = {
        key.removeprefix("model/"): x for key, x in tensors.items() if key.startswith("model/")
    }
    assert_loaded(model, state)
    for key, parameter in model.named_parameters():
        assert torch.equal(average.values[key], tensors[f"average/{key}"].reshape(parameter.shape))
    assert all(
        entry["exp_avg"].shape == parameter.shape for parameter, entry in optimizer.state.items()
    )
    model.train()
    model(torch.randn(16, 2, 5)).square().mean().backward()
    optimizer.step()
    average.update(4)
