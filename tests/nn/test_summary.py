import dataclasses

import pytest
from torch import nn

from analognas.nn import AnalogConfig, TileSize, summary, to_analog

TILES = AnalogConfig(tile=TileSize(rows=100, columns=50))


def rows_of(model):
    return {row.name: row for row in summary(model).layers}


def test_numbers_by_hand():
    net = nn.Sequential(nn.Linear(250, 120), nn.ReLU(), nn.Conv2d(12, 8, 3, groups=2, bias=False))
    result = summary(to_analog(net, TILES))
    linear, conv = result.layers
    # 250 rows: 3 tiles; 120 columns: 3 tiles.
    assert (linear.tiles, linear.rows, linear.columns) == (9, 250, 120)
    assert linear.cells == 9 * 100 * 50
    assert linear.utilisation == pytest.approx(30_000 / 45_000)
    assert linear.parameters == 250 * 120 + 120
    # Two blocks of 6 channels x 9 = 54 rows and 4 columns.
    assert (conv.groups, conv.tiles, conv.rows, conv.columns) == (2, 2, 54, 4)
    assert conv.utilisation == pytest.approx(2 * 54 * 4 / 10_000)
    assert conv.parameters == 8 * 6 * 9
    assert (result.tiles, result.parameters) == (11, 30_120 + 432)
    assert result.utilisation == pytest.approx((30_000 + 432) / 55_000)


def test_layers_with_several_matrices():
    net = nn.ModuleDict({"rnn": nn.LSTM(30, 40), "attention": nn.MultiheadAttention(20, 2)})
    result = summary(to_analog(net, TILES))
    rows = {row.name: row for row in result.layers}
    hh = rows["rnn.weight_hh_l0"]
    assert (hh.tiles, hh.rows, hh.columns, hh.parameters) == (4, 40, 160, 6400)
    assert (rows["rnn"].analog, rows["rnn"].parameters) == (False, 320)
    assert rows["attention.k_proj"].parameters == 400
    assert rows["attention"].parameters == 60
    assert rows["attention.out_proj"].parameters == 420
    assert result.parameters == sum(p.numel() for p in net.parameters())


def test_one_layer_alone():
    layer = to_analog(nn.LSTM(3, 4))
    assert [row.name for row in summary(layer).layers] == ["", "weight_ih_l0", "weight_hh_l0"]
    assert "(model)" in str(summary(to_analog(nn.Linear(3, 4))))


def test_a_tile_as_large_as_the_layer_is_full():
    config = AnalogConfig(tile=TileSize(rows=None, columns=None))
    (row,) = summary(to_analog(nn.Linear(700, 900), config)).layers
    assert (row.tiles, row.utilisation) == (1, 1.0)


def test_reasons():
    net = nn.ModuleDict(
        {name: nn.Linear(2, 2) for name in "abcd"} | {"norm": nn.LayerNorm(2), "act": nn.ReLU()}
    )
    config = AnalogConfig(digital=("first",))
    rows = rows_of(to_analog(net, config, exclude="b", only=["a", "b", "c", "norm"]))
    assert {name: row.reason for name, row in rows.items()} == {
        "a": "digital by the configuration",
        "b": "excluded",
        "c": "",
        "d": "not among those chosen",
        "norm": "no matrix product",
    }
    assert rows["c"].analog
    assert rows_of(nn.Linear(2, 2))[""].reason == "not converted"


def test_rows_are_data_and_the_text_is_a_table():
    net = nn.Sequential(nn.Linear(600, 100), nn.BatchNorm1d(100))
    result = summary(to_analog(net))
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.layers[0].tiles = 3
    lines = str(result).splitlines()
    assert len(lines) == 2 + 2 + 2
    column = lines[0].index("Parameters") + len("Parameters")
    assert lines[2][:column].endswith(" 60,100")
    assert lines[3][:column].endswith(" 200")
    assert lines[5][:column].endswith(" 60,300")
    assert dataclasses.asdict(result.layers[0])["columns"] == 100
