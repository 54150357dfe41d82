import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from analognas.core import InvalidArgumentError
from analognas.nn import AnalogConfig, AnalogLSTM, Clip, MatrixTiles, WeightModifier, summary


class Owner(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.weight = nn.Parameter(torch.randn(6, 4))


@pytest.mark.parametrize(
    ("options", "view"),
    [
        ({}, lambda w: w),
        ({"rows": slice(2, 5)}, lambda w: w[2:5]),
        ({"transposed": True}, lambda w: w.t()),
    ],
)
def test_tiles_are_a_view_of_the_owners_parameter(options, view, nothing):
    owner = Owner()
    tiles = MatrixTiles(owner, "weight", nothing, **options)
    expected = view(owner.weight)
    assert torch.equal(tiles.weight, expected)
    assert tiles.weight.data_ptr() == expected.data_ptr()
    x = torch.randn(3, 5, expected.shape[1])
    torch.testing.assert_close(tiles(x), functional.linear(x, expected))
    tiles(x).square().sum().backward()
    grad = owner.weight.grad.clone()
    owner.weight.grad = None
    functional.linear(x, view(owner.weight)).square().sum().backward()
    torch.testing.assert_close(grad, owner.weight.grad)


def test_another_parameter_object_is_followed(nothing):
    owner = Owner()
    tiles = MatrixTiles(owner, "weight", nothing)
    owner.weight = nn.Parameter(torch.eye(6, 4))
    assert torch.equal(tiles.weight, torch.eye(6, 4))


def test_clipping_changes_its_rows_only():
    owner = Owner()
    before = owner.weight.detach().clone()
    config = AnalogConfig(clip=Clip(kind="gaussian", sigma=0.5))
    tiles = MatrixTiles(owner, "weight", config, rows=slice(0, 3))
    tiles.clip()
    limit = 0.5 * before[:3].std()
    torch.testing.assert_close(owner.weight[:3], before[:3].clamp(-limit, limit))
    assert torch.equal(owner.weight[3:], before[3:])


def test_its_state_has_no_weights_and_the_owner_no_second_parameter():
    layer = AnalogLSTM(4, 3)
    tiles = layer.tiles["weight_hh_l0"]
    assert set(tiles.state_dict()) == {"input_range", "weight_scale", "input_range_batches"}
    plain = {name for name, _ in nn.LSTM(4, 3).named_parameters()}
    added = {name for name, _ in layer.named_parameters()} - plain
    assert added == {"tiles.weight_ih_l0.input_range", "tiles.weight_hh_l0.input_range"}


def test_a_copy_belongs_to_the_copied_owner(nothing):
    layer = AnalogLSTM(4, 3, config=nothing)
    other = copy.deepcopy(layer)
    with torch.no_grad():
        other.weight_hh_l0.zero_()
    assert not other.tiles["weight_hh_l0"].weight.any()
    assert layer.tiles["weight_hh_l0"].weight.any()


def test_the_modifier_of_a_pass_is_the_configured_one():
    """Over many passes its standard deviation is that of the configuration, within 5 standard errors."""
    owner, n = Owner(), 2000
    std = 0.1
    config = AnalogConfig(modifier=WeightModifier(std=std))
    tiles = MatrixTiles(owner, "weight", config)
    torch.manual_seed(1)
    with torch.no_grad():
        draws = torch.stack([tiles._modified_once() - owner.weight for _ in range(n)])
    expected = std * owner.weight.detach().abs().max()
    error = expected / (2 * draws.numel()) ** 0.5
    assert abs(draws.std() - expected) < 5 * error
    assert abs(1.05 * draws.std() - expected) > 5 * error
    assert abs(draws.mean()) < 5 * expected / draws.numel() ** 0.5


def test_every_matrix_is_a_row_of_the_summary():
    rows = [row for row in summary(AnalogLSTM(4, 3, num_layers=2)).layers if row.analog]
    assert [row.name for row in rows] == [
        "weight_ih_l0", "weight_hh_l0", "weight_ih_l1", "weight_hh_l1",
    ]  # fmt: skip


def test_bad_weights_are_named():
    owner = Owner()
    owner.weight.data[0, 0] = float("nan")
    with pytest.raises(InvalidArgumentError, match="must be finite, but contain NaN"):
        MatrixTiles(owner, "weight", AnalogConfig())
