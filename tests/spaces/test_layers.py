import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError
from analognas.nn import TileSize
from analognas.nn.tile.tiling import TileGrid
from analognas.spaces.layers import STRUCTURE, LayerCounts, Layers, check_input, n_tiles

sizes = st.integers(1, 3000)


@given(sizes, st.sampled_from([1, 9, 25, 49, 121]), sizes, st.integers(1, 600), st.integers(1, 600))
def test_tiles_are_those_of_analog_layers(channels, kernel, outputs, rows, columns):
    grid = TileGrid.cut(
        TileSize(rows=rows, columns=columns), channels=channels, kernel=kernel, outputs=outputs
    )
    assert n_tiles(channels, kernel, outputs, rows=rows, columns=columns) == grid.n_tiles
    arrays = [np.array([value, 1]) for value in (channels, kernel, outputs)]
    assert n_tiles(*arrays, rows=rows, columns=columns)[0] == grid.n_tiles


class Three(LayerCounts):
    """One branch of two layers, a skip connection, a classifier; a row says how many of the first."""

    input_shape, n_classes = (3, 8, 8), 10

    def layers(self, population, input_shape=None, n_classes=None):
        repeats = np.asarray(population)[:, 0]
        yield Layers(3, 4, 9, 64)
        yield Layers(4, 6, 9, 16, repeats=repeats, branches=2)
        yield Layers(4, 600, 1, 16, groups=2, on_path=False)
        yield Layers(
            6, self.n_classes if n_classes is None else n_classes, 1, 1, norm=False, bias=True
        )


def test_counts_by_hand():
    space, rows = Three(), np.array([[0], [2]])
    stem, block, skip, end = 108, 216, 2 * 4 * 600, 60
    assert space.params(rows).tolist() == [
        stem + 8 + skip + 2 * 1200 + end + 10,
        stem + 8 + 4 * (block + 12) + skip + 2 * 1200 + end + 10,
    ]
    assert space.macs(rows).tolist() == [
        64 * stem + 16 * skip + end + 10,
        64 * stem + 16 * 4 * block + 16 * skip + end + 10,
    ]
    assert space.tiles(rows).tolist() == [1 + 2 * 2 + 1, 1 + 4 + 2 * 2 + 1]
    assert space.tiles(rows, rows=512, columns=5).tolist() == [1 + 2 * 120 + 2, 1 + 8 + 2 * 120 + 2]
    assert space.params(rows, n_classes=11)[0] - space.params(rows)[0] == 7


def test_structure_by_hand():
    space = Three()
    table = dict(zip(STRUCTURE, space.structure(np.array([[0], [2]])).T.tolist(), strict=True))
    assert table["depth"] == [2, 4]
    assert table["layers"] == [3, 7]
    assert table["projections"] == [1, 1]
    assert table["mean_branches"] == [1, 6 / 4]
    assert table["max_branches"] == [1, 2]
    assert table["mean_width"] == [7, (4 + 2 * 6 + 10) / 4]
    assert table["max_width"] == [4, 6]
    assert table["last_width"] == [4, 6]
    assert table["max_fan_in"] == [27, 36]
    np.testing.assert_allclose(table["log10_params"], np.log10(space.params([[0], [2]])))
    np.testing.assert_allclose(table["log10_macs"], np.log10(space.macs([[0], [2]])))
    np.testing.assert_allclose(table["log10_tiles"], np.log10(space.tiles([[0], [2]])))
    weights = 108 + np.array([0, 864]) + 4800 + 60
    np.testing.assert_allclose(
        table["utilisation"], weights / (space.tiles([[0], [2]]) * 512 * 512)
    )


def test_inputs():
    assert check_input([np.int64(3), 9, 9], np.int8(5), 4) == ((3, 9, 9), 5)
    assert check_input((1, 1, 1), 2) == ((1, 1, 1), 2)
    with pytest.raises(InvalidArgumentError, match="at least 9 pixels .* 4 times, but got 9 x 8"):
        check_input((3, 9, 8), 5, 4)
    with pytest.raises(
        InvalidArgumentError, match="at least 2 pixels .* halves its feature map once"
    ):
        check_input((3, 1, 8), 5, 1)
    for bad in ((3, 0, 32), (3.5, 4, 4), (True, 4, 4)):
        with pytest.raises(InvalidArgumentError, match="`input_shape`"):
            check_input(bad, 5)
    for bad in (32, (3, 32), "3x3"):
        with pytest.raises(InvalidArgumentError, match="must be channels, height and width"):
            check_input(bad, 5)
    with pytest.raises(InvalidArgumentError, match="`n_classes`"):
        check_input((3, 8, 8), 0)


@pytest.mark.parametrize("tile", [{"rows": 0}, {"columns": 2.5}])
def test_bad_tiles(tile):
    for method in (Three().tiles, Three().structure):
        with pytest.raises(InvalidArgumentError, match=next(iter(tile))):
            method([[1]], **tile)
