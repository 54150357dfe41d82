"""The passes of analog layers over float32 numbers on the CPU, each compiled into one.

Arrays are flat, in the order of their memory. A loop over a block that stays in the first cache becomes vector
instructions; several loops over it cost less than one with conditions. A NaN stays one: comparisons are
written so that they leave it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.compiled import compiled
from ...core.philox import Key, fill_words

BLOCK = 2048
"""Numbers that are worked on at a time, and that a block of draws holds."""

NO_NOISE, DRAWS, BANK = 0, 1, 2
"""What :func:`settle` adds: nothing, fresh draws, or numbers that are given."""

_F, _B, _W, _K = "float32[::1]", "boolean[::1]", "uint32[::1]", "UniTuple(uint32, 4)"
_WORDS = BLOCK // 2  # two draws of 16 bits from each
_LEVEL = np.uint32(0xFFFF)
_HALF = np.uint32(16)

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


@compiled(f"void({_F}, {_F}, {_W}, {_F}, float32)", fastmath=("contract",))
def _add_levels(
    x: Floats, y: Floats, words: NDArray[np.uint32], table: Floats, factor: np.float32
) -> None:
    """Add to each number of a block the entry of the table that 16 bits of the words choose."""
    n = min(len(x), len(words))
    for i in range(n):
        y[i] = x[i] + factor * table[words[i] & _LEVEL]
    rest, rest_x = y[n:], x[n:]
    for i in range(len(rest)):
        rest[i] = rest_x[i] + factor * table[words[i] >> _HALF]


@compiled(f"void({_F}, {_F}, {_F}, float32)", fastmath=("contract",))
def _add_scaled(x: Floats, y: Floats, numbers: Floats, factor: np.float32) -> None:
    for i in range(len(x)):
        y[i] = x[i] + factor * numbers[i]


@compiled(f"int64({_F}, {_B}, float32)")
def _mark(y: Floats, marks: Flags, bound: np.float32) -> int:
    n_inside = np.int32(0)
    for i in range(len(y)):
        inside = (y[i] < bound) & (y[i] > -bound)
        marks[i] = inside
        n_inside += np.int32(inside)
    return len(y) - int(n_inside)


@compiled(f"void({_F}, float32, boolean)")
def _convert(y: Floats, bound: np.float32, rounds: bool) -> None:
    for i in range(len(y)):
        value = bound if y[i] > bound else y[i]
        y[i] = -bound if value < -bound else value
    if rounds:
        for i in range(len(y)):
            y[i] = np.rint(y[i])


@compiled(f"void({_F}, {_F}, boolean, float32)", fastmath=("contract",))
def _finish(y: Floats, total: Floats, adds: bool, factor: np.float32) -> None:
    if adds:
        for i in range(len(y)):
            total[i] += factor * y[i]
    else:
        for i in range(len(y)):
            total[i] = factor * y[i]


@compiled(f"float64({_F})", fastmath=("reassoc",))
def _sum(x: Floats) -> float:
    total = np.float32(0.0)
    for i in range(len(x)):
        total += x[i]
    return float(total)


@compiled(f"float64({_F})", fastmath=("reassoc", "contract"))
def _sum_squares(x: Floats) -> float:
    total = np.float32(0.0)
    for i in range(len(x)):
        total += x[i] * x[i]
    return float(total)


@compiled(f"void({_F}, {_F}, int64, {_F}, float64, {_K}, int64)")
def add_noise(
    x: Floats, y: Floats, noise: int, numbers: Floats, std: float, key: Key, first: int
) -> None:
    """Write ``x`` plus noise.

    Args:
        x: Numbers.
        y: Takes the sums; may be ``x``.
        noise: ``DRAWS`` or ``BANK``.
        numbers: A table of 65,536 equally likely numbers, each draw takes one of them; or the bank's numbers,
            as many as ``x``.
        std: Multiplies them.
        key: The stream of the draws.
        first: The block of the stream that the first number takes.
    """
    words = np.empty(_WORDS, dtype=np.uint32)
    for start in range(0, len(x), BLOCK):
        part = slice(start, start + BLOCK)
        if noise == DRAWS:
            fill_words(words, key, (first + start // BLOCK) * (_WORDS // 4))
            _add_levels(x[part], y[part], words, numbers, np.float32(std))
        else:
            _add_scaled(x[part], y[part], numbers[part], np.float32(std))


@compiled(
    f"int64({_F}, {_F}, boolean, {_B}, int64, {_F}, float64, {_K}, int64, float64, boolean, float64)"
)
def settle(
    y: Floats,
    total: Floats,
    adds: bool,
    marks: Flags,
    noise: int,
    numbers: Floats,
    std: float,
    key: Key,
    first: int,
    limit: float,
    rounds: bool,
    factor: float,
) -> int:
    """Turn outputs of a tile into digital numbers: noise, clipping, rounding, factor, sum.

    Args:
        y: Outputs in steps of the ADC.
        total: Takes the results; may be ``y``.
        adds: Whether they are added to it.
        marks: Takes whether each output was inside ``limit``; empty: nobody asks.
        noise: ``NO_NOISE``, or as in :func:`add_noise`, like the four that follow.
        numbers: See ``noise``.
        std: See ``noise``.
        key: See ``noise``.
        first: See ``noise``.
        limit: Where outputs are clipped; may be infinite.
        rounds: Whether they are rounded.
        factor: Multiplies the results.

    Returns:
        How many outputs were not inside the limit; 0 where nobody asks.
    """
    bound, scale, size = np.float32(limit), np.float32(factor), np.float32(std)
    words = np.empty(_WORDS, dtype=np.uint32)
    work = np.empty(BLOCK, dtype=np.float32)  # so that ``y`` is read from memory only
    n_outside = 0
    for start in range(0, len(y), BLOCK):
        given = y[start : start + BLOCK]
        part = work[: len(given)]
        if noise == DRAWS:
            fill_words(words, key, (first + start // BLOCK) * (_WORDS // 4))
            _add_levels(given, part, words, numbers, size)
        elif noise == BANK:
            _add_scaled(given, part, numbers[start : start + BLOCK], size)
        else:
            part[:] = given
        if len(marks):
            n_outside += _mark(part, marks[start : start + BLOCK], bound)
        _convert(part, bound, rounds)
        _finish(part, total[start : start + BLOCK], adds, scale)
    return n_outside


@compiled(f"int64({_F}, {_F}, float64, float64, boolean, float64)")
def quantize(x: Floats, out: Floats, factor: float, steps: float, rounds: bool, r: float) -> int:
    """Write inputs in steps of the DAC: times ``factor``, rounded, clipped at ``steps``.

    Returns:
        How many inputs are not inside the range ``r``.
    """
    scale, bound, edge = np.float32(factor), np.float32(steps), np.float32(r)
    n_inside = 0
    for start in range(0, len(x), BLOCK):
        part, target = x[start : start + BLOCK], out[start : start + BLOCK]
        count = np.int32(0)
        for i in range(len(part)):
            count += np.int32((part[i] < edge) & (part[i] > -edge))
            target[i] = part[i] * scale
        n_inside += int(count)
        _convert(target, bound, rounds)
    return len(x) - n_inside


@compiled(f"void({_F}, {_B}, {_F})")
def mask(grad: Floats, marks: Flags, out: Floats) -> None:
    """Write ``grad`` where marked, 0 elsewhere."""
    for i in range(len(grad)):
        out[i] = grad[i] if marks[i] else np.float32(0.0)


@compiled(f"Tuple((float64, int64))({_F}, {_F}, float64)")
def mask_inside(grad: Floats, x: Floats, r: float) -> tuple[float, int]:
    r"""Set gradients to zero where ``x`` is at the range ``r`` or beyond.

    Returns:
        The sum of :math:`\\min(g\\,\\mathrm{sign}\\,x, 0)` over these, and their number.
    """
    edge, zero = np.float32(r), np.float32(0.0)
    beyond = np.empty(BLOCK, dtype=np.float32)
    outward, n_outside = 0.0, 0
    for start in range(0, len(grad), BLOCK):
        part, part_x = grad[start : start + BLOCK], x[start : start + BLOCK]
        count = np.int32(0)
        for i in range(len(part)):
            above, below = part_x[i] >= edge, part_x[i] <= -edge
            signed = part[i] if above else (-part[i] if below else zero)
            beyond[i] = zero if signed > zero else signed
            count += np.int32(above | below)
            part[i] = zero if above | below else part[i]
        if count:
            n_outside += int(count)
            outward += _sum(beyond[: len(part)])
    return outward, n_outside


@compiled(f"void({_F}, {_F}, int64)")
def add_bias(y: Floats, bias: Floats, inner: int) -> None:
    """Add one number to each output, in place.

    Args:
        y: Numbers, of which ``inner`` in a row belong to an output, then as many to the next.
        bias: One number for each output.
        inner: See ``y``.
    """
    n = len(bias)
    for start in range(0, len(y), n * inner):
        if inner == 1:
            row = y[start : start + n]
            for i in range(n):
                row[i] += bias[i]
        else:
            for c in range(n):
                row = y[start + c * inner : start + (c + 1) * inner]
                for i in range(inner):
                    row[i] += bias[c]


@compiled(f"UniTuple(float64, 2)({_F})")
def sums(x: Floats) -> tuple[float, float]:
    """Return the sum and the sum of squares."""
    total, squares = 0.0, 0.0
    for start in range(0, len(x), BLOCK):
        part = x[start : start + BLOCK]
        total += _sum(part)
        squares += _sum_squares(part)
    return total, squares


@compiled(f"float64({_F})")
def largest_size(x: Floats) -> float:
    """Return the largest absolute value; NaN where there is one."""
    # As integers the bits of positive floats are in the order of the floats, and NaN is above infinity.
    bits = x.view(np.int32)
    top = np.int32(0)
    for i in range(len(bits)):
        size = bits[i] & np.int32(0x7FFFFFFF)
        top = max(top, size)
    result = np.empty(1, dtype=np.int32)
    result[0] = top
    return float(result.view(np.float32)[0])


@compiled(f"void({_F}, float64)")
def clip(x: Floats, limit: float) -> None:
    """Clip at ``limit`` on both sides, in place."""
    _convert(x, np.float32(limit), False)
