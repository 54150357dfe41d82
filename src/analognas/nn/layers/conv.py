"""Analog convolutions in one, two and three dimensions."""

from __future__ import annotations

from math import prod
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from ..config import AnalogConfig
from ..tile.products import ConvProduct
from .base import AnalogLayer
from .input_checks import check_dimensions, check_features


class _AnalogConv(AnalogLayer):
    """What the three convolutions share; the torch layer's constructor has run before."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding_mode: Any
    groups: int
    in_channels: int
    out_channels: int
    _reversed_padding_repeated_twice: list[int]

    def _make_analog_conv(self, config: AnalogConfig | None) -> None:
        padding, self._extra_padding = self._split_padding()
        product = ConvProduct(self.kernel_size, self.stride, padding, self.dilation, self.groups)
        self._make_analog(
            config or AnalogConfig(),
            product,
            channels=self.in_channels // self.groups,
            outputs=self.out_channels // self.groups,
            kernel=prod(self.kernel_size),
            groups=self.groups,
        )

    def _split_padding(self) -> tuple[tuple[int, ...], list[int] | None]:
        """Return the zeros that the convolution adds itself, and what is padded before it."""
        both = self._reversed_padding_repeated_twice
        sides = list(zip(both[-2::-2], both[-1::-2], strict=True))
        none = (0,) * len(sides)
        if self.padding_mode == "zeros" and all(left == right for left, right in sides):
            return tuple(left for left, _ in sides), None
        return none, both if any(both) else None

    def _digital(self, x: Tensor) -> Tensor:
        y: Tensor = self._conv_forward(x, self.weight, self.bias)  # type: ignore[operator]
        return y

    def _to_tiles(self, x: Tensor) -> Tensor:
        self._check_dimensions(x)
        check_features(type(self).__name__, x, -1 - len(self.kernel_size), self.in_channels)
        if x.ndim == len(self.kernel_size) + 1:
            x = x.unsqueeze(0)
        if self._extra_padding is None:
            return x
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return functional.pad(x, self._extra_padding, mode=mode)

    def _check_dimensions(self, x: Tensor) -> None:
        n = len(self.kernel_size)
        check_dimensions(
            type(self).__name__, x, (n + 1, n + 2), "samples or none, channels, positions"
        )

    def _from_tiles(self, y: Tensor, x: Tensor) -> Tensor:
        return y.squeeze(0) if x.ndim == len(self.kernel_size) + 1 else y


_ARGUMENTS = """

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        kernel_size: Shape of the kernel.
        stride: Stride.
        padding: Padding on both sides, ``"same"`` or ``"valid"``.
        dilation: Dilation.
        groups: Blocks of channels; each block is a matrix of its own.
        bias: Whether there is a bias, which is digital.
        padding_mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        config: The hardware.
        device: Torch device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InvalidArgumentError: If the weights cannot be put on tiles.
    """


class AnalogConv1d(_AnalogConv, nn.Conv1d):
    """A 1-D convolution on analog tiles: its unfolded matrix, block by block."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **kwargs: Any) -> None:
        nn.Conv1d.__init__(self, *args, **kwargs)
        self._make_analog_conv(config)


class AnalogConv2d(_AnalogConv, nn.Conv2d):
    """A 2-D convolution on analog tiles: its unfolded matrix, block by block.

    Example:
        >>> import torch
        >>> layer = AnalogConv2d(128, 64, 3, padding="same")
        >>> layer.plan.grid.n_row_tiles, layer(torch.zeros(2, 128, 8, 8)).shape
        (3, torch.Size([2, 64, 8, 8]))
    """

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **kwargs: Any) -> None:
        nn.Conv2d.__init__(self, *args, **kwargs)
        self._make_analog_conv(config)


class AnalogConv3d(_AnalogConv, nn.Conv3d):
    """A 3-D convolution on analog tiles: its unfolded matrix, block by block."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **kwargs: Any) -> None:
        nn.Conv3d.__init__(self, *args, **kwargs)
        self._make_analog_conv(config)


for _kind in (AnalogConv1d, AnalogConv2d, AnalogConv3d):
    _summary, _, _rest = (_kind.__doc__ or "").partition("\n\n")
    _kind.__doc__ = _summary + _ARGUMENTS + ("\n\n" + _rest if _rest else "")
