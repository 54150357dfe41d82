"""The network of a NAS-Bench-201 cell as a torch module.

Structure after Dong & Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
ICLR 2020, section 2.1: a 3 x 3 stem, three stages of N equal cells with C, 2C and 4C channels, a residual
block of stride 2 between stages, then batch norm, ReLU, global average pooling and a linear classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from ...nn import register_fused
from ..conv_blocks import conv_unit
from .operations import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, N_NODES, SKIP


class Zero(nn.Module):
    """The operation ``none``: zeros of the input's shape."""

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros, shape of ``x``."""
        return torch.zeros_like(x)


def operation(number: int, channels: int) -> nn.Module:
    """Return the module of an operation; numbers as in :data:`~.operations.OPERATIONS`."""
    if number == SKIP:
        return nn.Identity()
    if number == CONV_3X3:
        return conv_unit(channels, channels, 3)
    if number == CONV_1X1:
        return conv_unit(channels, channels, 1)
    if number == AVG_POOL:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return Zero()


class Cell(nn.Module):
    """One cell: every node is the sum of its incoming edges; the last node is the output.

    Args:
        arch: The six operations, in the order of :data:`~.operations.EDGES`.
        channels: Channels of every node.
    """

    def __init__(self, arch: Sequence[int], channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(operation(number, channels) for number in arch)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to the same shape."""
        nodes = [x]
        for target in range(1, N_NODES):
            incoming = [
                edge(nodes[source])
                for edge, (source, end) in zip(self.edges, EDGES, strict=True)
                if end == target
            ]
            nodes.append(reduce(torch.add, incoming))
        return nodes[-1]


class FusedCell(Cell):
    """A cell with fewer passes over memory; :func:`~analognas.nn.fuse_norms` inserts it."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to the same shape."""
        if torch.compiler.is_compiling():
            return super().forward(x)
        from ...nn.norms.fused_layers import add_branch, fork

        edges = list(zip(self.edges, EDGES, strict=True))
        nodes: list[tuple[Tensor, Tensor | None]] = []
        total: Tensor | None = x
        for node in range(N_NODES):
            for edge, (source, end) in edges:
                if end == node:
                    total = add_branch(edge, *nodes[source], total)
            assert total is not None
            nodes.append(fork(total, [edge for edge, (source, _) in edges if source == node]))
            total = None
        return nodes[-1][0]


register_fused(Cell, FusedCell)


class ReductionBlock(nn.Module):
    """Residual block of stride 2: two 3 x 3 units, plus average pooling and a 1 x 1 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.units = nn.Sequential(
            conv_unit(in_channels, out_channels, 3, stride=2),
            conv_unit(out_channels, out_channels, 3),
        )
        self.shortcut = nn.Sequential(
            # ceil_mode matters for odd sizes only, which then match the strided convolution.
            nn.AvgPool2d(2, stride=2, ceil_mode=True, count_include_pad=False),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, in, h, w)`` to ``(batch, out, ceil(h / 2), ceil(w / 2))``."""
        residual: Tensor = self.units(x)
        shortcut: Tensor = self.shortcut(x)
        return residual + shortcut


class NASBench201Network(nn.Module):
    """The whole network.

    Args:
        arch: The six operations of its cell.
        in_channels: Channels of the input.
        n_classes: Number of classes.
        channels: Channels C of the first stage.
        cells: Cells N per stage.
    """

    def __init__(
        self,
        arch: Sequence[int],
        *,
        in_channels: int = 3,
        n_classes: int = 10,
        channels: int = 16,
        cells: int = 5,
    ) -> None:
        super().__init__()
        self.arch = tuple(arch)
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        body: list[nn.Module] = [Cell(arch, channels) for _ in range(cells)]
        for width in (2 * channels, 4 * channels):
            body.append(ReductionBlock(width // 2, width))
            body.extend(Cell(arch, width) for _ in range(cells))
        self.body = nn.Sequential(*body)
        self.head = nn.Sequential(
            nn.BatchNorm2d(4 * channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.classifier = nn.Linear(4 * channels, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, in_channels, height, width)`` to logits ``(batch, n_classes)``."""
        logits: Tensor = self.classifier(self.head(self.body(self.stem(x))))
        return logits
