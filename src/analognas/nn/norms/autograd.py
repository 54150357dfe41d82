"""Batch norm with or without ReLU as one autograd function on compiled passes, for float32 on the CPU.

The backward computes the mask of the ReLU from the input again, so only the input is saved.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..kernels.buffers import is_dense
from ..kernels.threads import PART, run_all, slices
from . import calls
from .forward_loops import N_COEFFICIENTS, Doubles


class Norm(NamedTuple):
    """Options of one pass.

    Attributes:
        running_mean: Running mean, shape ``(c,)``; None if it is not used.
        running_var: Running variance, shape ``(c,)``; None if it is not used.
        share: Weight of this batch in the running statistics.
        eps: Added to the variance.
        trains: Whether to use the statistics of the batch.
        rectifies: Whether a ReLU follows.
    """

    running_mean: Tensor | None
    running_var: Tensor | None
    share: float
    eps: float
    trains: bool
    rectifies: bool

    @property
    def least(self) -> float:
        """The smallest output."""
        return 0.0 if self.rectifies else -np.inf


def same_memory(x: Tensor, other: Tensor) -> bool:
    """Whether a tensor is plain and has the memory format of a tensor for which :func:`can_use_kernels`."""
    return (
        type(other) is Tensor
        and other.dtype is torch.float32
        and other.is_cpu
        and other.shape == x.shape
        and other.stride() == x.stride()
    )


def can_use_kernels(x: Tensor, *others: Tensor | None) -> bool:
    """Whether compiled passes can process an input with its parameters and running statistics.

    They cannot be used under functional transformations, tracing, compilation, or modes that intercept
    operations.
    """
    if (
        type(x) is not Tensor
        or x.dtype is not torch.float32
        or not x.is_cpu
        or _is_watched()
        or x.layout is not torch.strided
        or not is_dense(x)
    ):
        return False
    for other in others:
        if other is not None and not (
            other.dtype is torch.float32
            and other.is_cpu
            and type(other) in _PLAIN
            and other.is_contiguous()
        ):
            return False
    return True


_PLAIN = (Tensor, torch.nn.Parameter)


def _is_watched() -> bool:
    return bool(
        torch.compiler.is_compiling()
        or torch._C._is_tracing()
        or torch._C._len_torch_dispatch_stack()
        or torch._C._are_functorch_transforms_active()
        or torch.autograd.forward_ad._current_level >= 0
    )


def normalized(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, other: Tensor | None, norm: Norm
) -> Tensor:
    """Return the batch norm of an input for which :func:`can_use_kernels`, by its second dimension.

    Args:
        x: Input.
        weight: Factor on the normalised input.
        bias: Added after the factor.
        other: Added to the result, in the memory format of ``x``; only without ReLU.
        norm: Options of the pass.
    """
    given = (x, weight, bias, other)
    if torch.is_grad_enabled() and any(
        value is not None and value.requires_grad for value in given
    ):
        result: Tensor = NormFunction.apply(*given, norm)  # type: ignore[no-untyped-call]
        return result
    return _forward(*given, norm)[0]


def forked(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return an input for which :func:`can_use_kernels` and its ReLU, for a sum of branches that use both."""
    if torch.is_grad_enabled() and x.requires_grad:
        result: tuple[Tensor, Tensor] = ForkFunction.apply(x)  # type: ignore[no-untyped-call]
        return result
    return x, torch.relu(x)


class ForkFunction(torch.autograd.Function):
    """The identity and the ReLU. One pass adds their gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x`` and its ReLU."""
        active = torch.relu(x)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(active)
        return x, active

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Tensor | None:
        """Return the gradient of ``x``."""
        (active,) = ctx.saved_tensors
        plain, rectified = grads
        if rectified is None:
            return plain
        if plain is None or torch.is_grad_enabled():
            found: Tensor = rectified * (active > 0.0)
            return found if plain is None else plain + found
        plain, rectified = laid_out_like(active, plain), laid_out_like(active, rectified)
        out = torch.empty_like(active)
        given = plain.data_ptr(), rectified.data_ptr(), active.data_ptr()
        at_out = out.data_ptr()

        def join(part: slice) -> int:
            skipped, n = 4 * part.start, part.stop - part.start
            first, second, third = (address + skipped for address in given)
            calls.join(first, second, third, at_out + skipped, n)
            return 0

        n = out.numel()
        parts = [slice(0, n)] if torch.get_num_threads() == 1 else slices(n)
        run_all(join, parts, n)
        return out


class NormFunction(torch.autograd.Function):
    """Batch norm, optionally with ReLU or a sum."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        other: Tensor | None,
        norm: Norm,
    ) -> Tensor:
        """Normalise; see :func:`normalized`."""
        y, ctx.numbers = _forward(x, weight, bias, other, norm)
        ctx.norm = norm
        ctx.save_for_backward(x, weight, bias)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of input, weight, bias and added tensor."""
        x, weight, bias = ctx.saved_tensors
        norm: Norm = ctx.norm
        added = grads[0] if ctx.needs_input_grad[3] else None
        if torch.is_grad_enabled():
            found = _differentiable(grads[0], x, weight, bias, norm, ctx.needs_input_grad)
            return (*found, added, None)
        grad = laid_out_like(x, grads[0])
        grad_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        grad_weight, grad_bias = x.new_empty((2, x.shape[1]))
        _backward(grad, x, grad_x, grad_weight, grad_bias, norm, ctx.numbers)
        return (
            grad_x,
            None if weight is None else grad_weight,
            None if bias is None else grad_bias,
            added,
            None,
        )


