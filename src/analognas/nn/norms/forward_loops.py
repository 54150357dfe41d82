"""Compiled loops of the forward of batch norm for float32 numbers on the CPU, with or without ReLU.

Arrays are flat, in memory order: samples of ``c`` channels with ``inner`` adjacent numbers each. With channels
last, ``inner`` is 1 and each position counts as a sample. Groups of whole samples stay in the second-level
cache. Sums within a group are single precision, and sums over groups are double precision. Groups do not depend
on the number of threads, so results do not either.

A few channels do not fill a vector register. A row of the loops therefore holds several samples, and the values
of a channel are repeated along it. A long channel is a row by itself.

Coefficients of the channels are rows of one array: factor and shift of the forward,
``z = x * factor + shift``; the mean; for the backward ``dx = g * factor + x * slope + offset``; and one over
the standard deviation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.compiled import compiled

GROUP = 1 << 15
"""Elements of a group, unless a sample is longer."""
FACTOR, SHIFT, MEAN, SLOPE, OFFSET, INVERSE = range(6)
"""Rows of coefficients."""
N_COEFFICIENTS = 6

_ROW = 256  # approximate length: several accumulators for each vector instruction
_LONG, _WIDE = 128, 1 << 13  # elements of a channel and of a sample from which a channel is a row
_CANCELLED = 64.0  # squares about the pivot over squares about the mean: six of 24 bits are lost
_F, _D, _D2 = "float32[::1]", "float64[::1]", "float64[:, ::1]"

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@compiled("boolean(int64, int64)")
def is_long(c: int, inner: int) -> bool:
    """Return whether a channel is a row by itself."""
    return inner >= _LONG or (inner >= 16 and c * inner > _WIDE)


@compiled("int64(int64, int64)")
def row_length(c: int, inner: int) -> int:
    """Return the length of a row: whole samples."""
    sample = c * inner
    return sample * max(1, _ROW // sample)


@compiled("int64(int64, int64)")
def group_length(c: int, inner: int) -> int:
    """Return the length of a group: whole rows."""
    row = row_length(c, inner)
    return row * max(1, GROUP // row)


@compiled(f"void({_D}, int64, {_F})")
def repeat(values: Doubles, inner: int, row: Floats) -> None:
    """Write the value of each channel to all of its elements in a row."""
    i = 0
    while i < len(row):
        for c in range(len(values)):
            value = np.float32(values[c])
            for _ in range(inner):
                row[i] = value
                i += 1


@compiled(f"float64({_F})", fastmath=("reassoc",))
def _sum(x: Floats) -> float:
    total = np.float32(0.0)
    for i in range(len(x)):
        total += x[i]
    return float(total)


@compiled(f"void({_F}, int64, {_D})")
def gather(row: Floats, inner: int, totals: Doubles) -> None:
    """Sum the elements of each channel in a row."""
    totals[:] = 0.0
    i = 0
    while i < len(row):
        for c in range(len(totals)):
            totals[c] += row[i] if inner == 1 else _sum(row[i : i + inner])
            i += inner


@compiled(f"void({_F}, {_F}, {_F}, {_F})", fastmath=("contract",))
def _add_rows(x: Floats, pivot: Floats, total: Floats, squares: Floats) -> None:
    n = len(total)
    total[:] = np.float32(0.0)
    squares[:] = np.float32(0.0)
    start = 0
    while start + 4 * n <= len(x):
        row0, row1 = x[start : start + n], x[start + n : start + 2 * n]
        row2, row3 = x[start + 2 * n : start + 3 * n], x[start + 3 * n : start + 4 * n]
        for j in range(n):
            p = pivot[j]
            d0, d1, d2, d3 = row0[j] - p, row1[j] - p, row2[j] - p, row3[j] - p
            total[j] += (d0 + d1) + (d2 + d3)
            squares[j] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
        start += 4 * n
    while start < len(x):
        row = x[start : start + n]
        for j in range(len(row)):
            d = row[j] - pivot[j]
            total[j] += d
            squares[j] += d * d
        start += n


@compiled(f"UniTuple(float64, 2)({_F}, float32)", fastmath=("reassoc", "contract"))
def _sums(x: Floats, pivot: np.float32) -> tuple[float, float]:
    total, squares = np.float32(0.0), np.float32(0.0)
    for i in range(len(x)):
        d = x[i] - pivot
        total += d
        squares += d * d
    return float(total), float(squares)


@compiled(f"void({_F}, int64, {_D}, {_D}, {_D})")
def _group_statistics(
    x: Floats, inner: int, pivot: Doubles, total: Doubles, squares: Doubles
) -> None:
    """Write sums of ``x - pivot`` and of its squares, channel by channel."""
    c = len(pivot)
    if not is_long(c, inner):
        rows = np.empty((3, row_length(c, inner)), dtype=np.float32)
        repeat(pivot, inner, rows[0])
        _add_rows(x, rows[0], rows[1], rows[2])
        gather(rows[1], inner, total)
        gather(rows[2], inner, squares)
        return
    total[:] = 0.0
    squares[:] = 0.0
    for start in range(0, len(x), inner):
        k = start // inner % c
        first, second = _sums(x[start : start + inner], np.float32(pivot[k]))
        total[k] += first
        squares[k] += second


@compiled(f"void({_F}, int64, {_D})")
def first_means(x: Floats, inner: int, means: Doubles) -> None:
    """Write the mean of each channel in the first row, in single precision."""
    c = len(means)
    row = x[: row_length(c, inner)]
    gather(row, inner, means)
    for k in range(c):
        means[k] = np.float32(means[k] / (len(row) // c))


@compiled(f"void({_F}, int64, {_D}, {_D2}, {_D2})")
def statistics(x: Floats, inner: int, pivot: Doubles, means: Doubles, squares: Doubles) -> None:
    """Write the mean of each channel in each group, and the sum of squares about it.

    Args:
        x: The numbers of some groups.
        inner: Neighbouring numbers of a channel.
        pivot: Single-precision numbers near the means, so that little is lost to cancellation. Where they are
            far away the group is summed once more.
        means: Takes means, shape ``(groups, c)``.
        squares: Takes sums of squares, shape ``(groups, c)``.
    """
    c = len(pivot)
    length = group_length(c, inner)
    near, total, about = np.empty(c), np.empty(c), np.empty(c)
    for group in range(len(means)):
        part = x[group * length : (group + 1) * length]
        n = len(part) // c
        near[:] = pivot
        for _ in range(2):
            _group_statistics(part, inner, near, total, about)
            cancelled = False
            for k in range(c):
                d = total[k] / n
                means[group, k] = near[k] + d
                squares[group, k] = max(about[k] - n * d * d, 0.0)
                cancelled |= about[k] > _CANCELLED * squares[group, k]
                near[k] = np.float32(means[group, k])
            if not cancelled:
                break


@compiled(f"void({_D2}, {_D2}, int64, int64, {_D}, {_D})")
def merge(
    means: Doubles, squares: Doubles, n: int, n_group: int, mean: Doubles, square: Doubles
) -> None:
    """Merge the statistics of groups.

    Args:
        means: As :func:`statistics` wrote them.
        squares: As :func:`statistics` wrote them.
        n: Elements of a channel.
        n_group: Elements of a channel in a group. The last group may have fewer.
        mean: Receives the mean of each channel.
        square: Receives the sum of squared deviations from it.

    Source: Chan, Golub and LeVeque, Algorithms for computing the sample variance, 1983.
    """
    mean[:] = 0.0
    square[:] = 0.0
    done = 0
    for group in range(len(means)):
        more = min(n_group, n - done)
        total = done + more
        for k in range(len(mean)):
            d = means[group, k] - mean[k]
            mean[k] += d * (more / total)
            square[k] += squares[group, k] + d * d * (done * (more / total))
        done = total


@compiled(f"void({_F}, {_F}, {_F}, {_F}, {_F}, float32)", fastmath=("contract",))
def _normalize_rows(
    x: Floats, other: Floats, y: Floats, factor: Floats, shift: Floats, least: np.float32
) -> None:
    n = len(factor)
    for start in range(0, len(x), n):
        row, out = x[start : start + n], y[start : start + n]
        if len(other):
            added = other[start : start + n]
            for j in range(len(row)):
                out[j] = (row[j] * factor[j] + shift[j]) + added[j]
        else:
            for j in range(len(row)):
                z = row[j] * factor[j] + shift[j]
                out[j] = least if z <= least else z


@compiled(f"void({_F}, {_F}, {_F}, float32, float32, float32)", fastmath=("contract",))
def _normalize(
    x: Floats,
    other: Floats,
    y: Floats,
    factor: np.float32,
    shift: np.float32,
    least: np.float32,
) -> None:
    if len(other):
        for i in range(len(x)):
            y[i] = (x[i] * factor + shift) + other[i]
    else:
        for i in range(len(x)):
            z = x[i] * factor + shift
            y[i] = least if z <= least else z


@compiled(f"void({_F}, {_F}, {_F}, int64, {_D2}, float64)")
def normalize(
    x: Floats, other: Floats, y: Floats, inner: int, numbers: Doubles, least: float
) -> None:
    """Write ``max(x * factor + shift, least)``, or ``x * factor + shift + other``.

    Args:
        x: Whole samples.
        other: Added to the result; empty if nothing is added.
        y: Receives the results.
        inner: Adjacent elements of a channel.
        numbers: Coefficients.
        least: 0 for ReLU, otherwise minus infinity. Not used together with ``other``.
    """
    c = numbers.shape[1]
    bound = np.float32(least)
    if not is_long(c, inner):
        rows = np.empty((2, row_length(c, inner)), dtype=np.float32)
        repeat(numbers[FACTOR], inner, rows[0])
        repeat(numbers[SHIFT], inner, rows[1])
        _normalize_rows(x, other, y, rows[0], rows[1], bound)
        return
    for start in range(0, len(x), inner):
        k = start // inner % c
        factor, shift = np.float32(numbers[FACTOR, k]), np.float32(numbers[SHIFT, k])
        own = slice(start, start + inner)
        _normalize(x[own], other[own], y[own], factor, shift, bound)
