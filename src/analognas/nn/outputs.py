"""From the product of a tile to digital outputs: noise, clipping, rounding, scale and bias.

On the CPU all of it is done piece by piece, while a piece is in the cache.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .noise import NoiseSource
from .passes import CODE_LIMIT, extremes, round_in_place
from .plan import Plan
from .scratch import eager_on_cpu, pieces


def settle(
    y: Tensor,
    plan: Plan,
    noise: NoiseSource,
    *,
    factor: Tensor | float = 1.0,
    bias: Tensor | None = None,
    total: Tensor | None = None,
    marked: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Add the noise of the outputs, convert them, scale them and add what is digital.

    Args:
        y: Products of one row tile in steps of its ADC, a new tensor; changed.
        plan: The layer.
        noise: Where normal numbers come from.
        factor: Multiplies the converted outputs; a number or broadcast to ``y``.
        bias: Added last; broadcast to ``y``.
        total: Outputs of other row tiles, to which these are added in place.
        marked: Whether to tell where outputs were clipped.

    Returns:
        Outputs, ``total`` or in the memory of ``y``; and marks, None if not asked for or where no output was
        clipped. Marks are booleans, true inside; or values truncated to bytes, whose size is 127 exactly
        where an output was clipped.
    """
    limit = plan.output_limit
    in_bytes = eager_on_cpu(y) and limit == CODE_LIMIT
    if not isinstance(factor, float) or not eager_on_cpu(y) or (marked and limit and not in_bytes):
        return _settle_whole(y, plan, noise, factor, bias, total, marked)
    std = plan.config.out_noise / plan.output_step
    rounds = plan.config.adc.steps is not None
    tensors = (y,) if total is None else (y, total)
    parts = list(pieces(*tensors, rows=bias is not None))
    add_noise = noise.adder(y, std, [part[0] for part in parts]) if std > 0.0 else None
    marks = _Marks(y) if marked else None
    for i, part in enumerate(parts):
        if add_noise is not None:
            add_noise(part[0])
        if limit is not None:
            if marks is None:
                part[0].clamp_(-limit, limit)
            else:
                marks.clip(i, part[0], rows=bias is not None)
        if rounds:
            round_in_place(part[0], plan.config.adc.steps or 0)
        _finish(part, factor, bias)
    return tensors[-1], None if marks is None else marks.codes


class _Marks:
    """Bytes that tell where outputs were clipped, made when the first is."""

    def __init__(self, y: Tensor) -> None:
        self.y = y
        self.codes: Tensor | None = None
        self._parts: list[Tensor] = []

    def clip(self, i: int, part: Tensor, *, rows: bool) -> None:
        """Clip piece ``i`` of the outputs in place, and mark where."""
        low, high = extremes(part)
        if low > -CODE_LIMIT and high < CODE_LIMIT:
            return
        if self.codes is None:
            self.codes = torch.zeros_like(self.y, dtype=torch.int8)
            self._parts = [codes for _, codes in pieces(self.y, self.codes, rows=rows)]
        self._parts[i].copy_(part.clamp_(-CODE_LIMIT, CODE_LIMIT))


def _finish(part: tuple[Tensor, ...], factor: float, bias: Tensor | None) -> None:
    """Scale a piece and add it to what it is part of, and the bias."""
    y = part[0]
    if len(part) > 1:
        y = part[1].add_(y, alpha=factor)
        if bias is not None:
            y.add_(bias)
    elif bias is not None and bias.dtype == y.dtype:
        torch.add(bias, y, alpha=factor, out=y)
    else:
        y.mul_(factor)
        if bias is not None:
            y.add_(bias)


def _settle_whole(
    y: Tensor,
    plan: Plan,
    noise: NoiseSource,
    factor: Tensor | float,
    bias: Tensor | None,
    total: Tensor | None,
    marked: bool,
) -> tuple[Tensor, Tensor | None]:
    """Do the same in passes over the whole: compiled, on other devices, with factors of their own."""
    limit, marks = plan.output_limit, None
    if plan.config.out_noise > 0.0:
        noise.add(y, plan.config.out_noise / plan.output_step)
    if limit is not None:
        marks = y.abs() < limit if marked else None
        y.clamp_(-limit, limit)
    if plan.config.adc.steps is not None:
        round_in_place(y, plan.config.adc.steps)
    y.mul_(factor)
    y = y if total is None else total.add_(y)
    return (y if bias is None else y.add_(bias)), marks
