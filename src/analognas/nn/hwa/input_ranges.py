"""How the input range of a layer is initialised from the data of its first batches, compiled or not.

No process waits for another one here: in a distributed training each takes its own batches into its own range,
and :mod:`~analognas.nn.distributed.gather_ranges` makes the ranges equal where all processes pass together.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from itertools import count
from typing import Protocol
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from ..config import InputRange
from ..tile.tiled_layer import Plan

MIN_RANGE = 1e-6
"""Smallest input range."""


@dataclass
class Tally:
    """What one process has observed since the range was last equal in all processes.

    A sharded parameter forgets what a forward writes into it; the present range is kept here as well.

    Attributes:
        start: The range then, shape ``(1,)``.
        n_start: Batches observed then.
        present: The range now, shape ``(1,)``.
        sums: Sum of the ranges measured since, and how many they are; shape ``(2,)``.
    """

    start: Tensor
    n_start: int
    present: Tensor
    sums: Tensor


class Observing(Protocol):
    """A layer with an input range."""

    plan: Plan
    input_range: Tensor
    _n_batches_seen: int
    _warming: bool
    _tally: Tally | None


LAYERS: MutableMapping[int, Observing] = WeakValueDictionary()
"""All layers of this process by the numbers of :func:`register`."""
_NUMBERS = count()


def register(layer: Observing) -> int:
    """Return a number by which compiled code finds a layer as long as it lives."""
    number = next(_NUMBERS)
    LAYERS[number] = layer
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
    if layer._warming and not torch.compiler.is_compiling() and not is_backward():
        n = layer._n_batches_seen
        layer._warming = n < layer.plan.config.input_range.init_batches or _is_forgotten(
            layer, layer.input_range
        )
    return layer._warming


def present_range(layer: Observing) -> Tensor:
    """Return a copy of the range that data have set so far; a gradient of zero goes to the parameter."""
    tally, given = layer._tally, layer.input_range
    if tally is None or torch.compiler.is_compiling():
        return given.clone()
    return torch.where(given == tally.start, tally.present, given)


def observe(
    layer: Observing, x: Tensor, input_range: Tensor, batches: Tensor, settings: InputRange
) -> None:
    """Take a batch into an input range: a running mean of ``init_std`` standard deviations.

    Args:
        layer: The layer.
        x: Inputs; may be empty. A batch that is, or overflowed, as with a gradient scaler's first steps,
            counts, and leaves the range as it was.
        input_range: Its range, which changes.
        batches: Its count of batches, which changes.
        settings: What is configured.
    """
    n = layer._n_batches_seen
    std = x.float().std(correction=min(1, x.numel() - 1)) if x.numel() else x.new_tensor(torch.nan)
    measured = std.float() * settings.init_std
    known = torch.isfinite(measured)
    if not are_several_processes():
        _follow(input_range, measured, known, n)
    else:
        tally = layer._tally
        if tally is None:
            tally = layer._tally = Tally(
                input_range.clone(), n, input_range.clone(), measured.new_zeros(2)
            )
        found = torch.where(input_range == tally.start, tally.present, input_range)
        tally.present = _follow(found, measured, known, n)
        tally.sums += torch.stack([torch.where(known, measured, 0.0), known.float()])
        input_range.data.copy_(tally.present)
    batches.add_(1)
    layer._n_batches_seen = n + 1


def are_several_processes() -> bool:
    """Whether this process belongs to a group that may train together."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def is_backward() -> bool:
    """Whether the autograd engine runs: gradient checkpointing repeats forwards as its task."""
    return bool(torch._C._current_graph_task_id() != -1)


def _follow(input_range: Tensor, measured: Tensor, known: Tensor, n: int) -> Tensor:
    """Take a measured range into the mean of ``n`` earlier ones, in place."""
    measured = torch.where(known, measured, input_range.to(measured.dtype))
    input_range.mul_(n / (n + 1)).add_((measured / (n + 1)).to(input_range.dtype))
    return input_range.clamp_(min=MIN_RANGE)


def _is_forgotten(layer: Observing, input_range: Tensor) -> bool:
    """Whether a parameter has lost what data wrote into it, as sharded ones do after each forward."""
    tally = layer._tally
    if tally is None:
        return False
    return bool((input_range == tally.start).all() & (tally.present != tally.start).all())


def _take(x: Tensor, input_range: Tensor, batches: Tensor, number: int) -> None:
    if is_backward():
        return
    layer = LAYERS[number]
    settings = layer.plan.config.input_range
    if layer._n_batches_seen < settings.init_batches:
        observe(layer, x, input_range, batches, settings)
        return
    layer._warming = _is_forgotten(layer, input_range)
    if layer._warming and layer._tally is not None:
        input_range.copy_(layer._tally.present)


@torch.library.custom_op("analognas::observe", mutates_args=("input_range", "batches"))
def _take_compiled(x: Tensor, input_range: Tensor, batches: Tensor, number: int) -> None:
    _take(x, input_range, batches, number)


@_take_compiled.register_fake
def _(x: Tensor, input_range: Tensor, batches: Tensor, number: int) -> None:
    return None
