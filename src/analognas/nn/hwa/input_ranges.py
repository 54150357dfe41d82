"""How the input range of a layer is initialised from the data of its first batches, compiled or not."""

from __future__ import annotations

from collections.abc import MutableMapping
from itertools import count
from typing import Protocol
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from ..config import InputRange
from ..tile.tiled_layer import Plan

MIN_RANGE = 1e-6
"""Smallest input range."""


class Observing(Protocol):
    """A layer with an input range."""

    plan: Plan
    _n_batches_seen: int
    _warming: bool


_LAYERS: MutableMapping[int, Observing] = WeakValueDictionary()
_NUMBERS = count()


def register(layer: Observing) -> int:
    """Return a number by which compiled code finds a layer as long as it lives."""
    number = next(_NUMBERS)
    _LAYERS[number] = layer
    return number


def take_batch(x: Tensor, input_range: Tensor, batches: Tensor, number: int) -> None:
    """Let a layer in training observe a batch; one node of the graph where torch compiles.

    Args:
        x: Inputs.
        input_range: The layer's range, which changes.
        batches: The layer's count of batches, which changes.
        number: What :func:`register` gave.
    """
    take = _take_compiled if torch.compiler.is_compiling() else _take
    with torch.no_grad():
        take(x, input_range.detach(), batches, number)


def is_warming(layer: Observing) -> bool:
    """Whether data still set the range of a layer in this forward; asked before anything else is done.

    The flag falls with the first forward that nothing is observed in, not with the last observation: gradient
    checkpointing, which runs that forward once more, must find it as it was. Compiled code cannot see it fall
    and learns the range from one batch later on.
    """
    if layer._warming and not torch.compiler.is_compiling() and not _repeats():
        layer._warming = layer._n_batches_seen < layer.plan.config.input_range.init_batches
    return layer._warming


def observe(
    x: Tensor, input_range: Tensor, batches: Tensor, n: int, settings: InputRange, *, shared: bool
) -> None:
    """Take a batch into an input range: a running mean of ``init_std`` standard deviations.

    Args:
        x: Inputs; may be empty. A batch that is, or overflowed, as with a gradient scaler's first steps,
            counts, and leaves the range as it was.
        input_range: The range, which changes.
        batches: The count of batches, which changes.
        n: Batches so far.
        settings: What is configured.
        shared: Take the mean over the processes of a distributed training. All must call it.
    """
    std = x.float().std(correction=min(1, x.numel() - 1)) if x.numel() else x.new_tensor(torch.nan)
    known = torch.isfinite(std)
    total = torch.stack([torch.where(known, std, 0.0), known]).float()
    if shared and torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(total)
    measured = total[0] / total[1] * settings.init_std
    measured = torch.where(torch.isfinite(measured), measured, input_range.to(measured.dtype))
    input_range.mul_(n / (n + 1)).add_((measured / (n + 1)).to(input_range.dtype))
    input_range.clamp_(min=MIN_RANGE)
    batches.add_(1)


def _repeats() -> bool:
    """Whether gradient checkpointing runs a forward once more: as a task of the autograd engine."""
    return bool(torch._C._current_graph_task_id() != -1)


def _take(x: Tensor, input_range: Tensor, batches: Tensor, number: int) -> None:
    if _repeats():
        return
    layer = _LAYERS[number]
    n, settings = layer._n_batches_seen, layer.plan.config.input_range
    if n >= settings.init_batches:
        layer._warming = False
        return
    observe(x, input_range, batches, n, settings, shared=True)
    layer._n_batches_seen = n + 1


@torch.library.custom_op("analognas::observe", mutates_args=("input_range", "batches"))
def _take_compiled(x: Tensor, input_range: Tensor, batches: Tensor, number: int) -> None:
    _take(x, input_range, batches, number)


@_take_compiled.register_fake
def _(x: Tensor, input_range: Tensor, batches: Tensor, number: int) -> None:
    return None
