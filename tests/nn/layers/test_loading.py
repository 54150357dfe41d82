"""State dicts of other tiles and of earlier versions."""

import pytest
import torch
from torch import nn

from analognas.nn import (
    AnalogConfig,
    AnalogLayer,
    InputRange,
    TileSize,
    WeightScaling,
    attach,
    to_analog,
)

X = (16, 3, 6)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 8, 3, padding=1, groups=1)
        self.lstm = nn.LSTM(8, 8, batch_first=True)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.lstm(self.conv(x).transpose(1, 2))[0]
        return self.head(self.attention(x, x, x, need_weights=False)[0])


def config(rows=None, columns=None, per="column"):
    return AnalogConfig(
        tile=TileSize(rows=rows, columns=columns),
        scaling=WeightScaling(per=per),
        input_range=InputRange(init_batches=2),
    )


def trained(settings):
    torch.manual_seed(0)
    model = to_analog(Net(), settings)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attach(model, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(X)).square().mean().backward()
        optimizer.step()
    return model


def layers(model):
    return [part for part in model.modules() if isinstance(part, AnalogLayer)]


@pytest.mark.parametrize(("rows", "columns"), [(5, None), (5, 3), (None, 3), (None, 4)])
@pytest.mark.parametrize("per", ["layer", "tile", "column"])
def test_scales_of_other_tiles_follow_from_the_weights(rows, columns, per):
    source = trained(config(per=per))
    target = to_analog(Net(), config(rows, columns, per=per))
    target.load_state_dict(source.state_dict())
    assert layers(target)[0].tiled.grid.n_tiles != layers(source)[0].tiled.grid.n_tiles
    for ours, theirs in zip(layers(target), layers(source), strict=True):
        assert torch.equal(ours.input_range, theirs.input_range)
        assert int(ours.input_range_batches) == 2
        scale = ours.weight_scale.clone()
        ours.remap()
        assert torch.equal(ours.weight_scale, scale)
        assert torch.equal(ours.weight, theirs.weight)
    again = to_analog(Net(), config(per=per))
    again.load_state_dict(target.state_dict())
    for ours, theirs in zip(layers(again), layers(source), strict=True):
        assert torch.equal(ours.weight_scale, theirs.weight_scale)


def test_scales_of_columns_are_not_taken_for_one_of_the_layer():
    source = trained(config(per="column"))
    target = to_analog(Net(), config(per="layer"))
    target.load_state_dict(source.state_dict())
    for layer in layers(target):
        assert torch.equal(layer.weight_scale.unique(), layer.weight.abs().max().reshape(1))


def test_scales_that_fit_are_kept():
    """They need not follow from the weights: remapping may be off."""
    layer = to_analog(nn.Linear(4, 3), config(per="layer"))
    layer.weight_scale.fill_(9.0)
    other = to_analog(nn.Linear(4, 3), config(per="layer"))
    other.load_state_dict(layer.state_dict())
    assert (other.weight_scale == 9.0).all()


def test_a_layer_of_other_outputs_is_still_an_error():
    state = to_analog(nn.Linear(4, 3)).state_dict()
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        to_analog(nn.Linear(4, 2)).load_state_dict(state)


def test_ranges_without_dimensions():
    source = trained(config())
    state = {
        key: value.reshape(()) if key.endswith("input_range") else value
        for key, value in source.state_dict().items()
    }
    target = to_analog(Net(), config())
    target.load_state_dict(state)
    for ours, theirs in zip(layers(target), layers(source), strict=True):
        assert ours.input_range.shape == (1,)
        assert torch.equal(ours.input_range, theirs.input_range)
    assert all(state[key].ndim == 0 for key in state if key.endswith("input_range"))


@pytest.mark.parametrize("kind", ["Adam", "NAdam", "SGD", "ASGD"])
@pytest.mark.parametrize("attached_first", [False, True])
def test_optimizers_of_ranges_without_dimensions(kind, attached_first):
    torch.manual_seed(0)

    def make():
        model = to_analog(nn.Linear(4, 3), config())
        options = {"momentum": 0.9} if kind == "SGD" else {}
        return model, getattr(torch.optim, kind)(model.parameters(), lr=0.01, **options)

    def step(model, optimizer):
        optimizer.zero_grad()
        model(torch.randn(8, 4)).square().sum().backward()
        optimizer.step()

    model, optimizer = make()
    for _ in range(3):
        step(model, optimizer)
    state = optimizer.state_dict()
    for entry in state["state"].values():
        for name, value in entry.items():
            if isinstance(value, torch.Tensor) and value.shape == (1,):
                entry[name] = value.reshape(())
    other, again = make()
    if attached_first:
        attach(other, again)
    again.load_state_dict(state)
    if not attached_first:
        attach(other, again)
    step(other, again)


@pytest.mark.parametrize("per", ["tile", "column"])
def test_scales_of_larger_tiles_follow_from_the_weights(per):
    """The shape is the same, and all scales of a tile are equal."""
    for columns in (None, 4):
        source = trained(config(columns=columns, per="tile"))
        target = to_analog(Net(), config(columns=2, per=per))
        target.load_state_dict(source.state_dict())
        for layer in layers(target):
            scale = layer.weight_scale.clone()
            layer.remap()
            assert torch.equal(layer.weight_scale, scale)


def test_scales_of_a_training_without_remapping_are_kept():
    settings = config(columns=2, per="tile")
    model = to_analog(nn.Linear(4, 4), settings)
    with torch.no_grad():
        model.weight.mul_(torch.rand(4, 4))
    other = to_analog(nn.Linear(4, 4), settings)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.weight_scale, model.weight_scale)
