"""What follows what in a network: the longest path through its matrices where branches run in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..spaces import NamedLayers
from .chip import AIMCChip
from .work import Work, count_work

__all__ = ["Use", "longest_path", "with_operations"]


@dataclass(frozen=True)
class Use:
    """One use of a layer.

    Attributes:
        matrices: Index of each matrix among the network's and the positions at which it is used; they work at
            the same time.
        after: Indices of the uses whose results enter this one.
    """

    matrices: tuple[tuple[int, int], ...]
    after: tuple[int, ...]


def longest_path(
    named: Sequence[NamedLayers], uses: Sequence[Use], chip: AIMCChip, whole: Work
) -> Work:
    """Return the work with MVMs and operations of the path that takes longest, in the order of ``uses``."""
    target = int(whole.target[0])
    per_operation = 0.0 if chip.operation_throughput is None else 1 / chip.operation_throughput
    best: list[tuple[float, int, int]] = []
    plain = chip.replace(replicate=False)
    for use in uses:
        own = (0.0, 0, 0)
        for index, positions in use.matrices:
            layer = named[index].layer
            copies = max(-(-int(layer.positions) // target), 1) if target else 1
            steps = -(-positions // copies)
            one = count_work([replace(layer, positions=steps)], plain, 1)
            mvms, operations = int(one.steps[0]), int(one.operation_steps[0])
            time = mvms * (chip.mvm_latency or 1.0) + operations * per_operation
            own = max(own, (time, mvms, operations))
        before = max((best[i] for i in use.after), default=(0.0, 0, 0))
        best.append((before[0] + own[0], before[1] + own[1], before[2] + own[2]))
    _, mvms, operations = max(best, default=(0.0, 0, 0))
    return replace(
        whole,
        path=np.array([mvms], dtype=np.int64),
        path_operations=np.array([operations], dtype=np.int64),
    )


def with_operations(work: Work, operations: int) -> Work:
    """Return the work of one network with digital operations of no matrix; all its crossbars share them."""
    crossbars = max(int(work.tiles[0] + work.copies[0]), 1)
    shared = -(-operations // crossbars)
    return replace(
        work,
        operations=work.operations + operations,
        operation_steps=work.operation_steps + shared,
        path_operations=work.path_operations + shared,
        longest_operations=np.maximum(work.longest_operations, shared),
    )