def laid_out_like(x: Tensor, grad: Tensor) -> Tensor:
    """Return a gradient in the memory format of a dense tensor."""
    if x.is_contiguous():
        return grad.contiguous()
    layout = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
    return grad.contiguous(memory_format=layout)


def _forward(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, other: Tensor | None, norm: Norm
) -> tuple[Tensor, Doubles]:
    """Return outputs and coefficients."""
    n, c, inner = _shape(x)
    y = torch.empty_like(x)
    at_x, least = x.data_ptr(), norm.least
    outputs = at_x, _address(other), y.data_ptr()
    numbers = np.empty((N_COEFFICIENTS, c))
    parameters = _address(weight), _address(bias)
    running = _address(norm.running_mean), _address(norm.running_var)
    rule = norm.share, norm.eps
    parts = _parts(n, c, inner)
    if not parts:
        calls.forward(*outputs, n, inner, *parameters, *running, *rule, norm.trains, numbers, least)
        return y, numbers
    if norm.trains:
        means, squares = np.empty((2, parts[-1][1], c))
        _run(lambda a, b: calls.measure(at_x, n, inner, a, b, means, squares), parts, n)
        calls.finish_statistics(means, squares, n, inner, *parameters, *running, *rule, numbers)
    else:
        calls.take_running(*running, *parameters, norm.eps, numbers)
    _run(lambda a, b: calls.write(*outputs, n, inner, a, b, numbers, least), parts, n)
    return y, numbers


def _backward(
    grad: Tensor,
    x: Tensor,
    grad_x: Tensor | None,
    grad_weight: Tensor,
    grad_bias: Tensor,
    norm: Norm,
    numbers: Doubles,
) -> None:
    """Write the gradients of input, weight and bias."""
    n, c, inner = _shape(x)
    at_grad, at_x, at_out, least = grad.data_ptr(), x.data_ptr(), _address(grad_x), norm.least
    targets = grad_weight.data_ptr(), grad_bias.data_ptr()
    parts = _parts(n, c, inner)
    if not parts:
        calls.backward(at_grad, at_x, at_out, n, inner, norm.trains, numbers, least, *targets)
        return
    totals, projected = np.empty((2, parts[-1][1], c))

    def collect(a: int, b: int) -> None:
        calls.sum_gradients(at_grad, at_x, n, inner, a, b, numbers, least, totals, projected)

    def differentiate(a: int, b: int) -> None:
        calls.differentiate(at_grad, at_x, at_out, n, inner, a, b, numbers, least)

    _run(collect, parts, n)
    calls.finish_gradients(totals, projected, n, norm.trains, numbers, *targets)
    if grad_x is not None:
        _run(differentiate, parts, n)


def _run(run: Callable[[int, int], None], parts: list[tuple[int, int]], n: int) -> None:
    def run_one(part: tuple[int, int]) -> int:
        run(*part)
        return 0

    run_all(run_one, parts, n)


def _shape(x: Tensor) -> tuple[int, int, int]:
    """Return the numbers of elements, of channels, and of adjacent elements of a channel."""
    n, c = x.numel(), x.shape[1]
    return n, c, n // (c * x.shape[0]) if x.is_contiguous() else 1


_ONE_PART: list[tuple[int, int]] = []


def _parts(n: int, c: int, inner: int) -> list[tuple[int, int]]:
    """Split the groups into parts for threads; an empty list for one thread."""
    if n < 2 * PART or torch.get_num_threads() == 1:
        return _ONE_PART
    n_groups = calls.n_groups(n, c, inner)
    n_parts = min(torch.get_num_threads(), n_groups, n // PART)
    if n_parts < 2:
        return _ONE_PART
    return list(pairwise(n_groups * i // n_parts for i in range(n_parts + 1)))


def _address(x: Tensor | None) -> int:
    return 0 if x is None else x.data_ptr()


def _differentiable(
    grad: Tensor,
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    norm: Norm,
    needs: tuple[bool, ...],
) -> list[Tensor | None]:
    """Return the gradients by torch operations, which can be differentiated again."""
    given = zip((x, weight, bias), needs, strict=False)
    inputs = [value for value, need in given if need and value is not None]
    running = (None, None) if norm.trains else (norm.running_mean, norm.running_var)
    y = torch.nn.functional.batch_norm(
        x, *running, weight=weight, bias=bias, training=norm.trains, eps=norm.eps
    )
    y = torch.relu(y) if norm.rectifies else y
    found = iter(torch.autograd.grad(y, inputs, grad, create_graph=True))
    return [next(found) if need else None for need in needs[:3]]
