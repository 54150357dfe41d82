"""Weights of which each process holds a part (FSDP): read whole, written back, outside a forward.

``fully_shard`` (FSDP2) leaves parameters that are ``DTensor``; ``FullyShardedDataParallel`` (FSDP1) keeps them
in flat ones, and gives them back for a while. All processes must call these functions together.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import torch
from torch import Tensor, nn


def is_sharded(tensor: Tensor | None) -> bool:
    """Whether a tensor is one of FSDP2's, of which this process holds a part."""
    kinds = sys.modules.get("torch.distributed.tensor")
    return kinds is not None and isinstance(tensor, kinds.DTensor)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor with all its elements: a copy if it is sharded, itself if not."""
    full: Tensor = tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]
    return full


@torch.no_grad()
def assign(tensor: Tensor, value: Tensor) -> None:
    """Write a whole value, the same in all processes, into a tensor that may be sharded."""
    if not is_sharded(tensor):
        tensor.copy_(value)
        return
    from torch.distributed.tensor import distribute_tensor

    sharded: Any = tensor
    tensor.copy_(distribute_tensor(value, sharded.device_mesh, sharded.placements))


@torch.no_grad()
def assign_number(tensor: Tensor, value: float) -> None:
    """Fill a tensor that may be sharded with one number, without communication."""
    local_part(tensor).fill_(value)


def local_part(tensor: Tensor) -> Tensor:
    """Return what this process holds of a tensor: a view; all of it if it is not sharded."""
    part: Tensor = tensor.to_local() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]
    return part.detach()


def groups_of(tensor: Tensor) -> list[Any]:
    """Return the process groups that hold the parts of a sharded tensor, one for each dimension of its mesh."""
    mesh: Any = tensor.device_mesh  # type: ignore[attr-defined]
    return [mesh.get_group(i) for i in range(mesh.ndim)]


def reshard(model: nn.Module) -> None:
    """Free the whole parameters that FSDP2 keeps after a forward: what is written into them would be lost."""
    kinds = sys.modules.get("torch.distributed.fsdp")
    if kinds is not None:
        for module in model.modules():
            if isinstance(module, kinds.FSDPModule):
                module.reshard()


def is_flat_wrapper(module: nn.Module) -> bool:
    """Whether a module is FSDP1's wrapper."""
    kinds = sys.modules.get("torch.distributed.fsdp")
    return kinds is not None and isinstance(module, kinds.FullyShardedDataParallel)


def unflattened(wrappers: Iterable[nn.Module]) -> AbstractContextManager[Any]:
    """Give the modules in FSDP1's wrappers their whole parameters while the block lasts, and keep changes."""
    stack = ExitStack()
    for wrapper in wrappers:
        kind: Any = sys.modules["torch.distributed.fsdp"].FullyShardedDataParallel
        stack.enter_context(kind.summon_full_params(wrapper, writeback=True))
    return stack
