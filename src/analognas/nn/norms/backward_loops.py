"""Compiled loops of the backward of batch norm: sums of gradients, and the gradient of the inputs."""

from __future__ import annotations

import numpy as np

from ...core.compiled import compiled
from .forward_loops import (
    FACTOR,
    MEAN,
    OFFSET,
    SHIFT,
    SLOPE,
    Doubles,
    Floats,
    gather,
    group_length,
    is_long,
    repeat,
    row_length,
)

_F, _F2 = "float32[::1]", "float32[:, ::1]"
_D2 = "float64[:, ::1]"


@compiled(f"void({_F}, {_F}, {_F2}, float32, {_F}, {_F})", fastmath=("contract",))
def _add_gradients(
    grad: Floats, x: Floats, rows: Floats, least: np.float32, total: Floats, projected: Floats
) -> None:
    factor, shift, mean = rows[FACTOR], rows[SHIFT], rows[MEAN]
    n, zero = len(mean), np.float32(0.0)
    total[:] = zero
    projected[:] = zero
    start = 0
    while start + 2 * n <= len(x):
        row0, row1 = x[start : start + n], x[start + n : start + 2 * n]
        given0, given1 = grad[start : start + n], grad[start + n : start + 2 * n]
        for j in range(n):
            g0 = zero if row0[j] * factor[j] + shift[j] <= least else given0[j]
            g1 = zero if row1[j] * factor[j] + shift[j] <= least else given1[j]
            total[j] += g0 + g1
            projected[j] += g0 * (row0[j] - mean[j]) + g1 * (row1[j] - mean[j])
        start += 2 * n
    while start < len(x):
        row, given = x[start : start + n], grad[start : start + n]
        for j in range(len(row)):
            g = zero if row[j] * factor[j] + shift[j] <= least else given[j]
            total[j] += g
            projected[j] += g * (row[j] - mean[j])
        start += n


@compiled(
    f"UniTuple(float64, 2)({_F}, {_F}, float32, float32, float32, float32)",
    fastmath=("reassoc", "contract"),
)
def _sum_gradients(
    grad: Floats,
    x: Floats,
    factor: np.float32,
    shift: np.float32,
    mean: np.float32,
    least: np.float32,
) -> tuple[float, float]:
    total, projected = np.float32(0.0), np.float32(0.0)
    for i in range(len(x)):
        g = np.float32(0.0) if x[i] * factor + shift <= least else grad[i]
        total += g
        projected += g * (x[i] - mean)
    return float(total), float(projected)


@compiled(f"void({_F}, {_F}, int64, {_D2}, float64, {_D2}, {_D2})")
def sum_gradients(
    grad: Floats,
    x: Floats,
    inner: int,
    numbers: Doubles,
    least: float,
    totals: Doubles,
    projected: Doubles,
) -> None:
    """Write the sums of the gradients of each channel in each group, without elements that the ReLU zeroed.

    Args:
        grad: Gradients of the outputs of :func:`.forward_loops.normalize`.
        x: Its inputs.
        inner: As in :func:`.forward_loops.normalize`.
        numbers: Coefficients.
        least: As in :func:`.forward_loops.normalize`.
        totals: Receives the sums, shape ``(groups, c)``.
        projected: Receives the sums of products with ``x - mean``, shape ``(groups, c)``.
    """
    c = numbers.shape[1]
    length, bound = group_length(c, inner), np.float32(least)
    long = is_long(c, inner)
    rows = np.empty((5, 0 if long else row_length(c, inner)), dtype=np.float32)
    if not long:
        for k in range(3):
            repeat(numbers[k], inner, rows[k])
    for group in range(len(totals)):
        part = slice(group * length, (group + 1) * length)
        part_grad, part_x = grad[part], x[part]
        if not long:
            _add_gradients(part_grad, part_x, rows, bound, rows[3], rows[4])
            gather(rows[3], inner, totals[group])
            gather(rows[4], inner, projected[group])
            continue
        totals[group] = 0.0
        projected[group] = 0.0
        for start in range(0, len(part_x), inner):
            k = start // inner % c
            factor, shift = np.float32(numbers[FACTOR, k]), np.float32(numbers[SHIFT, k])
            mean, own = np.float32(numbers[MEAN, k]), slice(start, start + inner)
            sums = _sum_gradients(part_grad[own], part_x[own], factor, shift, mean, bound)
            totals[group, k] += sums[0]
            projected[group, k] += sums[1]


@compiled(
    f"void({_F}, {_F}, {_F}, {_F2}, float32)",
    fastmath=("contract",),
)
def _differentiate_rows(
    grad: Floats, x: Floats, out: Floats, rows: Floats, least: np.float32
) -> None:
    factor, shift, slope, offset = rows[0], rows[1], rows[2], rows[3]
    n = len(factor)
    for start in range(0, len(x), n):
        row, given, target = x[start : start + n], grad[start : start + n], out[start : start + n]
        for j in range(len(row)):
            g = np.float32(0.0) if row[j] * factor[j] + shift[j] <= least else given[j]
            target[j] = factor[j] * g + (slope[j] * row[j] + offset[j])


@compiled(
    f"void({_F}, {_F}, {_F}, float32, float32, float32, float32, float32)",
    fastmath=("contract",),
)
def _differentiate(
    grad: Floats,
    x: Floats,
    out: Floats,
    factor: np.float32,
    shift: np.float32,
    slope: np.float32,
    offset: np.float32,
    least: np.float32,
) -> None:
    for i in range(len(x)):
        g = np.float32(0.0) if x[i] * factor + shift <= least else grad[i]
        out[i] = factor * g + (slope * x[i] + offset)


@compiled(f"void({_F}, {_F}, {_F}, int64, {_D2}, float64)")
def differentiate(
    grad: Floats, x: Floats, out: Floats, inner: int, numbers: Doubles, least: float
) -> None:
    """Write the gradient of what :func:`normalize` was given.

    Args:
        grad: Gradients of what it wrote.
        x: What it was given.
        out: Takes the gradient.
        inner: See there.
        numbers: Coefficients.
        least: See there.
    """
    c = numbers.shape[1]
    bound = np.float32(least)
    if not is_long(c, inner):
        rows = np.empty((4, row_length(c, inner)), dtype=np.float32)
        repeat(numbers[FACTOR], inner, rows[0])
        repeat(numbers[SHIFT], inner, rows[1])
        repeat(numbers[SLOPE], inner, rows[2])
        repeat(numbers[OFFSET], inner, rows[3])
        _differentiate_rows(grad, x, out, rows, bound)
        return
    for start in range(0, len(x), inner):
        k = start // inner % c
        factor, shift = np.float32(numbers[FACTOR, k]), np.float32(numbers[SHIFT, k])
        slope, offset = np.float32(numbers[SLOPE, k]), np.float32(numbers[OFFSET, k])
        own = slice(start, start + inner)
        _differentiate(grad[own], x[own], out[own], factor, shift, slope, offset, bound)


@compiled(f"void({_F}, {_F}, {_F}, {_F})")
def join(plain: Floats, rectified: Floats, active: Floats, out: Floats) -> None:
    """Write the gradient of what was used both as it is and after ReLU.

    Args:
        plain: Gradient of the former.
        rectified: Gradient of the latter.
        active: The outputs of ReLU.
        out: Takes the gradient.
    """
    for i in range(len(out)):
        out[i] = plain[i] + (np.float32(0.0) if active[i] <= np.float32(0.0) else rectified[i])
