"""Batch norm as compiled functions of memory addresses: the phases of a pass, and whole passes for one thread.

The phases of a forward are :func:`measure` over parts of the groups, :func:`finish_statistics`, :func:`write`
over parts; those of a backward :func:`sum_gradients`, :func:`finish_gradients`, :func:`differentiate`.
:func:`forward` and :func:`backward` run all phases in one call, with the same results.

Arguments that several functions share:

- ``x``, ``y``, ``grad``, ``out``: addresses of the inputs, outputs, gradients of outputs, gradients of inputs;
- ``other``: address of a tensor that is added to the outputs, or 0;
- ``n``, ``inner``: number of elements, and number of adjacent elements of a channel;
- ``first``, ``last``: range of groups of a part;
- ``numbers``: coefficients, shape ``(N_COEFFICIENTS, c)``;
- ``means``, ``squares``: mean and sum of squares of each group, shape ``(groups, c)``;
- ``least``: smallest output: 0 for ReLU, otherwise minus infinity.
"""

from __future__ import annotations

import numpy as np

from ...core.compiled import compiled
from ...core.memory_addresses import floats_at
from . import backward_loops, forward_loops
from .forward_loops import FACTOR, INVERSE, MEAN, OFFSET, SHIFT, SLOPE, Doubles, group_length

_D2 = "float64[:, ::1]"
_first_means, _statistics, _merge = (
    forward_loops.first_means,
    forward_loops.statistics,
    forward_loops.merge,
)
_normalize = forward_loops.normalize
_sum_gradients, _differentiate = backward_loops.sum_gradients, backward_loops.differentiate
_join = backward_loops.join


@compiled("int64(int64, int64, int64)")
def n_groups(n: int, c: int, inner: int) -> int:
    """Return the number of groups."""
    length = group_length(c, inner)
    return (n + length - 1) // length


@compiled(f"void(int64, int64, int64, int64, int64, {_D2}, {_D2})")
def measure(
    x: int, n: int, inner: int, first: int, last: int, means: Doubles, squares: Doubles
) -> None:
    """Write the statistics of the groups of a part."""
    c = means.shape[1]
    length, given = group_length(c, inner), floats_at(x, n)
    pivot = np.empty(c)
    _first_means(given, inner, pivot)
    part = given[first * length : last * length]
    _statistics(part, inner, pivot, means[first:last], squares[first:last])


@compiled(f"void(float64[::1], float64[::1], int64, int64, float64, {_D2})")
def _write_coefficients(
    mean: Doubles, variance: Doubles, weight: int, bias: int, eps: float, numbers: Doubles
) -> None:
    c = numbers.shape[1]
    for k in range(c):
        inverse = 1.0 / np.sqrt(variance[k] + eps)
        factor, shift = inverse, 0.0
        if weight != 0:
            factor *= float(floats_at(weight, c)[k])
        if bias != 0:
            shift = float(floats_at(bias, c)[k])
        numbers[FACTOR, k] = factor
        numbers[SHIFT, k] = shift - mean[k] * factor
        numbers[MEAN, k] = mean[k]
        numbers[INVERSE, k] = inverse


