"""The network of a configuration of the AnalogNAS space as a torch module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...nn import register_fused
from ..conv_blocks import conv_norm, conv_unit
from .design import BOTTLENECK, STEM_KERNEL, Layout, inner_width, widen

__all__ = ["ResNetNetwork", "ResidualBlock", "SkipConnection", "branch"]


def branch(
    kind: int, in_channels: int, out_channels: int, kernel: int, stride: int
) -> nn.Sequential:
    """Return one branch of a residual block: units of ReLU, convolution and batch norm.

    A basic branch (``kind`` 1) has two k x k units; a bottleneck (2) has 1 x 1, k x k and 1 x 1 units with a
    quarter of the outputs inside. The first k x k unit has the stride.
    """
    if kind == BOTTLENECK:
        inner = int(inner_width(out_channels))
        return nn.Sequential(
            conv_unit(in_channels, inner, 1),
            conv_unit(inner, inner, kernel, stride),
            conv_unit(inner, out_channels, 1),
        )
    return nn.Sequential(
        conv_unit(in_channels, out_channels, kernel, stride),
        conv_unit(out_channels, out_channels, kernel),
    )


class SkipConnection(nn.Module):
    """Skip connection for changes of width or size: two parallel 1 x 1 convolutions, then batch norm.

    The input of the first half of the channels is rectified, that of the second half is shifted up and left by
    one pixel, so that a stride of 2 uses more of the pixels.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: 1 or 2.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        half = out_channels // 2
        self.plain = nn.Conv2d(in_channels, half, 1, stride=stride, bias=False)
        self.moved = nn.Conv2d(in_channels, out_channels - half, 1, stride=stride, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, in, h, w)`` to ``(batch, out, ceil(h / stride), ceil(w / stride))``."""
        return self.joined(x, functional.relu(x))

    def joined(self, x: Tensor, active: Tensor) -> Tensor:
        """Return the same, given the ReLU of the input."""
        moved = functional.pad(x[:, :, 1:, 1:], (0, 1, 0, 1))
        halves = torch.cat([self.plain(active), self.moved(moved)], dim=1)
        y: Tensor = self.norm(halves)
        return y


class ResidualBlock(nn.Module):
    """The sum of parallel branches and a skip connection.

    Args:
        kind: 1 (basic) or 2 (bottleneck).
        branches: Number of branches.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Side of the kernel, odd.
        stride: 1 or 2.
    """

    def __init__(
        self,
        kind: int,
        branches: int,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            branch(kind, in_channels, out_channels, kernel, stride) for _ in range(branches)
        )
        same = stride == 1 and in_channels == out_channels
        self.skip = nn.Identity() if same else SkipConnection(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, in, h, w)`` to ``(batch, out, ceil(h / stride), ceil(w / stride))``."""
        y: Tensor = self.skip(x)
        for part in self.branches:
            y = y + part(x)
        return y


class FusedResidualBlock(ResidualBlock):
    """A residual block with fewer passes over memory; :func:`~analognas.nn.fuse_norms` inserts it."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, in, h, w)`` to ``(batch, out, ceil(h / stride), ceil(w / stride))``."""
        if torch.compiler.is_compiling():
            return super().forward(x)
        from ...nn.norms.fused_layers import add_branch, fork, is_plain

        x, active = fork(x, self.branches)
        if active is not None and isinstance(self.skip, SkipConnection) and is_plain(self.skip):
            y = self.skip.joined(x, active)
        else:
            y = self.skip(x)
        for part in self.branches:
            y = add_branch(part, x, active, y)
        return y


register_fused(ResidualBlock, FusedResidualBlock)


class ResNetNetwork(nn.Module):
    """The whole network: stem, main blocks of residual blocks, ReLU, global average pooling, classifier.

    Args:
        config: Values of the hyperparameters by name; those of absent main blocks are ignored.
        layout: Positions at which the feature map is halved.
        in_channels: Channels of the input.
        n_classes: Number of classes.
    """

    def __init__(
        self, config: Mapping[str, Any], layout: Layout, *, in_channels: int, n_classes: int
    ) -> None:
        super().__init__()
        self.config = dict(config)
        width, n_blocks = int(config["out_channel0"]), int(config["M"])
        self.stem = nn.Sequential(*conv_norm(in_channels, width, STEM_KERNEL, layout.stem_stride))
        if layout.stem_pool:
            self.stem.extend([nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)])
        self.body = nn.Sequential()
        for block in range(1, n_blocks + 1):
            stride = 2 if layout.halves(block, n_blocks) else 1
            main, width = _main_block(config, block, width, stride)
            self.body.append(main)
        self.head = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, in_channels, height, width)`` to logits ``(batch, n_classes)``."""
        logits: Tensor = self.classifier(self.head(self.body(self.stem(x))))
        return logits


def _main_block(
    config: Mapping[str, Any], block: int, in_channels: int, stride: int
) -> tuple[nn.Sequential, int]:
    out_channels = int(widen(in_channels, config[f"widenfact{block}"]))
    kind, branches = int(config[f"convblock{block}"]), int(config[f"B{block}"])
    kernel = int(config[f"kernel{block}"])
    first = ResidualBlock(kind, branches, in_channels, out_channels, kernel, stride)
    others = [
        ResidualBlock(kind, branches, out_channels, out_channels, kernel)
        for _ in range(int(config[f"R{block}"]) - 1)
    ]
    return nn.Sequential(first, *others), out_channels
