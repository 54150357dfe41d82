"""What a chip has to do for networks, in whole numbers; costs follow by multiplying them with constants.

All counts are integers, so that a network counted layer by layer and one of a population counted in closed form
cost exactly the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..spaces import Layers
from ..spaces.layers import cuts
from .chip import AIMCChip
from .packing import Block, pack

__all__ = ["Work", "count_work"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Work:
    """Counts of ``n`` networks, each of shape ``(n,)``.

    Attributes:
        tiles: Crossbars that hold the network once.
        copies: Crossbars that hold copies of layers.
        cells: Weights on them, copies included.
        steps: MVMs one after another, layer by layer.
        longest: Those of the longest layer.
        mvms: MVMs of single crossbars.
        dac: Input conversions.
        adc: Output conversions.
        adds: Additions of partial sums.
        digital: Digital multiply-accumulates.
        moved: Values that are moved.
        used: Weights used, once each time that an MVM uses them.
        operations: Digital operations on outputs.
        operation_steps: Those one after another, layer by layer; crossbars of a layer share its operations.
        longest_operations: Those of the longest layer.
        path: MVMs one after another on the longest path.
        path_operations: Digital operations one after another on it.
        target: Positions that one copy of a layer serves at most; 0 where there are no copies.
    """

    tiles: Ints
    copies: Ints
    cells: Ints
    steps: Ints
    longest: Ints
    mvms: Ints
    dac: Ints
    adc: Ints
    adds: Ints
    digital: Ints
    moved: Ints
    used: Ints
    operations: Ints
    operation_steps: Ints
    longest_operations: Ints
    path: Ints
    path_operations: Ints
    target: Ints


@dataclass(frozen=True)
class _Mapped:
    """Equal layers on crossbars; shapes ``(n,)``."""

    layer: Layers
    analog: Ints
    digital: Ints
    tiles: Ints
    down: Ints
    across: Ints
    positions: Ints


def count_work(layers: Sequence[Layers], chip: AIMCChip, n: int) -> Work:
    """Count what ``chip`` has to do for ``n`` networks.

    Args:
        layers: All matrix layers; fields are numbers or arrays of shape ``(n,)``.
        chip: The chip. Where a network does not fit it, there are no copies.
        n: Number of networks.
    """
    mapped = [_map(layer, chip, n) for layer in layers]
    naive = _sum([m.analog * m.tiles for m in mapped], n)
    tiles = _packed(mapped, chip, n) if chip.mapping == "packed" else naive
    target = _targets(mapped, tiles, chip, n) if chip.replicate else None
    sums = {name: np.zeros(n, dtype=np.int64) for name in Work.__dataclass_fields__}
    sums["tiles"] = tiles
    if target is not None:
        sums["target"] = target
    longest_time = np.zeros(n)
    blocks = _Paths(n)
    for m in mapped:
        copies = np.ones(n, dtype=np.int64) if target is None else -(-m.positions // target)
        steps = -(-m.positions // np.maximum(copies, 1))
        outputs = m.layer.groups * np.asarray(m.layer.outputs)
        inputs = m.layer.groups * np.asarray(m.layer.channels) * m.layer.kernel
        weights = outputs * np.asarray(m.layer.channels) * m.layer.kernel
        used = m.analog * m.positions
        partial = used * outputs * m.down
        sums["copies"] += m.analog * m.tiles * (copies - 1)
        sums["cells"] += m.analog * weights * copies
        sums["steps"] += m.analog * steps
        _count_operations(m, chip, steps, used, outputs, sums, longest_time, blocks)
        sums["mvms"] += used * m.tiles
        sums["used"] += used * weights
        sums["dac"] += used * inputs * m.across
        sums["adc"] += partial
        sums["adds"] += partial - used * outputs
        sums["digital"] += m.digital * m.positions * weights
        sums["moved"] += partial + m.digital * m.positions * outputs
    sums["path"], sums["path_operations"] = blocks.longest()
    return Work(**sums)


class _Paths:
    """MVMs and digital operations one after another on the longest path of ``n`` networks."""

    def __init__(self, n: int) -> None:
        self._mvms = np.zeros(n, dtype=np.int64)
        self._operations = np.zeros(n, dtype=np.int64)
        self._blocks: dict[str, list[NDArray[Any]]] = {}

    def add(
        self, layer: Layers, mvms: Ints, operations: Ints, time: NDArray[np.floating[Any]]
    ) -> None:
        """Add one kind of layers, with MVMs, operations and time of one of them."""
        repeats = _full(layer.repeats, len(mvms)) * layer.on_path
        if layer.paths is None:
            present = repeats * (_full(layer.branches, len(mvms)) > 0)
            self._mvms += present * mvms
            self._operations += present * operations
            return
        number = layer.paths * repeats[:, None]
        parts = [number * mvms[:, None], number * operations[:, None], number * time[:, None]]
        before = self._blocks.get(layer.block)
        self._blocks[layer.block] = (
            parts if before is None else [a + b for a, b in zip(before, parts, strict=True)]
        )

    def longest(self) -> tuple[Ints, Ints]:
        """Return MVMs and operations, the path through each block chosen by its time."""
        mvms, operations = self._mvms, self._operations
        for block_mvms, block_operations, time in self._blocks.values():
            best = time.argmax(axis=1)[:, None]
            mvms = mvms + np.take_along_axis(block_mvms, best, axis=1)[:, 0]
            operations = operations + np.take_along_axis(block_operations, best, axis=1)[:, 0]
        return mvms, operations


def _count_operations(
    m: _Mapped,
    chip: AIMCChip,
    steps: Ints,
    used: Ints,
    outputs: Ints,
    sums: dict[str, Ints],
    longest_time: NDArray[np.float64],
    blocks: _Paths,
) -> None:
    """Add digital operations of a layer, and what is longest: its MVMs with the operations that follow them."""
    plain = outputs * chip.operations_per_output
    each = plain + outputs * (m.down - 1)
    shared = -(-each // np.maximum(m.tiles, 1))
    sums["operations"] += used * each + m.digital * m.positions * plain
    own = steps * shared
    sums["operation_steps"] += m.analog * own + m.digital * m.positions * plain
    time = steps * (chip.mvm_latency or 1.0) * (m.analog > 0)
    if chip.operation_throughput is not None:
        time = time + own * (m.analog > 0) / chip.operation_throughput
    alone = np.where(m.analog > 0, own, m.positions * plain)
    blocks.add(m.layer, steps * (m.analog > 0), alone, time)
    longer = time > longest_time
    longest_time[longer] = time[longer]
    sums["longest"][longer] = steps[longer]
    sums["longest_operations"][longer] = own[longer]


def _map(layer: Layers, chip: AIMCChip, n: int) -> _Mapped:
    count = _full(layer.count, n)
    groups = _full(layer.groups, n)
    depthwise = (groups > 1) & (_full(layer.channels, n) == 1) & (chip.depthwise == "digital")
    analog = np.where(depthwise, 0, count)
    shape = (layer.channels, layer.kernel)
    if chip.cut == "elements":
        shape = (layer.channels * layer.kernel, 1)
    down, across = cuts(*shape, layer.outputs, rows=chip.rows, columns=chip.columns)
    if chip.mapping == "packed":
        fan_in = np.maximum(np.asarray(layer.channels) * layer.kernel, 1)
        together = np.minimum(chip.rows // fan_in, chip.columns // np.maximum(layer.outputs, 1))
        groups = -(-groups // np.maximum(together, 1))
    return _Mapped(
        layer,
        analog,
        count - analog,
        _full(groups * down * across, n),
        _full(down, n),
        _full(across, n),
        _full(layer.positions, n),
    )


def _full(value: Ints | int, n: int) -> Ints:
    return np.broadcast_to(np.asarray(value, dtype=np.int64), (n,))


def _sum(columns: list[Ints], n: int) -> Ints:
    total = np.zeros(n, dtype=np.int64)
    for column in columns:
        total += column
    return total


def _packed(mapped: list[_Mapped], chip: AIMCChip, n: int) -> Ints:
    """Crossbars of packed networks; equal networks are packed once."""
    columns = [
        np.stack([_full(value, n) for value in (
            m.layer.channels, m.layer.kernel, m.layer.outputs, m.layer.groups, m.analog
        )], axis=1)
        for m in mapped
    ]  # fmt: skip
    every = np.concatenate(columns, axis=1)
    varies = (every != every[:1]).any(axis=0)  # few columns are sorted much sooner
    varies[0] = True
    varying = every[:, varies]
    _, first, inverse = np.unique(varying, axis=0, return_index=True, return_inverse=True)
    packed = [
        pack(
            _merged([Block(*entry) for entry in row.reshape(-1, 5).tolist() if entry[-1]]),
            rows=chip.rows,
            columns=chip.columns,
            cut=chip.cut,
        )
        for row in every[first]
    ]
    return np.array(packed, dtype=np.int64)[inverse.reshape(-1)]


def _merged(blocks: list[Block]) -> list[Block]:
    """Blocks of equal shape as one, however they were listed."""
    counts: dict[tuple[int, int, int, int], int] = {}
    for block in blocks:
        counts[block[:4]] = counts.get(block[:4], 0) + block.number
    return [Block(c, k, o, g, number) for (c, k, o, g), number in counts.items()]


def _targets(mapped: list[_Mapped], tiles: Ints, chip: AIMCChip, n: int) -> Ints:
    """Smallest length that no layer need exceed once copies fill the crossbars that are left, ``(n,)``."""
    spare = (chip.n_tiles or 0) - tiles
    high = np.ones(n, dtype=np.int64)
    for m in mapped:
        np.maximum(high, m.positions * (m.analog > 0), out=high)
    low = np.where(spare < 0, high, 1)
    while (low < high).any():
        middle = (low + high) // 2
        needed = _sum([m.analog * m.tiles * (-(-m.positions // middle) - 1) for m in mapped], n)
        fits = needed <= spare
        high = np.where(fits, middle, high)
        low = np.where(fits, low, np.minimum(middle + 1, high))
    return high
