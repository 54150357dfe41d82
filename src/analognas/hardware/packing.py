"""Packing of matrices that share crossbars.

A rectangle goes into the first crossbar that has room for it, into the free rectangle that it fits most
tightly; free rectangles are kept as the largest ones there are and may overlap (maximal rectangles, best short
side fit; Jylanki, "A Thousand Ways to Pack the Bin", 2010). Several orders are tried, and the best is taken.
Nothing is turned, since inputs enter at rows, and two pieces of one layer never share a crossbar: they work at
the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

__all__ = ["Block", "pack"]

_Piece: TypeAlias = tuple[int, int, int]
"""Height, width and layer."""

_ORDERS: tuple[Callable[[_Piece], tuple[int, ...]], ...] = (
    lambda piece: (-piece[0], -piece[1], piece[2]),
    lambda piece: (-piece[0] * piece[1], -piece[0], piece[2]),
    lambda piece: (-max(piece[:2]), -min(piece[:2]), -piece[0], piece[2]),
)
"""Orders that pieces are put down in: by height, area and longer side."""


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


class _Free(NamedTuple):
    """A rectangle of unused cells."""

    top: int
    left: int
    height: int
    width: int


class _Crossbar:
    """What is free of a crossbar, and the layers that lie on it."""

    def __init__(self, rows: int, columns: int) -> None:
        self.cells = rows * columns
        self.free = [_Free(0, 0, rows, columns)]
        self.layers: set[int] = set()

    def place(self, height: int, width: int, layer: int) -> bool:
        """Put a rectangle here if it fits and no piece of its layer lies here."""
        if height * width > self.cells or layer in self.layers:
            return False
        fitting = [free for free in self.free if height <= free.height and width <= free.width]
        if not fitting:
            return False
        best = min(fitting, key=lambda free: (*_margins(free, height, width), free))
        used = _Free(best.top, best.left, height, width)
        self.free = _largest([part for free in self.free for part in _without(free, used)])
        self.cells -= height * width
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
    pieces: list[_Piece] = []
    layer = 0
    for block in sorted(blocks):
        own = _pieces(block, rows, columns, cut)
        for _ in range(block.number):
            pieces += [(height, width, layer) for height, width in own]
            layer += 1
    bound = -(-sum(height * width for height, width, _ in pieces) // (rows * columns))
    best = len(pieces)
    for order in _ORDERS:
        best = min(best, _fill(sorted(pieces, key=order), rows, columns))
        if best == bound:
            break
    return best


def _fill(pieces: list[_Piece], rows: int, columns: int) -> int:
    """Crossbars that hold the pieces, put down one after another."""
    smallest = min((height * width for height, width, _ in pieces), default=0)
    crossbars: list[_Crossbar] = []
    n = 0
    for height, width, layer in pieces:
        for bar in crossbars:
            if bar.place(height, width, layer):
                break
        else:
            bar = _Crossbar(rows, columns)
            bar.place(height, width, layer)
            crossbars.append(bar)
            n += 1
        if bar.cells < smallest:  # nothing fits there any more
            crossbars.remove(bar)
    return n


def _margins(free: _Free, height: int, width: int) -> tuple[int, int]:
    """What is left beside a rectangle along either side, the shorter first."""
    down, across = free.height - height, free.width - width
    return min(down, across), max(down, across)


def _without(free: _Free, used: _Free) -> list[_Free]:
    """The largest rectangles that remain of ``free``."""
    below, right = free.top + free.height, free.left + free.width
    used_below, used_right = used.top + used.height, used.left + used.width
    if used.top >= below or used_below <= free.top or used.left >= right or used_right <= free.left:
        return [free]
    parts = (
        _Free(free.top, free.left, used.top - free.top, free.width),
        _Free(used_below, free.left, below - used_below, free.width),
        _Free(free.top, free.left, free.height, used.left - free.left),
        _Free(free.top, used_right, free.height, right - used_right),
    )
    return [part for part in parts if part.height > 0 and part.width > 0]


def _largest(rectangles: list[_Free]) -> list[_Free]:
    """The rectangles that lie in no other."""
    kept: list[_Free] = []
    for one in sorted(set(rectangles), key=lambda part: -part.height * part.width):
        if not any(_inside(one, other) for other in kept):
            kept.append(one)
    return kept


def _inside(one: _Free, other: _Free) -> bool:
    return (
        other.top <= one.top
        and other.left <= one.left
        and one.top + one.height <= other.top + other.height
        and one.left + one.width <= other.left + other.width
    )


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
