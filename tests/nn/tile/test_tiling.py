from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analognas.nn import TileSize
from analognas.nn.tile.tiling import TileGrid, near_equal


@given(st.integers(1, 5000), st.integers(1, 700))
def test_parts_are_near_equal_as_few_as_possible_and_cover(n, largest):
    edges = near_equal(n, largest)
    sizes = [b - a for a, b in pairwise(edges)]
    assert edges[0] == 0
    assert edges[-1] == n
    assert max(sizes) <= largest
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-n // largest)


@given(
    st.integers(1, 300),
    st.sampled_from([1, 3, 9, 49, 600]),
    st.integers(1, 600),
    st.integers(1, 40),
)
def test_rows_of_a_convolution_fit_the_tile_and_keep_kernels_whole_where_they_can(
    channels, kernel, rows, outputs
):
    grid = TileGrid.cut(
        TileSize(rows=rows, columns=7), channels=channels, kernel=kernel, outputs=outputs
    )
    sizes = [b - a for a, b in pairwise(grid.row_edges)]
    assert sum(sizes) == channels * kernel
    assert max(sizes) <= rows
    if kernel <= rows:
        assert all(edge % kernel == 0 for edge in grid.row_edges)
    assert grid.n_tiles == grid.n_row_tiles * grid.n_column_tiles


def test_groups_are_blocks_of_their_own():
    grid = TileGrid.cut(TileSize(), channels=1, kernel=9, outputs=1, groups=64)
    assert (grid.n_tiles, grid.n_row_tiles, grid.n_column_tiles) == (64, 1, 1)


def test_no_tile_size_means_one_tile():
    grid = TileGrid.cut(TileSize(rows=None, columns=None), channels=5000, kernel=9, outputs=3000)
    assert grid.n_tiles == 1


@pytest.mark.parametrize(
    ("how", "expected"), [("amax", [1, 1, 2, 5, 5, 4]), ("mean", [0.5, 0.5, 2, 4, 4, 4])]
)
def test_reduction_over_the_columns_of_a_tile(how, expected):
    grid = TileGrid.cut(TileSize(columns=2), channels=4, outputs=3, groups=2)
    assert grid.column_edges == (0, 2, 3)
    values = torch.tensor([0.0, 1.0, 2.0, 3.0, 5.0, 4.0])
    assert grid.reduce_columns(values, how).tolist() == expected
    assert torch.equal(
        grid.reduce_columns(values.expand(3, 6), how)[1],
        torch.tensor(expected, dtype=torch.float32),
    )


@given(st.integers(1, 5000), st.integers(1, 700), st.sampled_from([1, 8, 16]))
def test_parts_of_whole_units_are_as_few_as_possible_and_cover(n, parts, unit):
    edges = near_equal(n, parts * unit, unit)
    sizes = [b - a for a, b in pairwise(edges)]
    assert edges[-1] == n
    assert all(0 < size <= parts * unit for size in sizes)
    assert all(size % unit == 0 for size in sizes[:-1])
    assert max(sizes) - min(sizes[:-1] or sizes) <= unit
    assert len(sizes) == -(-n // (parts * unit))


@given(st.integers(1, 3000), st.integers(9, 1200))
def test_channels_in_fast_units_need_no_more_tiles(channels, rows):
    grid = TileGrid.cut(TileSize(rows=rows), channels=channels, kernel=9, outputs=4)
    assert grid.n_row_tiles == -(-channels // (rows // 9))


@pytest.mark.parametrize(
    ("channels", "rows", "expected"),
    [
        (64, 512, [32, 32]),
        (128, 512, [48, 48, 32]),
        (256, 512, [56, 56, 48, 48, 48]),
        (110, 499, [55, 55]),
    ],
)
def test_channels_of_row_tiles(channels, rows, expected):
    grid = TileGrid.cut(TileSize(rows=rows), channels=channels, kernel=9, outputs=4)
    assert [(b - a) // 9 for a, b in pairwise(grid.row_edges)] == expected
