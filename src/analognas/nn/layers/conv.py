"""Analog convolutions in one, two and three dimensions."""

from __future__ import annotations

from math import prod
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from ..config import AnalogConfig
from ..kernels.pointwise import cropped
from ..tile.products import ConvProduct
from .base import AnalogLayer
from .input_checks import check_dimensions, check_features


class _AnalogConv(AnalogLayer):
    """Common base of the convolutions. The constructor of the torch layer runs first."""

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
        """Return the zero padding of the convolution, and the padding that is applied before it."""
        both = self._reversed_padding_repeated_twice
        sides = list(zip(both[-2::-2], both[-1::-2], strict=True))
        none = (0,) * len(sides)
        if self.padding_mode == "zeros" and all(left == right for left, right in sides):
            return tuple(left for left, _ in sides), None
        return none, both if any(both) else None

    def _digital(self, x: Tensor) -> Tensor:
        x = cropped(x, self.kernel_size, self.stride, self.padding, self.groups)
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
        groups: Number of groups of channels. Each group has its own matrix.
        bias: Whether there is a bias, which is digital.
        padding_mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        config: Configuration of the hardware.
        device: Torch device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InvalidArgumentError: If the weights cannot be on tiles.
    """


class AnalogConv1d(_AnalogConv, nn.Conv1d):
    """A 1-D convolution on analog tiles: its unfolded matrix, group by group.

    Example:
        >>> import torch
        >>> layer = AnalogConv1d(2, 3, 3)
        >>> layer.eval()(torch.zeros(1, 2, 8)).shape
        torch.Size([1, 3, 6])
    """

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **kwargs: Any) -> None:
        nn.Conv1d.__init__(self, *args, **kwargs)
        self._make_analog_conv(config)


class AnalogConv2d(_AnalogConv, nn.Conv2d):
    """A 2-D convolution on analog tiles: its unfolded matrix, group by group.

    Example:
        >>> import torch
        >>> layer = AnalogConv2d(128, 64, 3, padding="same")
        >>> layer.tiled.grid.n_row_tiles, layer(torch.zeros(2, 128, 8, 8)).shape
        (3, torch.Size([2, 64, 8, 8]))
    """

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **kwargs: Any) -> None:
        nn.Conv2d.__init__(self, *args, **kwargs)
        self._make_analog_conv(config)


class AnalogConv3d(_AnalogConv, nn.Conv3d):
    """A 3-D convolution on analog tiles: its unfolded matrix, group by group.

    Example:
        >>> import torch
        >>> layer = AnalogConv3d(1, 2, 3)
        >>> layer.eval()(torch.zeros(1, 1, 4, 4, 4)).shape
        torch.Size([1, 2, 2, 2, 2])
    """

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **kwargs: Any) -> None:
        nn.Conv3d.__init__(self, *args, **kwargs)
        self._make_analog_conv(config)


for _kind in (AnalogConv1d, AnalogConv2d, AnalogConv3d):
    _summary, _, _rest = (_kind.__doc__ or "").partition("\n\n")
    _kind.__doc__ = _summary + _ARGUMENTS + ("\n\n" + _rest if _rest else "")


class AnalogConv2dSame(AnalogConv2d):
    r"""A 2-D convolution with the padding ``"SAME"`` of TensorFlow, on analog tiles.

    .. math:: p = \max((\lceil n / s \rceil - 1) s + (k - 1) d + 1 - n,\; 0)

    zeros are added in each direction, the odd one after the input. :func:`~analognas.nn.to_analog` makes this
    layer from ``timm.layers.Conv2dSame``.

    Source: TensorFlow's documentation of ``tf.nn.convolution``, padding ``"SAME"``.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of the layer, on analog tiles. The argument has timm's name."""
        return super().forward(x)

    def _digital(self, x: Tensor) -> Tensor:
        return super()._digital(self._with_zeros(x))

    def _to_tiles(self, x: Tensor) -> Tensor:
        return super()._to_tiles(self._with_zeros(x))

    def _with_zeros(self, x: Tensor) -> Tensor:
        self._check_dimensions(x)
        sides: list[int] = []
        sizes = zip(x.shape[-2:], self.kernel_size, self.stride, self.dilation, strict=True)
        for n, kernel, stride, dilation in sizes:
            missing = max((-(-n // stride) - 1) * stride + (kernel - 1) * dilation + 1 - n, 0)
            sides = [missing // 2, missing - missing // 2, *sides]
        return functional.pad(x, sides)
