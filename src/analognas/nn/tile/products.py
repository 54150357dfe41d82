"""Matrix-vector products of linear and convolutional layers.

A product holds the geometry of a layer and computes without noise. All other code is the same for both kinds.
Weights are matrices ``(*chips, out, channels * kernel)`` of the whole layer or of one row tile. Inputs and
outputs are ``(*chips, n, ...)``. ``*chips`` is one dimension or none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..kernels.pointwise import as_images, as_matrix, cropped, is_pointwise

_CONVOLVE: dict[int, Any] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}

_FEW_MULTIPLICATIONS = 3e6  # of one chip: with fewer, the call costs more than the arithmetic

Gradients = tuple[Tensor | None, Tensor | None]
"""Gradients of the inputs and of the weight matrix."""


class Product(ABC):
    """The product of a layer's inputs and weights."""

    @abstractmethod
    def multiply(self, x: Tensor, matrix: Tensor, factor: float = 1.0) -> Tensor:
        """Return outputs times ``factor`` as a new tensor, with a chip dimension if ``matrix`` has one."""

    @abstractmethod
    def backward(
        self, grad: Tensor, x: Tensor, matrix: Tensor, needs: tuple[bool, bool], factor: float = 1.0
    ) -> Gradients:
        """Return the gradients of inputs and weights (times ``factor``) as new tensors; None if not needed."""

    @abstractmethod
    def channels(self, x: Tensor, part: slice) -> Tensor:
        """Return a slice of the input channels of each group."""

    @abstractmethod
    def per_output(self, values: Tensor) -> Tensor:
        """Reshape values ``(*chips, out)`` so that they broadcast to outputs."""

    @abstractmethod
    def sum_positions(self, grad: Tensor) -> Tensor:
        """Sum over samples and positions. This gives the gradient of the bias."""

    @abstractmethod
    def any_output(self, flags: Tensor) -> Tensor:
        """Return whether any output of each input vector is flagged, in a shape that broadcasts to outputs."""

    @abstractmethod
    def largest(self, x: Tensor) -> Tensor:
        """Return the largest absolute value of each input vector, in a shape that broadcasts to ``x``."""


@dataclass(frozen=True)
class LinearProduct(Product):
    """``x @ matrix.T`` of inputs ``(*chips, n, in)``."""

    def multiply(self, x: Tensor, matrix: Tensor, factor: float = 1.0) -> Tensor:
        """See :meth:`Product.multiply`: one batched product for several chips."""
        if factor == 1.0:
            return torch.matmul(x, matrix.transpose(-1, -2))
        return torch.addmm(x.new_zeros(1), x, matrix.t(), beta=0.0, alpha=factor)

    def backward(
        self, grad: Tensor, x: Tensor, matrix: Tensor, needs: tuple[bool, bool], factor: float = 1.0
    ) -> Gradients:
        """See :meth:`Product.backward`."""
        return (
            grad @ matrix if needs[0] else None,
            self.multiply(grad.t(), x.t(), factor) if needs[1] else None,
        )

    def channels(self, x: Tensor, part: slice) -> Tensor:
        """See :meth:`Product.channels`."""
        return x[..., part]

    def per_output(self, values: Tensor) -> Tensor:
        """See :meth:`Product.per_output`."""
        return values.unsqueeze(-2)

    def sum_positions(self, grad: Tensor) -> Tensor:
        """See :meth:`Product.sum_positions`."""
        return grad.sum(0)

    def any_output(self, flags: Tensor) -> Tensor:
        """See :meth:`Product.any_output`."""
        return flags.any(-1, keepdim=True)

    def largest(self, x: Tensor) -> Tensor:
        """See :meth:`Product.largest`."""
        return x.abs().amax(-1, keepdim=True)


