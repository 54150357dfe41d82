"""Convolution blocks of the networks of several spaces."""

from __future__ import annotations

from torch import nn

__all__ = ["conv_norm", "conv_unit"]


def conv_norm(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Return a convolution without bias and a batch norm; with stride 1, odd kernels keep the size."""
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
    """Return ReLU, a convolution without bias, and a batch norm."""
    return nn.Sequential(nn.ReLU(), *conv_norm(in_channels, out_channels, kernel, stride))