@compiled(f"void({_D2}, {_D2}, int64, int64, int64, int64, int64, int64, float64, float64, {_D2})")
def finish_statistics(
    means: Doubles,
    squares: Doubles,
    n: int,
    inner: int,
    weight: int,
    bias: int,
    running: int,
    variance: int,
    share: float,
    eps: float,
    numbers: Doubles,
) -> None:
    """Merge the statistics of groups, update the running statistics, and write the coefficients of the forward.

    Args:
        means: See the module.
        squares: See the module.
        n: See the module.
        inner: See the module.
        weight: Address of the weight, or 0.
        bias: Address of the bias, or 0.
        running: Address of the running mean, or 0.
        variance: Address of the running variance, which uses the unbiased variance, or 0.
        share: Weight of this batch in the running statistics.
        eps: Added to the variance.
        numbers: Receives the coefficients.
    """
    c = numbers.shape[1]
    mean, square, count = np.empty(c), np.empty(c), n // c
    _merge(means, squares, count, group_length(c, inner) // c, mean, square)
    if running != 0:
        old_mean, old_variance = floats_at(running, c), floats_at(variance, c)
        for k in range(c):
            old_mean[k] = share * mean[k] + (1.0 - share) * old_mean[k]
            old_variance[k] = share * (square[k] / (count - 1)) + (1.0 - share) * old_variance[k]
    for k in range(c):
        square[k] /= count
    _write_coefficients(mean, square, weight, bias, eps, numbers)


@compiled(f"void(int64, int64, int64, int64, float64, {_D2})")
def take_running(
    running: int, variance: int, weight: int, bias: int, eps: float, numbers: Doubles
) -> None:
    """Write the coefficients of a forward with running statistics; see :func:`finish_statistics`."""
    c = numbers.shape[1]
    mean, square = np.empty(c), np.empty(c)
    for k in range(c):
        mean[k] = float(floats_at(running, c)[k])
        square[k] = float(floats_at(variance, c)[k])
    _write_coefficients(mean, square, weight, bias, eps, numbers)


@compiled(f"void(int64, int64, int64, int64, int64, int64, int64, {_D2}, float64)")
def write(
    x: int,
    other: int,
    y: int,
    n: int,
    inner: int,
    first: int,
    last: int,
    numbers: Doubles,
    least: float,
) -> None:
    """Write the outputs of a part."""
    length = group_length(numbers.shape[1], inner)
    part = slice(first * length, last * length)
    added = floats_at(other, n if other != 0 else 0)
    _normalize(floats_at(x, n)[part], added[part], floats_at(y, n)[part], inner, numbers, least)


@compiled(
    "void(int64, int64, int64, int64, int64, int64, int64, int64, int64, float64, float64, boolean, "
    f"{_D2}, float64)"
)
def forward(
    x: int,
    other: int,
    y: int,
    n: int,
    inner: int,
    weight: int,
    bias: int,
    running: int,
    variance: int,
    share: float,
    eps: float,
    trains: bool,
    numbers: Doubles,
    least: float,
) -> None:
    """Run a whole forward, with the statistics of the batch if ``trains``; see :func:`finish_statistics`."""
    c = numbers.shape[1]
    count = n_groups(n, c, inner)
    if trains:
        means, squares = np.empty((count, c)), np.empty((count, c))
        measure(x, n, inner, 0, count, means, squares)
        finish_statistics(
            means, squares, n, inner, weight, bias, running, variance, share, eps, numbers
        )
    else:
        take_running(running, variance, weight, bias, eps, numbers)
    write(x, other, y, n, inner, 0, count, numbers, least)


@compiled(f"void(int64, int64, int64, int64, int64, int64, {_D2}, float64, {_D2}, {_D2})")
def sum_gradients(
    grad: int,
    x: int,
    n: int,
    inner: int,
    first: int,
    last: int,
    numbers: Doubles,
    least: float,
    totals: Doubles,
    projected: Doubles,
) -> None:
    """Write the sums of gradients of a part, and of their products with ``x - mean``: ``(groups, c)``."""
    length = group_length(numbers.shape[1], inner)
    part, groups = slice(first * length, last * length), slice(first, last)
    _sum_gradients(
        floats_at(grad, n)[part],
        floats_at(x, n)[part],
        inner,
        numbers,
        least,
        totals[groups],
        projected[groups],
    )


@compiled(f"void({_D2}, {_D2}, int64, boolean, {_D2}, int64, int64)")
def finish_gradients(
    totals: Doubles,
    projected: Doubles,
    n: int,
    trains: bool,
    numbers: Doubles,
    grad_weight: int,
    grad_bias: int,
) -> None:
    """Write the gradients of weight and bias, and the coefficients of the backward.

    Args:
        totals: As :func:`sum_gradients` wrote them.
        projected: As :func:`sum_gradients` wrote them.
        n: See the module.
        trains: Whether mean and standard deviation depend on the inputs.
        numbers: Receives slopes and offsets.
        grad_weight: Address of the gradient of the weight.
        grad_bias: Address of the gradient of the bias.
    """
    c = numbers.shape[1]
    to_weight, to_bias = floats_at(grad_weight, c), floats_at(grad_bias, c)
    for k in range(c):
        total, product, inverse = 0.0, 0.0, numbers[INVERSE, k]
        for group in range(len(totals)):
            total += totals[group, k]
            product += projected[group, k]
        to_weight[k] = product * inverse
        to_bias[k] = total
        factor = numbers[FACTOR, k] / (n // c) if trains else 0.0
        slope = -factor * product * inverse * inverse
        numbers[SLOPE, k] = slope
        numbers[OFFSET, k] = -factor * total - slope * numbers[MEAN, k]


@compiled(f"void(int64, int64, int64, int64, int64, int64, int64, {_D2}, float64)")
def differentiate(
    grad: int,
    x: int,
    out: int,
    n: int,
    inner: int,
    first: int,
    last: int,
    numbers: Doubles,
    least: float,
) -> None:
    """Write the gradients of the inputs of a part."""
    length = group_length(numbers.shape[1], inner)
    part = slice(first * length, last * length)
    _differentiate(
        floats_at(grad, n)[part],
        floats_at(x, n)[part],
        floats_at(out, n)[part],
        inner,
        numbers,
        least,
    )


@compiled(f"void(int64, int64, int64, int64, int64, boolean, {_D2}, float64, int64, int64)")
def backward(
    grad: int,
    x: int,
    out: int,
    n: int,
    inner: int,
    trains: bool,
    numbers: Doubles,
    least: float,
    grad_weight: int,
    grad_bias: int,
) -> None:
    """Run a whole backward; see :func:`finish_gradients`. ``out`` is 0 if the gradient is not needed."""
    c = numbers.shape[1]
    count = n_groups(n, c, inner)
    totals, projected = np.empty((count, c)), np.empty((count, c))
    sum_gradients(grad, x, n, inner, 0, count, numbers, least, totals, projected)
    finish_gradients(totals, projected, n, trains, numbers, grad_weight, grad_bias)
    if out != 0:
        differentiate(grad, x, out, n, inner, 0, count, numbers, least)


@compiled("void(int64, int64, int64, int64, int64)")
def join(plain: int, rectified: int, active: int, out: int, n: int) -> None:
    """Add the gradients of an input and of its ReLU; see :func:`.backward_loops.join`."""
    _join(floats_at(plain, n), floats_at(rectified, n), floats_at(active, n), floats_at(out, n))
