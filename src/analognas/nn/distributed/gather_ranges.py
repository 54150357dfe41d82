"""Equal input ranges in all processes of a training, computed from the observations of all of them.

Processes may call different layers (several heads, stochastic depth) and may run out of batches (``Join``), so
they can communicate only at points that all of them reach. This is the end of an optimizer step after a forward
of ``DistributedDataParallel`` or FSDP, which need all processes as well. In a ``Join`` context it is the end of
the context.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.distributed.algorithms.join import JoinHook
from torch.nn.modules.module import register_module_module_registration_hook
from torch.nn.parallel import DistributedDataParallel
from torch.optim.optimizer import register_optimizer_step_post_hook

from ..hwa.input_ranges import LAYERS, MIN_RANGE, are_several_processes, is_backward
from .sharded_weights import (
    assign_number,
    groups_of,
    is_flat_wrapper,
    is_sharded,
    local_part,
    reshard,
    unflattened,
)

_LONGEST_PAUSE = 64
"""Largest number of steps between two gatherings while no process observes anything."""


@dataclass
class _GatherSchedule:
    """Schedule of the gatherings of one network, equal in all processes.

    Attributes:
        ready: Whether the network ran since the last gathering.
        joining: Whether a ``Join`` context may be open.
        met: Whether there was a gathering before.
        pause: Number of steps to wait after a gathering without new observations.
        left: Remaining steps to wait.
    """

    ready: bool = False
    joining: bool = False
    met: bool = False
    pause: int = 0
    left: int = 0

    def is_due(self, layers: list[Any]) -> bool:
        """Whether to gather after this step. Called once per step."""
        # Counts are equal after the first gathering. Before it, a single process may have calibrated its model.
        if self.met and not any(_is_open(layer) for layer in layers):
            return False
        self.left = max(0, self.left - 1)
        return self.left == 0

    def note(self, n_new: int) -> None:
        """Record the number of new batches of a gathering."""
        self.met = True
        self.pause = 0 if n_new else min(max(1, 2 * self.pause), _LONGEST_PAUSE)
        self.left = self.pause


@dataclass
class _TrackedNetworks:
    """The networks and optimizers whose ranges are gathered."""

    installed: bool = False
    wrappers: WeakKeyDictionary[nn.Module, _GatherSchedule] = field(
        default_factory=WeakKeyDictionary
    )
    optimizers: WeakKeyDictionary[torch.optim.Optimizer, _GatherSchedule] = field(
        default_factory=WeakKeyDictionary
    )


_TRACKED = _TrackedNetworks()


def install_hooks() -> None:
    """Install the global hooks on wrappers and optimizers, once. Called when an analog layer is made."""
    if not _TRACKED.installed and torch.distributed.is_available():
        _TRACKED.installed = True
        register_module_module_registration_hook(_on_registration)
        register_optimizer_step_post_hook(_after_step)


def writable(model: nn.Module) -> AbstractContextManager[Any]:
    """Return a context in which parameters can be read and written, also if they are sharded."""
    reshard(model)
    return unflattened(_flat_wrappers(model))


def _flat_wrappers(model: nn.Module) -> list[nn.Module]:
    """Return the outermost FSDP1 wrappers inside or around a model."""
    wrappers = [module for module in _TRACKED.wrappers if is_flat_wrapper(module)]
    if not wrappers:
        return []
    wanted = {id(part) for part in model.modules()}
    return [module for module in wrappers if any(id(part) in wanted for part in module.modules())]


@torch.no_grad()
def gather_input_ranges(model: nn.Module, group: Any = None) -> None:
    """Set the input ranges of a model in all processes to the mean of their observations.

    With ``DistributedDataParallel`` and FSDP this happens automatically after each optimizer step, and at the
    end of a ``Join`` context. If you average gradients yourself, call this function in all processes of the
    group together.

    Args:
        model: A model with analog layers.
        group: The process group; None for all processes.

    Example:
        >>> from analognas.nn import to_analog
        >>> model = to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2)))
        >>> gather_input_ranges(model)
    """
    layers = _layers_of(model)
    if layers and are_several_processes():
        reshard(model)
        _gather(layers, [group or torch.distributed.group.WORLD], _flat_wrappers(model))


def finish_observation(model: nn.Module) -> None:
    """Finish an observation outside of training. Only sharded layers communicate."""
    reshard(model)
    flat = _flat_wrappers(model)
    layers: list[Any] = [part for part in model.modules() if "_observation" in vars(part)]
    sharded = [layer for layer in layers if is_sharded(getattr(layer, "input_range", None))]
    if flat:
        _gather(layers, _groups(flat[0]), flat)
    elif sharded:
        _gather(sharded, groups_of(sharded[0].input_range), [])
    for layer in layers:
        layer._observation = None


def _layers_of(model: nn.Module) -> list[Any]:
    """Return the layers of a model whose ranges are initialised from data, in the order of the model."""
    return [
        part for part in model.modules() if "_observation" in vars(part) and _init_batches(part) > 0
    ]


def _init_batches(layer: Any) -> int:
    settings = layer.tiled.config.input_range
    return int(settings.init_batches) if settings.kind == "learned" else 0


def _is_open(layer: Any) -> bool:
    return layer._observation is not None or layer._n_batches_seen < _init_batches(layer)


def _on_registration(module: nn.Module, name: str, submodule: nn.Module | None) -> None:
    """Register a wrapper of a network with analog layers. Called when the wrapper receives the network."""
    if name not in ("module", "_fsdp_wrapped_module") or submodule is None:
        return
    is_ddp = isinstance(module, DistributedDataParallel)
    if not (is_ddp or is_flat_wrapper(module)) or not _layers_of(submodule):
        return
    for part in submodule.modules():
        _TRACKED.wrappers.pop(part, None)
    _TRACKED.wrappers[module] = _GatherSchedule()
    module.register_forward_hook(_after_forward)
    if is_ddp:
        vars(module)["join_hook"] = partial(_join_hook, module)


def _after_forward(wrapper: nn.Module, *_: Any) -> None:
    synchronised = getattr(wrapper, "require_backward_grad_sync", True)
    if wrapper in _TRACKED.wrappers and torch.is_grad_enabled() and synchronised:
        _TRACKED.wrappers[wrapper].ready = True


@torch.no_grad()
def _after_step(optimizer: torch.optim.Optimizer, *_: Any) -> None:
    """Gather the ranges of all networks that ran since their last gathering. Called after an optimizer step."""
    if not are_several_processes() or is_backward():
        return
    for wrapper, state in list(_TRACKED.wrappers.items()):
        if state.ready and not (state.joining and _may_run_out(wrapper)):
            state.ready = False
            layers = _layers_of(wrapper)
            if state.is_due(layers):
                flat = [wrapper] if is_flat_wrapper(wrapper) else []
                state.note(_gather(layers, _groups(wrapper), flat))
    layers = _sharded_layers(optimizer)
    if layers:
        state = _TRACKED.optimizers.setdefault(optimizer, _GatherSchedule())
        if state.is_due(layers):
            state.note(_gather(layers, groups_of(layers[0].input_range), []))


def _sharded_layers(optimizer: torch.optim.Optimizer) -> list[Any]:
    """Return the layers with sharded ranges (FSDP2) that an optimizer trains, in its order."""
    ranges = {
        id(layer.input_range): layer
        for layer in LAYERS.values()
        if _init_batches(layer) > 0 and is_sharded(getattr(layer, "input_range", None))
    }
    if not ranges:
        return []
    held = (id(parameter) for group in optimizer.param_groups for parameter in group["params"])
    return [ranges[key] for key in held if key in ranges]


def _groups(wrapper: Any) -> list[Any]:
    between = vars(wrapper).get("_inter_node_pg")  # of FSDP1 that shards within a node
    return [wrapper.process_group, *([] if between is None else [between])]


def _gather(layers: list[Any], groups: list[Any], flat: list[nn.Module]) -> int:
    """Make the ranges equal, and return the number of new batches of all layers."""
    with unflattened(flat):
        table = _reduced(_rows(layers), groups)
        _put(layers, table)
    return int(sum(row[4] for row in table))


def _rows(layers: list[Any]) -> Tensor:
    """Return the observations of this process, shape ``(layers, 6)``.

    Columns: sum and number of the ranges measured since the last gathering; range at that gathering times its
    weight, and the weight; batches since then, and batches before. For a range that is already learned, which
    is possible in a ``Join`` context, the current value counts.
    """
    rows = []
    for layer in layers:
        observation, n = layer._observation, layer._n_batches_seen
        held = local_part(layer.input_range)
        start = held.double()
        n_start = n if observation is None else observation.n_start
        sums = start.new_zeros(2)
        if observation is not None and layer._warming:
            sums = observation.sums.to(start)
            # If a sharded parameter has lost the batches, it is more precise than its copy.
            forgotten = held.to(observation.start.dtype) == observation.start
            start = torch.where(forgotten, start, observation.start.double())
        elif observation is not None:
            sums = torch.stack([start.sum() * (n - n_start), start.new_tensor(n - n_start)])
        counts = start.new_tensor([start.numel(), n - n_start, n_start])
        rows.append(torch.cat([sums, start.sum()[None], counts]))
    return torch.stack(rows).to(layers[0].weight_scale.device)


def _reduced(rows: Tensor, groups: list[Any]) -> list[list[float]]:
    """Return the sums over all processes of the first four columns, and the largest of the others."""
    sums, largest = rows[:, :4].contiguous(), rows[:, 4:].contiguous()
    for group in groups:
        torch.distributed.all_reduce(sums, group=group)
        torch.distributed.all_reduce(largest, torch.distributed.ReduceOp.MAX, group=group)
    table: list[list[float]] = torch.cat([sums, largest], dim=1).tolist()
    return table


def _put(layers: list[Any], table: list[list[float]]) -> None:
    """Set ranges to the mean over all batches, and counts to those of all processes."""
    for layer, (total, n_measured, start, weight, n_new, n_start) in zip(
        layers, table, strict=True
    ):
        n, value = int(n_start + n_new), start / weight
        if n_measured > 0.0:
            value = (n_start * value + n_new * total / n_measured) / n
        if n_new > 0.0:
            assign_number(layer.input_range, max(value, MIN_RANGE))
        layer.input_range_batches.fill_(n)
        layer._n_batches_seen, layer._observation = n, None


class _RangesJoin(JoinHook):
    """The join hook of ``DistributedDataParallel``, followed by a gathering of the ranges.

    The hook of torch copies the network of one process to all others, so the observations are read before it.
    """

    def __init__(self, wrapper: Any, hook: Any, state: _GatherSchedule) -> None:
        self.wrapper, self.hook, self.state = wrapper, hook, state
        state.joining = True

    def main_hook(self) -> None:
        """Shadow the communication of the processes that still have batches."""
        self.hook.main_hook()

    @torch.no_grad()
    def post_hook(self, is_last_joiner: bool) -> None:
        """End the context. Called in all processes."""
        layers = _layers_of(self.wrapper)
        rows = _rows(layers)
        self.hook.post_hook(is_last_joiner)
        _put(layers, _reduced(rows, _groups(self.wrapper)))
        self.state.joining, self.state.ready, self.state.met = False, False, True


def _join_hook(wrapper: Any, **settings: Any) -> Any:
    hook = DistributedDataParallel.join_hook(wrapper, **settings)  # type: ignore[no-untyped-call]
    state = _TRACKED.wrappers.get(wrapper)
    return hook if state is None else _RangesJoin(wrapper, hook, state)


def _may_run_out(wrapper: Any) -> bool:
    """Whether the ``Join`` context of a wrapper, if one is open, lets processes end before others."""
    return bool(wrapper._join_config.enable)
