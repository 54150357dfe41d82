"""How a layer's matrix is cut into tiles.

A layer is ``groups`` blocks of a matrix (one, except for grouped convolutions), each of shape ``(out, in)``
with ``in = channels * kernel``: a linear layer has a kernel of one element. Rows are a block's inputs,
columns its outputs. All blocks are cut alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..config import TileSize

_FAST_UNITS = (16, 8)  # channels that fill vectors of 512 or 256 bits


@dataclass(frozen=True)
class TileGrid:
    """The tiles of one layer.

    Attributes:
        channels: Input channels of a block.
        kernel: Elements of the kernel of one channel.
        outputs: Outputs of a block.
        groups: Number of blocks.
        row_edges: Ends of the row tiles: ``(0, ..., channels * kernel)``.
        column_edges: Ends of the column tiles: ``(0, ..., outputs)``.

    Example:
        >>> grid = TileGrid.cut(TileSize(rows=512), channels=128, kernel=9, outputs=64)
        >>> grid.row_edges, grid.n_tiles
        ((0, 432, 864, 1152), 3)
    """

    channels: int
    kernel: int
    outputs: int
    groups: int
    row_edges: tuple[int, ...]
    column_edges: tuple[int, ...]

    @classmethod
    def cut(
        cls, tile: TileSize, *, channels: int, kernel: int = 1, outputs: int, groups: int = 1
    ) -> TileGrid:
        """Cut a layer into near-equal tiles of at most the tile size.

        Rows are cut between channels where the kernel of one channel fits a tile, and anywhere else
        otherwise. Where that needs no more tiles, each but the last holds a multiple of 16 or else 8
        channels: libraries convolve such blocks up to 1.4 times as fast.
        """
        if tile.rows is None or channels * kernel <= tile.rows:
            rows: tuple[int, ...] = (0, channels * kernel)
        elif kernel <= tile.rows:
            largest = tile.rows // kernel
            unit = _fast_unit(channels, largest) if kernel > 1 else 1
            rows = tuple(edge * kernel for edge in near_equal(channels, largest, unit))
        else:
            rows = near_equal(channels * kernel, tile.rows)
        columns = (0, outputs) if tile.columns is None else near_equal(outputs, tile.columns)
        return cls(channels, kernel, outputs, groups, rows, columns)

    @property
    def n_row_tiles(self) -> int:
        """Tiles one below the other, whose outputs are added."""
        return len(self.row_edges) - 1

    @property
    def n_column_tiles(self) -> int:
        """Tiles side by side in one block."""
        return len(self.column_edges) - 1

    @property
    def n_tiles(self) -> int:
        """All tiles."""
        return self.groups * self.n_row_tiles * self.n_column_tiles

    @property
    def row_slices(self) -> tuple[slice, ...]:
        """Rows of each row tile."""
        return tuple(map(slice, self.row_edges[:-1], self.row_edges[1:]))

    @property
    def column_slices(self) -> tuple[slice, ...]:
        """Columns of each column tile of a block."""
        return tuple(map(slice, self.column_edges[:-1], self.column_edges[1:]))

    @property
    def channel_slices(self) -> tuple[slice, ...]:
        """Channels that each row tile needs; neighbours share one if it is cut in two."""
        return tuple(
            slice(part.start // self.kernel, -(-part.stop // self.kernel))
            for part in self.row_slices
        )

    def blocks(self, matrix: Tensor) -> Tensor:
        """View ``(*, groups * outputs, in)`` as ``(*, groups, outputs, in)``."""
        return torch.unflatten(matrix, -2, (self.groups, self.outputs))

    def reduce_columns(self, per_output: Tensor, how: str = "amax") -> Tensor:
        """Reduce over the columns of each tile and spread the result over them again.

        Args:
            per_output: Values, shape ``(*, groups * outputs)``.
            how: ``"amax"`` or ``"mean"``.

        Returns:
            Shape of ``per_output``.
        """
        values = torch.unflatten(per_output, -1, (self.groups, self.outputs))
        parts = []
        for part in self.column_slices:
            block = values[..., part]
            reduced = getattr(block, how)(dim=-1, keepdim=True)
            parts.append(reduced.expand(block.shape))
        return torch.cat(parts, dim=-1).flatten(-2)


def near_equal(n: int, largest: int, unit: int = 1) -> tuple[int, ...]:
    """Return the ends of the fewest near-equal parts of ``range(n)`` of at most ``largest``.

    Args:
        n: How many there are.
        largest: What a part may hold; at least ``unit``.
        unit: All parts but the last are multiples of it.

    Example:
        >>> near_equal(10, 4)
        (0, 4, 7, 10)
        >>> near_equal(128, 56, unit=16)
        (0, 48, 96, 128)
    """
    n_units = -(-n // unit)
    count = max(1, -(-n_units // (largest // unit)))
    size, longer = divmod(n_units, count)
    edges = [0]
    for i in range(count):
        edges.append(edges[-1] + unit * (size + (i < longer)))
    return (*edges[:-1], n)


def _fast_unit(channels: int, largest: int) -> int:
    """The unit of channels, among those that libraries like, that needs no more tiles than any would."""
    fewest = -(-channels // largest)
    for unit in _FAST_UNITS:
        if unit <= largest and len(near_equal(channels, largest, unit)) == fewest + 1:
            return unit
    return 1
