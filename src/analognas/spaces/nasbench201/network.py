"""The network of a NAS-Bench-201 cell as a torch module.

Structure after Dong & Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
ICLR 2020, section 2.1: a 3 x 3 stem, three stages of N equal cells with C, 2C and 4C channels, a residual
block of stride 2 between stages, then batch norm, ReLU, global average pooling and a linear classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from ...nn import register_fused
from ..conv_blocks import conv_norm, conv_unit
from ..published_weights import rename, tiny_network_names
from .operations import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, N_NODES, SKIP


class Zero(nn.Module):
    """The operation ``none``: zeros.

    Args:
        channels: Channels of the output; None: those of the input.
    """

    def __init__(self, channels: int | None = None) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros, shape of ``x`` except for the number of channels."""
        if self.channels is None:
            return torch.zeros_like(x)
        return x.new_zeros(x.shape[0], self.channels, *x.shape[2:])


def operation(number: int, channels: int, outputs: int | None = None) -> nn.Module:
    """Return the module of an operation; numbers as in :data:`~.operations.OPERATIONS`.

    Where it changes the number of channels, a skip is a 1 x 1 convolution with batch norm, and a 1 x 1 unit
    precedes the pooling (Dong et al., NATS-Bench, IEEE TPAMI 44, 2021).
    """
    same = outputs is None or outputs == channels
    outputs = channels if outputs is None else outputs
    if number == SKIP:
        return nn.Identity() if same else nn.Sequential(*conv_norm(channels, outputs, 1))
    if number == CONV_3X3:
        return conv_unit(channels, outputs, 3)
    if number == CONV_1X1:
        return conv_unit(channels, outputs, 1)
    if number == AVG_POOL:
        pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        return pool if same else nn.Sequential(conv_unit(channels, outputs, 1), pool)
    return Zero(None if same else outputs)


class Cell(nn.Module):
    """One cell: every node is the sum of its incoming edges; the last node is the output.

    Args:
        arch: The six operations, in the order of :data:`~.operations.EDGES`.
        channels: Channels of the input.
        outputs: Channels of every other node; None: those of the input.
    """

    def __init__(self, arch: Sequence[int], channels: int, outputs: int | None = None) -> None:
        super().__init__()
        outputs = channels if outputs is None else outputs
        self.edges = nn.ModuleList(
            operation(number, outputs if source else channels, outputs)
            for number, (source, _) in zip(arch, EDGES, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to ``(batch, outputs, height, width)``."""
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
    """The whole network; it also loads state dicts of NAS-Bench-201's ``TinyNetwork``.

    Args:
        arch: The six operations of its cell.
        in_channels: Channels of the input.
        n_classes: Number of classes.
        channels: Channels C of the first stage.
        cells: Cells N per stage.
        widths: Channels of every cell and every residual block, 3N + 2 numbers; None: C, 2C and 4C by stage.
    """

    def __init__(
        self,
        arch: Sequence[int],
        *,
        in_channels: int = 3,
        n_classes: int = 10,
        channels: int = 16,
        cells: int = 5,
        widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.arch = tuple(arch)
        if widths is None:
            widths = (
                [channels] * cells + [2 * channels] * (cells + 1) + [4 * channels] * (cells + 1)
            )
        channels, cells = widths[0], len(widths) // 3
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        body: list[nn.Module] = []
        width = channels
        for index, wider in enumerate(widths):
            reduces = index in (cells, 2 * cells + 1)
            body.append(ReductionBlock(width, wider) if reduces else Cell(arch, width, wider))
            width = wider
        self.body = nn.Sequential(*body)
        self.head = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.classifier = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, in_channels, height, width)`` to logits ``(batch, n_classes)``."""
        logits: Tensor = self.classifier(self.head(self.body(self.stem(x))))
        return logits

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *arguments: Any) -> None:
        """Load a state dict, in which the weights may have the names of the published network."""
        rename(state_dict, prefix, tiny_network_names)
        super()._load_from_state_dict(state_dict, prefix, *arguments)
