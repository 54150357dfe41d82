"""Splitting of a layer's matrix into tiles.

A layer has one matrix for each group of channels, of shape ``(out, in)`` with ``in = channels * kernel``.
Linear layers and ordinary convolutions have one group; a linear layer has a kernel of one element. Rows of a
tile are inputs, columns are outputs. All groups are split in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..config import TileSize

_FAST_UNITS = (16, 8)  # channels that fill vector registers of 512 or 256 bits


@dataclass(frozen=True)
class TileGrid:
    """The tiles of one layer.

    Attributes:
        channels: Input channels of a group.
        kernel: Number of kernel elements for one channel.
        outputs: Outputs of a group.
        groups: Number of groups.
        row_edges: Edges of the row tiles: ``(0, ..., channels * kernel)``.
        column_edges: Edges of the column tiles: ``(0, ..., outputs)``.

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
        """Split a layer into tiles of nearly equal size.

        Rows are split between channels if the kernel of one channel fits a tile, and between any two rows
        otherwise. If this needs no more tiles, all tiles but the last hold a multiple of 16 or 8 channels,
        since libraries convolve such blocks up to 1.4 times as fast.
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
        """Number of tiles that share outputs. Their outputs are added."""
        return len(self.row_edges) - 1

    @property
    def n_column_tiles(self) -> int:
        """Number of tiles that share inputs, in one group."""
        return len(self.column_edges) - 1

    @property
    def n_tiles(self) -> int:
        """Number of all tiles."""
        return self.groups * self.n_row_tiles * self.n_column_tiles

    @property
    def row_slices(self) -> tuple[slice, ...]:
        """Rows of each row tile."""
        return tuple(map(slice, self.row_edges[:-1], self.row_edges[1:]))

    @property
    def column_slices(self) -> tuple[slice, ...]:
        """Columns of each column tile of a group."""
        return tuple(map(slice, self.column_edges[:-1], self.column_edges[1:]))

    @property
    def channel_slices(self) -> tuple[slice, ...]:
        """Channels that each row tile reads. Neighbouring tiles share a channel that is split between them."""
        return tuple(
            slice(part.start // self.kernel, -(-part.stop // self.kernel))
            for part in self.row_slices
        )

    def blocks(self, matrix: Tensor) -> Tensor:
        """View ``(*, groups * outputs, in)`` as ``(*, groups, outputs, in)``."""
        return torch.unflatten(matrix, -2, (self.groups, self.outputs))

    def reduce_columns(self, per_output: Tensor, how: str = "amax") -> Tensor:
        """Reduce the values of each tile's columns and give all of its columns the result.

        Args:
            per_output: Values, shape ``(*, groups * outputs)``.
            how: The reduction, ``"amax"`` or ``"mean"``.

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
    """Split ``range(n)`` into as few nearly equal parts as possible and return the edges.

    Args:
        n: Length of the range.
        largest: Largest length of a part; at least ``unit``.
        unit: The lengths of all parts but the last are multiples of it.

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
    """Return the largest number of channels that is fast to convolve and needs no further tile, or 1."""
    fewest = -(-channels // largest)
    for unit in _FAST_UNITS:
        if unit <= largest and len(near_equal(channels, largest, unit)) == fewest + 1:
            return unit
    return 1
