"""The convolution of networks that came from TensorFlow: its zeros depend on the size of its input."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from .conv import AnalogConv2d


class AnalogConv2dSame(AnalogConv2d):
    r"""A 2-D convolution on analog tiles with as many outputs as the stride fits into the input.

    .. math:: p = \max((\lceil n / s \rceil - 1) s + (k - 1) d + 1 - n,\; 0)

    zeros in each direction, the odd one after the input. It stands for ``timm.layers.Conv2dSame`` and is made
    by :func:`~analognas.nn.to_analog` only.

    Source: TensorFlow's documentation of ``tf.nn.convolution``, padding ``"SAME"``.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return what the torch layer returns, as the analog tiles would; its input has timm's name."""
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
