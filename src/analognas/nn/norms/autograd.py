"""Batch norm with or without ReLU as one function of torch, by compiled passes: float32 on the CPU only.

The backward reads the input again instead of what ReLU let through, so nothing is kept but the input.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..kernels.buffers import is_dense
from ..kernels.threads import PART, run_all
from . import calls
from .forward_loops import N_COEFFICIENTS, Doubles


class Norm(NamedTuple):
    """What one pass does beside its tensors.

    Attributes:
        running_mean: Running mean, shape ``(c,)``; None if there is none or it is not used.
        running_var: Running variance, likewise.
        share: Weight of this batch in them.
        eps: Added to the variance.
        trains: Whether the statistics are those of the batch.
        rectifies: Whether ReLU follows.
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


def takes_passes(x: Tensor, *others: Tensor | None) -> bool:
    """Whether the compiled passes can take an input, with parameters and running statistics.

    They cannot under transformations of functions, tracing, compilation and modes which watch operations.
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


def normalized(x: Tensor, weight: Tensor | None, bias: Tensor | None, norm: Norm) -> Tensor:
    """Return the batch norm of an input that :func:`takes_passes`, by channels (its second dimension)."""
    if torch.is_grad_enabled() and (
        x.requires_grad
        or (weight is not None and weight.requires_grad)
        or (bias is not None and bias.requires_grad)
    ):
        result: Tensor = NormFunction.apply(x, weight, bias, norm)  # type: ignore[no-untyped-call]
        return result
    return _forward(x, weight, bias, norm)[0]


class NormFunction(torch.autograd.Function):
    """Batch norm, then ReLU if asked for."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, norm: Norm
    ) -> Tensor:
        """Normalise; see :func:`normalized`."""
        y, ctx.numbers = _forward(x, weight, bias, norm)
        ctx.norm = norm
        ctx.save_for_backward(x, weight, bias)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of input, weight and bias."""
        x, weight, bias = ctx.saved_tensors
        norm: Norm = ctx.norm
        if torch.is_grad_enabled():
            return (*_differentiable(grads[0], x, weight, bias, norm, ctx.needs_input_grad), None)
        if x.is_contiguous():
            grad = grads[0].contiguous()
        else:
            layout = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
            grad = grads[0].contiguous(memory_format=layout)
        grad_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        grad_weight, grad_bias = x.new_empty((2, x.shape[1]))
        _backward(grad, x, grad_x, grad_weight, grad_bias, norm, ctx.numbers)
        return (
            grad_x,
            None if weight is None else grad_weight,
            None if bias is None else grad_bias,
            None,
        )


def _forward(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, norm: Norm
) -> tuple[Tensor, Doubles]:
    """Return outputs and coefficients."""
    n, c, inner = _shape(x)
    y = torch.empty_like(x)
    at_x, at_y, least = x.data_ptr(), y.data_ptr(), norm.least
    numbers = np.empty((N_COEFFICIENTS, c))
    parameters = _address(weight), _address(bias)
    running = _address(norm.running_mean), _address(norm.running_var)
    rule = norm.share, norm.eps
    parts = _parts(n, c, inner)
    if not parts:
        calls.forward(
            at_x, at_y, n, inner, *parameters, *running, *rule, norm.trains, numbers, least
        )
        return y, numbers
    if norm.trains:
        means, squares = np.empty((2, parts[-1][1], c))
        _run(lambda a, b: calls.measure(at_x, n, inner, a, b, means, squares), parts, n)
        calls.settle(means, squares, n, inner, *parameters, *running, *rule, numbers)
    else:
        calls.take_running(*running, *parameters, norm.eps, numbers)
    _run(lambda a, b: calls.write(at_x, at_y, n, inner, a, b, numbers, least), parts, n)
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
        calls.collect(at_grad, at_x, n, inner, a, b, numbers, least, totals, projected)

    def differentiate(a: int, b: int) -> None:
        calls.differentiate(at_grad, at_x, at_out, n, inner, a, b, numbers, least)

    _run(collect, parts, n)
    calls.conclude(totals, projected, n, norm.trains, numbers, *targets)
    if grad_x is not None:
        _run(differentiate, parts, n)


def _run(run: Callable[[int, int], None], parts: list[tuple[int, int]], n: int) -> None:
    def run_one(part: tuple[int, int]) -> int:
        run(*part)
        return 0

    run_all(run_one, parts, n)


def _shape(x: Tensor) -> tuple[int, int, int]:
    """Return how many numbers there are, channels, and neighbouring numbers of each."""
    n, c = x.numel(), x.shape[1]
    return n, c, n // (c * x.shape[0]) if x.is_contiguous() else 1


_ONE_PART: list[tuple[int, int]] = []


def _parts(n: int, c: int, inner: int) -> list[tuple[int, int]]:
    """Cut the groups into as many parts as threads can work on; none for one thread."""
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
    """Return the gradients by torch's operations, which can be differentiated again."""
    given = zip((x, weight, bias), needs, strict=False)
    inputs = [value for value, need in given if need and value is not None]
    running = (None, None) if norm.trains else (norm.running_mean, norm.running_var)
    y = torch.nn.functional.batch_norm(
        x, *running, weight=weight, bias=bias, training=norm.trains, eps=norm.eps
    )
    y = torch.relu(y) if norm.rectifies else y
    found = iter(torch.autograd.grad(y, inputs, grad, create_graph=True))
    return [next(found) if need else None for need in needs[:3]]
