"""Units that the networks of several spaces are made of."""

from __future__ import annotations

from torch import nn

__all__ = ["conv_norm", "conv_unit"]


def conv_norm(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Convolution without bias, batch norm; padding keeps the size at stride 1, odd kernels only."""
    convolution = nn.Conv2d(
        in_channels,
        out_channels,
        kernel,
        stride=stride,
        padding=kernel // 2,
        groups=groups,
        bias=False,
    )
    return [convolution, nn.BatchNorm2d(out_channels)]


def conv_unit(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias, batch norm."""
    return nn.Sequential(nn.ReLU(), *conv_norm(in_channels, out_channels, kernel, stride))
