"""Where a layer's weight is kept: in a parameter of its own or of another module, whole or sharded."""

from __future__ import annotations

from torch import Tensor, nn

from ..distributed.sharded_weights import assign, is_sharded, whole


class StoredWeight:
    """What has a weight; one that is a part of another parameter says of which."""

    weight: Tensor

    @property
    def stored_weight(self) -> Tensor:
        """The parameter that holds the weight."""
        return self.weight

    def _part_of(self, stored: Tensor) -> Tensor:
        """Return the weight, a view, from a tensor like the parameter that holds it."""
        return stored

    @property
    def weight_place(self) -> tuple[int, int]:
        """Where the weight is in memory: the same for layers that share it."""
        stored = self.stored_weight
        if not is_sharded(stored):
            return self.weight.data_ptr(), self.weight.numel()
        shape = stored.new_empty(stored.shape, device="meta")
        return id(stored), int(self._part_of(shape).storage_offset())

    @property
    def _is_whole(self) -> bool:
        """Whether the weight can be read now: FSDP1 keeps flat parts of it outside a forward."""
        return isinstance(self.stored_weight, nn.Parameter) and self.stored_weight.ndim > 1

    def _whole_weight(self) -> Tensor:
        """Return the weight, which is a copy where it is sharded."""
        return self._part_of(whole(self.stored_weight))

    def _keep_weight(self, weight: Tensor) -> None:
        """Write back a changed copy of a sharded weight."""
        stored = self.stored_weight
        if is_sharded(stored):
            value = whole(stored)
            self._part_of(value).copy_(weight)
            assign(stored, value)
