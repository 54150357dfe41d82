"""Packing of matrices that share crossbars.

Rectangles are put on shelves, the highest first, each where it fits first (first-fit decreasing height;
Coffman, Garey, Johnson and Tarjan, SIAM J. Comput. 9, 1980). Two pieces of one layer never share a crossbar,
since they work at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Block", "pack"]


class Block(NamedTuple):
    """The matrices of one kind of layer.

    Attributes:
        channels: Input channels of one group.
        kernel: Elements of the kernel of one channel.
        outputs: Outputs of one group.
        groups: Groups, which lie on the diagonal of a crossbar where several fit.
        number: Equal layers.
    """

    channels: int
    kernel: int
    outputs: int
    groups: int
    number: int


@dataclass
class _Crossbar:
    """Shelves as [height, columns used]; the layers that lie here."""

    free_rows: int
    shelves: list[list[int]] = field(default_factory=list)
    layers: set[int] = field(default_factory=set)

    def place(self, height: int, width: int, layer: int, columns: int) -> bool:
        """Put a rectangle here if it fits and no piece of its layer lies here."""
        if layer in self.layers:
            return False
        for shelf in self.shelves:
            if height <= shelf[0] and shelf[1] + width <= columns:
                shelf[1] += width
                self.layers.add(layer)
                return True
        if height > self.free_rows:
            return False
        self.free_rows -= height
        self.shelves.append([height, width])
        self.layers.add(layer)
        return True


def pack(blocks: list[Block], *, rows: int, columns: int, cut: str = "channels") -> int:
    """Return the number of crossbars that hold all blocks.

    The result does not depend on the order of ``blocks``.

    Args:
        blocks: The matrices.
        rows: Inputs of a crossbar.
        columns: Its outputs.
        cut: As :class:`~analognas.hardware.AIMCChip` says.

    Example:
        >>> pack([Block(64, 1, 64, 1, 4), Block(128, 1, 256, 1, 1)], rows=256, columns=256)
        1
    """
    pieces: list[tuple[int, int, int]] = []
    layer = 0
    for block in sorted(blocks):
        own = _pieces(block, rows, columns, cut)
        for _ in range(block.number):
            pieces += [(height, width, layer) for height, width in own]
            layer += 1
    pieces.sort(key=lambda piece: (-piece[0], -piece[1], piece[2]))
    crossbars: list[_Crossbar] = []
    for height, width, owner in pieces:
        if not any(bar.place(height, width, owner, columns) for bar in crossbars):
            crossbars.append(_Crossbar(rows))
            crossbars[-1].place(height, width, owner, columns)
    return len(crossbars)


def _pieces(block: Block, rows: int, columns: int, cut: str) -> list[tuple[int, int]]:
    """Heights and widths of what one layer is cut into."""
    fan_in = block.channels * block.kernel
    together = min(rows // fan_in, columns // block.outputs, block.groups)
    if together > 1:
        full, rest = divmod(block.groups, together)
        whole = [(together * fan_in, together * block.outputs)] * full
        return whole + ([(rest * fan_in, rest * block.outputs)] if rest else [])
    by_channel = cut == "channels" and fan_in > rows >= block.kernel
    heights = _parts(fan_in, rows // block.kernel * block.kernel if by_channel else rows)
    return [
        (height, width) for height in heights for width in _parts(block.outputs, columns)
    ] * block.groups


def _parts(size: int, largest: int) -> list[int]:
    full, rest = divmod(size, largest)
    return [largest] * full + ([rest] if rest else [])