@dataclass(frozen=True)
class ConvProduct(Product):
    """Convolution of inputs ``(*chips, n, channels, *positions)``.

    Attributes:
        kernel: Shape of the kernel.
        stride: Stride.
        padding: Number of zeros on both sides.
        dilation: Dilation.
        groups: Number of groups.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    def multiply(self, x: Tensor, matrix: Tensor, factor: float = 1.0) -> Tensor:
        """See :meth:`Product.multiply`: one convolution per chip, or a grouped one for all chips."""
        if matrix.ndim == 2 and self._is_pointwise(x):
            return as_images(LinearProduct().multiply(as_matrix(x), matrix, factor), x)
        matrix = matrix if factor == 1.0 else matrix * factor
        if matrix.ndim == 2:
            return self._convolve(x, self._kernels(matrix), self.groups)
        n_chips = matrix.shape[0]
        if not self._grouped_is_faster(x, matrix):
            return torch.stack(
                [
                    self._convolve(x[i], self._kernels(matrix[i]), self.groups)
                    for i in range(n_chips)
                ]
            )
        side_by_side = x.transpose(0, 1).flatten(1, 2)
        kernels = self._kernels(matrix).flatten(0, 1)
        y = self._convolve(side_by_side, kernels, n_chips * self.groups)
        return torch.unflatten(y, 1, (n_chips, -1)).transpose(0, 1)

    def backward(
        self, grad: Tensor, x: Tensor, matrix: Tensor, needs: tuple[bool, bool], factor: float = 1.0
    ) -> Gradients:
        """See :meth:`Product.backward`."""
        if self._is_pointwise(x):
            grad = grad.contiguous(memory_format=torch.channels_last)
            found = LinearProduct().backward(as_matrix(grad), as_matrix(x), matrix, needs, factor)
            return None if found[0] is None else as_images(found[0], x), found[1]
        kernels = self._kernels(matrix)
        read = cropped(x, self.kernel, self.stride, self.padding, self.groups)
        if read.shape == x.shape:
            grad_x, grad_w = self._gradients(grad, x, kernels, needs)
        else:
            grad_x, _ = self._gradients(grad, x, kernels, (needs[0], False))
            _, grad_w = self._gradients(grad, read, kernels, (False, needs[1]))
        return grad_x, None if grad_w is None else grad_w.flatten(1).mul_(factor)

    def channels(self, x: Tensor, part: slice) -> Tensor:
        """See :meth:`Product.channels`."""
        axis = x.ndim - len(self.kernel) - 1
        blocks = torch.unflatten(x, axis, (self.groups, -1))
        return blocks.narrow(axis + 1, part.start, part.stop - part.start).flatten(axis, axis + 1)

    def per_output(self, values: Tensor) -> Tensor:
        """See :meth:`Product.per_output`."""
        return values.unsqueeze(-2)[(..., *(None,) * len(self.kernel))]

    def sum_positions(self, grad: Tensor) -> Tensor:
        """See :meth:`Product.sum_positions`."""
        return grad.sum((0, *range(2, grad.ndim)))

    def any_output(self, flags: Tensor) -> Tensor:
        """See :meth:`Product.any_output`."""
        return flags.any(-1 - len(self.kernel), keepdim=True)

    def largest(self, x: Tensor) -> Tensor:
        """See :meth:`Product.largest`: one value for each image, since neighbouring vectors share inputs."""
        return x.abs().amax(tuple(range(-1 - len(self.kernel), 0)), keepdim=True)

    def _is_pointwise(self, x: Tensor) -> bool:
        return is_pointwise(x, self.kernel, self.stride, self.padding, self.groups)

    def _gradients(
        self, grad: Tensor, x: Tensor, kernels: Tensor, needs: tuple[bool, bool]
    ) -> Gradients:
        grad_x, grad_w, _ = torch.ops.aten.convolution_backward(
            grad,
            x,
            kernels,
            None,
            self.stride,
            self.padding,
            self.dilation,
            False,
            (0,) * len(self.kernel),
            self.groups,
            (*needs, False),
        )
        return grad_x, grad_w

    def _convolve(self, x: Tensor, kernels: Tensor, groups: int) -> Tensor:
        convolve = _CONVOLVE[len(self.kernel)]
        y: Tensor = convolve(x, kernels, None, self.stride, self.padding, self.dilation, groups)
        return y

    def _kernels(self, matrix: Tensor) -> Tensor:
        return torch.unflatten(matrix, -1, (-1, *self.kernel))

    def _grouped_is_faster(self, x: Tensor, matrix: Tensor) -> bool:
        """Whether one grouped convolution for all chips is faster than one convolution for each chip.

        The threshold was measured on the CPU by ``benchmarks/nn_chips.py``. On other devices one call is
        assumed to be faster.
        """
        if x.device.type != "cpu":
            return True
        positions = prod(x.shape[3:]) / prod(self.stride)
        multiplications = x.shape[1] * positions * prod(matrix.shape[1:])
        return multiplications < _FEW_MULTIPLICATIONS
