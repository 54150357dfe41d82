"""Initialisation of a layer's input range from its first training batches, in eager and in compiled code.

This module does not communicate. In distributed training each process updates its own range, and
:mod:`~analognas.nn.distributed.gather_ranges` averages the ranges at a point that all processes reach.
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
from ..tile.tiled_layer import TiledLayer

MIN_RANGE = 1e-6
"""Smallest input range."""


@dataclass
class RangeObservation:
    """The observations of one process since the ranges of all processes were last made equal.

    A sharded parameter loses what a forward writes into it, so the current range is stored here as well.

    Attributes:
        start: Range at that time, shape ``(1,)``.
        n_start: Number of batches observed by that time.
        present: Current range, shape ``(1,)``.
        sums: Sum and number of the ranges measured since, shape ``(2,)``.
    """

    start: Tensor
    n_start: int
    present: Tensor
    sums: Tensor


class HasInputRange(Protocol):
    """The attributes of a layer that this module uses."""

    tiled: TiledLayer
    input_range: Tensor
    _n_batches_seen: int
    _warming: bool
    _observation: RangeObservation | None


LAYERS: MutableMapping[int, HasInputRange] = WeakValueDictionary()
"""All living layers of this process, by the index that :func:`register` returns."""
_INDICES = count()


def register(layer: HasInputRange) -> int:
    """Return an index by which compiled code finds the layer while it exists."""
    index = next(_INDICES)
    LAYERS[index] = layer
    return index


def take_batch(x: Tensor, input_range: Tensor, batches: Tensor, index: int) -> None:
    """Update the input range of a layer in training with one batch. In compiled code this is one graph node.

    Args:
        x: Inputs.
        input_range: Range of the layer; modified.
        batches: Number of batches that the layer has observed; modified.
        index: Index of the layer, from :func:`register`.
    """
    take = _take_compiled if torch.compiler.is_compiling() else _take
    with torch.no_grad():
        take(x, input_range.detach(), batches, index)


def is_warming(layer: HasInputRange) -> bool:
    """Whether this forward still initialises the layer's range from data. Called at the start of a forward.

    The flag is cleared by the first forward that observes nothing, not by the last observation, because
    gradient checkpointing repeats that last forward and must see the same flag. Compiled code does not see the
    change, so it learns the range one batch later.
    """
    if layer._warming and not torch.compiler.is_compiling() and not is_backward():
        n = layer._n_batches_seen
        layer._warming = n < layer.tiled.config.input_range.init_batches or _was_lost(
            layer, layer.input_range
        )
    return layer._warming


def present_range(layer: HasInputRange) -> Tensor:
    """Return a copy of the range observed so far. The parameter receives a gradient of zero."""
    observation, given = layer._observation, layer.input_range
    if observation is None or torch.compiler.is_compiling():
        return given.clone()
    return torch.where(given == observation.start, observation.present, given)


def observe(
    layer: HasInputRange, x: Tensor, input_range: Tensor, batches: Tensor, settings: InputRange
) -> None:
    """Update an input range with one batch: a running mean of ``init_std`` standard deviations of the inputs.

    Args:
        layer: The layer.
        x: Inputs. An empty batch, or one with infinite inputs (as in the first steps of a gradient scaler), is
            counted but does not change the range.
        input_range: Range of the layer; modified.
        batches: Number of batches that the layer has observed; modified.
        settings: Settings of the range.
    """
    n = layer._n_batches_seen
    std = x.float().std(correction=min(1, x.numel() - 1)) if x.numel() else x.new_tensor(torch.nan)
    measured = std.float() * settings.init_std
    known = torch.isfinite(measured)
    if not are_several_processes():
        _follow(input_range, measured, known, n)
    else:
        observation = layer._observation
        if observation is None:
            observation = layer._observation = RangeObservation(
                input_range.clone(), n, input_range.clone(), measured.new_zeros(2)
            )
        found = torch.where(input_range == observation.start, observation.present, input_range)
        observation.present = _follow(found, measured, known, n)
        observation.sums += torch.stack([torch.where(known, measured, 0.0), known.float()])
        input_range.data.copy_(observation.present)
    batches.add_(1)
    layer._n_batches_seen = n + 1


def are_several_processes() -> bool:
    """Whether this process belongs to an initialised process group."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def is_backward() -> bool:
    """Whether the autograd engine is running: gradient checkpointing then repeats a forward."""
    return bool(torch._C._current_graph_task_id() != -1)


def _follow(input_range: Tensor, measured: Tensor, known: Tensor, n: int) -> Tensor:
    """Update the mean of ``n`` ranges with another one, in place."""
    measured = torch.where(known, measured, input_range.to(measured.dtype))
    input_range.mul_(n / (n + 1)).add_((measured / (n + 1)).to(input_range.dtype))
    return input_range.clamp_(min=MIN_RANGE)


def _was_lost(layer: HasInputRange, input_range: Tensor) -> bool:
    """Whether the parameter has lost its last update, as sharded parameters do after each forward."""
    observation = layer._observation
    if observation is None:
        return False
    return bool(
        (input_range == observation.start).all() & (observation.present != observation.start).all()
    )


def _take(x: Tensor, input_range: Tensor, batches: Tensor, index: int) -> None:
    if is_backward():
        return
    layer = LAYERS[index]
    settings = layer.tiled.config.input_range
    if layer._n_batches_seen < settings.init_batches:
        observe(layer, x, input_range, batches, settings)
        return
    layer._warming = _was_lost(layer, input_range)
    if layer._warming and layer._observation is not None:
        input_range.copy_(layer._observation.present)


@torch.library.custom_op("analognas::observe", mutates_args=("input_range", "batches"))
def _take_compiled(x: Tensor, input_range: Tensor, batches: Tensor, index: int) -> None:
    _take(x, input_range, batches, index)


@_take_compiled.register_fake
def _(x: Tensor, input_range: Tensor, batches: Tensor, index: int) -> None:
    return None
