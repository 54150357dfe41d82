"""Follows activations through one forward: what waits for what, and what attention computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from .dataflow import Use
from .products import ProductWatch, tensors_in

__all__ = ["ActivationFlow", "attention_operations"]

_PRODUCTS = frozenset(("matmul", "__matmul__", "mm", "bmm"))
_SOFTMAX_OPERATIONS = 5
"""Operations a value of a softmax: scale, subtract the largest, exponential, sum, divide."""


class ActivationFlow(TorchFunctionMode):
    """Notes uses of layers with what they wait for, and counts operations of attention.

    Args:
        watch: Tells whether the forward is inside a mapped layer, and which tensors are the network's own.
    """

    def __init__(self, watch: ProductWatch) -> None:
        super().__init__()
        self.uses: list[Use] = []
        self.operations = 0
        self._watch = watch
        self._after: MutableMapping[Tensor, frozenset[int]] = WeakIdKeyDictionary()

    def use(self, matrices: Iterable[tuple[int, int]], inputs: Any, outputs: Any) -> None:
        """Note that a layer was used: its matrices with positions, its inputs and its outputs."""
        index = len(self.uses)
        self.uses.append(Use(tuple(matrices), tuple(sorted(self._sources(inputs)))))
        for tensor in tensors_in(outputs):
            self._after[tensor] = frozenset((index,))

    def _sources(self, values: Any) -> frozenset[int]:
        found = [self._after[tensor] for tensor in tensors_in(values) if tensor in self._after]
        return frozenset().union(*found)

    def __torch_function__(
        self,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call ``func``; its results wait for what its operands wait for."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self._watch.in_mapped:
            return result
        name = str(getattr(func, "__name__", ""))
        sources = self._sources((args, kwargs))
        if sources:
            changed = args[:1] if name == "__setitem__" else result
            for tensor in tensors_in(changed):
                self._after[tensor] = sources
            self._count(name, args, kwargs, result)
        return result

    def _count(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> None:
        given = list(tensors_in((args, kwargs)))
        if name in _PRODUCTS and len(given) == 2 and all(map(self._watch.is_activation, given)):
            self.operations += 2 * result.numel() * given[0].shape[-1]
        elif name == "softmax":
            self.operations += _SOFTMAX_OPERATIONS * result.numel()
        elif name == "scaled_dot_product_attention":
            query, key, value = given[:3]
            scores = query.numel() // query.shape[-1] * key.shape[-2]
            self.operations += scores * (
                2 * (query.shape[-1] + value.shape[-1]) + _SOFTMAX_OPERATIONS
            )


def attention_operations(module: nn.MultiheadAttention, given: Mapping[str, Any]) -> int:
    """Return the operations of queries with keys, softmax, and its result with values, for one use.

    Args:
        module: The layer.
        given: Its inputs by name: ``query`` and ``key``.
    """
    query, key = given["query"], given["key"]
    batch = 1 if query.dim() == 2 else query.shape[0 if module.batch_first else 1]
    tokens, others = query.numel() // query.shape[-1], key.numel() // key.shape[-1] // batch
    per_score = 4 * module.head_dim + _SOFTMAX_OPERATIONS
    return int(tokens * others * module.num_heads * per_score)
