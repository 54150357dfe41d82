"""Convolutions with 1 x 1 kernels.

Without stride they are matrix products: images with channels last already are matrices. On one core a product
takes half of the time of the convolution if there are few channels.

With a stride, torch's gradient of the weight is not safe for few channels; see :func:`cropped`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .buffers import eager_on_cpu

_ONE, _ZERO = (1, 1), (0, 0)
_BLOCK = 16  # channels of oneDNN's largest block: those of AVX-512; AVX2 has 8


def is_pointwise(x: Tensor, kernel: object, stride: object, padding: object, groups: int) -> bool:
    """Whether a convolution can be a matrix product: 1 x 1 kernel, float32 on the CPU, channels last."""
    return (
        kernel == _ONE
        and stride == _ONE
        and padding == _ZERO
        and groups == 1
        and x.ndim == 4
        and x.dtype is torch.float32
        and eager_on_cpu(x)
        and not x.is_contiguous()
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def as_matrix(x: Tensor) -> Tensor:
    """View images ``(n, channels, h, w)`` with the channels last as ``(n h w, channels)``."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)


def as_images(y: Tensor, like: Tensor) -> Tensor:
    """View the rows of a matrix as pixels of images with channels last, for images shaped like ``like``."""
    n, _, height, width = like.shape
    return y.view(n, height, width, y.shape[1]).permute(0, 3, 1, 2)


def cropped(
    x: Tensor, kernel: object, stride: tuple[int, ...], padding: object, groups: int
) -> Tensor:
    """Return images without the last rows and columns if a strided 1 x 1 convolution does not read them.

    The output stays the same. Images whose channels are not last are returned as they are.

    With channels last and few input channels, oneDNN's gradient of the weight writes beyond its buffer, which
    damages the heap. It only uses that kernel if the size of the images is the stride times the size of the
    output, which is never true of cropped images.

    Source: https://github.com/uxlfoundation/oneDNN/issues/6035, for oneDNN 3.12 and PyTorch 2.14.

    Args:
        x: Inputs, ``(..., channels, h, w)``.
        kernel: Shape of the kernel.
        stride: Stride in both dimensions.
        padding: Padding, as torch's layers store it. Inputs of convolutions with padding stay.
        groups: Number of groups.
    """
    if kernel != _ONE or stride == _ONE or padding not in (_ZERO, "valid"):
        return x
    if x.ndim < 3 or x.shape[-3] >= _BLOCK * groups or x.stride(-3) != 1 or not x.is_cpu:
        return x
    height, width = x.shape[-2:]
    return x[..., : _read(height, stride[0]), : _read(width, stride[1])]


def _read(size: int, stride: int) -> int:
    """Return the number of pixels up to the last that is read."""
    return (size - 1) // stride * stride + 1
