"""Compiled passes of analog layers over float32 numbers on the CPU.

Arrays are flat, in memory order. Each pass works on blocks that stay in the first-level cache. Several simple
loops over a block, which become vector instructions, cost less than one loop with conditions. Comparisons are
written so that NaN stays NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.compiled import compiled
from ...core.philox import Key, fill_words

BLOCK = 2048
"""Elements of a block, which is also a block of random draws."""

NO_NOISE, DRAWS, BANK = 0, 1, 2
"""Noise that :func:`digitize` adds: none, new draws, or given numbers."""

_F, _B, _W, _K = "float32[::1]", "boolean[::1]", "uint32[::1]", "UniTuple(uint32, 4)"
_WORDS = BLOCK // 2  # each word gives two draws of 16 bits
_LEVEL = np.uint32(0xFFFF)
_HALF = np.uint32(16)

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


@compiled(f"void({_F}, {_F}, {_W}, {_F}, float32)", fastmath=("contract",))
def _add_levels(
    x: Floats, y: Floats, words: NDArray[np.uint32], table: Floats, factor: np.float32
) -> None:
    """Add to each number of a block the table entry that 16 random bits select."""
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
def _mark_inside(y: Floats, mask: Flags, bound: np.float32) -> int:
    n_inside = np.int32(0)
    for i in range(len(y)):
        inside = (y[i] < bound) & (y[i] > -bound)
        mask[i] = inside
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
    """Write ``x`` plus noise to ``y``.

    Args:
        x: Numbers.
        y: Receives the sums; may be ``x``.
        noise: ``DRAWS`` or ``BANK``.
        numbers: With ``DRAWS``, a table of 65,536 equally likely numbers. With ``BANK``, as many numbers as
            ``x``.
        std: Factor on the numbers.
        key: Key of the stream of random bits.
        first: Index of the stream's block for the first number.
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
def digitize(
    y: Floats,
    total: Floats,
    adds: bool,
    mask: Flags,
    noise: int,
    numbers: Floats,
    std: float,
    key: Key,
    first: int,
    limit: float,
    rounds: bool,
    factor: float,
) -> int:
    """Digitize the outputs of a tile: add noise, clip, round, scale, and write or add the results.

    Args:
        y: Outputs in steps of the ADC.
        total: Receives the results; may be ``y``.
        adds: Whether the results are added to ``total`` instead of written.
        mask: Receives whether each output was inside ``limit``. Empty if no mask is needed.
        noise: ``NO_NOISE``, ``DRAWS`` or ``BANK``.
        numbers: See :func:`add_noise`.
        std: See :func:`add_noise`.
        key: See :func:`add_noise`.
        first: See :func:`add_noise`.
        limit: Clipping limit; may be infinite.
        rounds: Whether to round.
        factor: Factor on the results.

    Returns:
        The number of outputs outside the limit; 0 if no mask is needed.
    """
    bound, scale, size = np.float32(limit), np.float32(factor), np.float32(std)
    words = np.empty(_WORDS, dtype=np.uint32)
    work = np.empty(BLOCK, dtype=np.float32)  # so that ``y`` is only read
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
        if len(mask):
            n_outside += _mark_inside(part, mask[start : start + BLOCK], bound)
        _convert(part, bound, rounds)
        _finish(part, total[start : start + BLOCK], adds, scale)
    return n_outside


@compiled(f"int64({_F}, {_F}, float64, float64, boolean, float64)")
def quantize(x: Floats, out: Floats, factor: float, steps: float, rounds: bool, r: float) -> int:
    """Convert inputs to steps of the DAC: multiply by ``factor``, clip at ``steps`` and round.

    Returns:
        The number of inputs that are not inside the range ``r``.
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
def mask(grad: Floats, inside: Flags, out: Floats) -> None:
    """Write ``grad`` where ``inside`` is True and 0 elsewhere."""
    for i in range(len(grad)):
        out[i] = grad[i] if inside[i] else np.float32(0.0)


@compiled(f"Tuple((float64, int64))({_F}, {_F}, float64)")
def mask_inside(grad: Floats, x: Floats, r: float) -> tuple[float, int]:
    r"""Set gradients to zero where ``x`` is at the range ``r`` or beyond it.

    Returns:
        The sum of :math:`\\min(g\\,\\mathrm{sign}\\,x, 0)` over these elements, and their number.
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
        y: Outputs; ``inner`` adjacent numbers belong to one output, the next ``inner`` to the next output.
        bias: One number for each output.
        inner: Number of adjacent elements of one output.
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
    """Return the largest absolute value, or NaN if any number is NaN."""
    # The bits of positive floats, read as integers, have the order of the floats. NaN is above infinity.
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
