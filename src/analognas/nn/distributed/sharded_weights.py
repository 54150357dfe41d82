"""Weights that are sharded over processes (FSDP): reading and writing them outside a forward.

With ``fully_shard`` (FSDP2) the parameters are ``DTensor``. ``FullyShardedDataParallel`` (FSDP1) stores them in
flat parameters and restores them temporarily. All processes must call these functions together.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def is_sharded(tensor: Tensor | None) -> TypeGuard[DTensor]:
    """Whether a tensor is sharded by FSDP2."""
    kinds = sys.modules.get("torch.distributed.tensor")
    return kinds is not None and isinstance(tensor, kinds.DTensor)


def whole(tensor: Tensor) -> Tensor:
    """Return the whole tensor: a copy if it is sharded, otherwise the tensor itself."""
    full: Tensor = tensor.full_tensor() if is_sharded(tensor) else tensor
    return full


@torch.no_grad()
def assign(tensor: Tensor, value: Tensor) -> None:
    """Write a whole value, equal in all processes, to a tensor that may be sharded."""
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
    """Return a view of this process's part of a tensor, or of the whole tensor if it is not sharded."""
    part: Tensor = tensor.to_local() if is_sharded(tensor) else tensor
    return part.detach()


def groups_of(tensor: Tensor) -> list[Any]:
    """Return the process groups of a sharded tensor, one for each dimension of its mesh."""
    mesh: Any = tensor.device_mesh  # type: ignore[attr-defined]
    return [mesh.get_group(i) for i in range(mesh.ndim)]


def reshard(model: nn.Module) -> None:
    """Free the whole parameters that FSDP2 keeps after a forward, since changes of them would be lost."""
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


class StoredWeight:
    """A module with a weight, which may be a part of a parameter of another module."""

    weight: Tensor

    @property
    def stored_weight(self) -> Tensor:
        """The parameter that contains the weight."""
        return self.weight

    def _part_of(self, stored: Tensor) -> Tensor:
        """Return the weight as a view of a tensor with the shape of :attr:`stored_weight`."""
        return stored

    @property
    def weight_place(self) -> tuple[int, int]:
        """The location of the weight in memory, which is equal for layers that share the weight."""
        stored = self.stored_weight
        if not is_sharded(stored):
            return self.weight.data_ptr(), self.weight.numel()
        shape = stored.new_empty(stored.shape, device="meta")
        return id(stored), int(self._part_of(shape).storage_offset())

    @property
    def _is_whole(self) -> bool:
        """Whether the weight can be read now. Outside a forward, FSDP1 stores flat parts only."""
        return isinstance(self.stored_weight, nn.Parameter) and self.stored_weight.ndim > 1

    def _whole_weight(self) -> Tensor:
        """Return the weight; a copy if it is sharded."""
        return self._part_of(whole(self.stored_weight))

    def _keep_weight(self, weight: Tensor) -> None:
        """Write a modified copy back to a sharded weight."""
        stored = self.stored_weight
        if is_sharded(stored):
            value = whole(stored)
            self._part_of(value).copy_(weight)
            assign(stored, value)
