"""What wrote the files beside this one, at commit 2f040cd: ranges had no dimensions then.

Run there: python tests/training/old_files/make.py
"""

from pathlib import Path

import torch
from torch import nn

from analognas.nn import AnalogConfig, InputRange, to_analog
from analognas.training import (
    ModelRecord,
    Quantization,
    calibrate_quantization,
    quantize,
    save_model,
)
from analognas.training.average import WeightAverage
from analognas.training.checkpoint import Position, save_checkpoint

FOLDER = Path(__file__).parent
CONFIG = AnalogConfig(input_range=InputRange(init_batches=2))
LEARNED = Quantization(ranges="learned")


class Network(nn.Module):
    """A layer of each kind."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3, padding=1)
        self.lstm = nn.LSTM(4, 4, batch_first=True)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.lstm(torch.relu(self.conv(x)).transpose(1, 2))[0]
        return self.head(self.attention(x, x, x, need_weights=False)[0].mean(1))


def batch(seed):
    return torch.randn(16, 2, 5, generator=torch.Generator().manual_seed(seed))


def trained(model):
    """Train for three steps; return what a checkpoint holds beside the model."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    average = WeightAverage(model, 0.9)
    for step in range(3):
        optimizer.zero_grad()
        model(batch(step)).square().mean().backward()
        optimizer.step()
        average.update(step)
    return optimizer, average


def write(name, model):
    optimizer, average = trained(model)
    position = Position(step=3)
    save_checkpoint(FOLDER / f"{name}-checkpoint", model, optimizer, average, position, {})
    save_model(FOLDER / f"{name}-model", model, ModelRecord())
    torch.save(model.state_dict(), FOLDER / f"{name}-state")


if __name__ == "__main__":
    torch.manual_seed(0)
    write("analog", to_analog(Network(), CONFIG))
    layers = nn.Sequential(nn.Flatten(), nn.Linear(10, 4), nn.ReLU(), nn.Linear(4, 3))
    write("quantized", calibrate_quantization(quantize(layers, LEARNED), [batch(9)]).train())
