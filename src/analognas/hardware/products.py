"""Finds matrix products with a network's own matrices outside the layers that are mapped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from ..core import InvalidArgumentError

__all__ = ["ProductWatch", "tensors_in"]

_PLAIN = (
    "matmul __matmul__ __rmatmul__ mm mv dot vdot inner bmm einsum tensordot chain_matmul multi_dot "
    "linalg_multi_dot"
)
_ADDED = "addmm addmm_ addmv addmv_ addbmm addbmm_ baddbmm baddbmm_"
_PRODUCTS = frozenset(f"{_PLAIN} {_ADDED}".split())
"""Functions every operand of which is multiplied; the first of those that begin with ``add`` or ``badd`` is
added."""

_CONVOLUTIONS = (
    "conv1d conv2d conv3d convolution conv_transpose1d conv_transpose2d conv_transpose3d"
)
_CELLS = "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"
_LAYERS = frozenset(
    f"linear bilinear multi_head_attention_forward {_CONVOLUTIONS} {_CELLS}".split()
)
"""Functions whose operands of two or more dimensions are multiplied; the others are biases."""

_FRESH = ("new_", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like")


class ProductWatch(TorchFunctionMode):
    """Refuses products of activations with matrices that belong to the network, not to a layer that is mapped.

    A matrix belongs to the network if it is a parameter, a buffer, another tensor that a module keeps, or is
    computed from these and from constants alone. Products of two activations, as in attention, pass.

    Args:
        model: The network.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._own: MutableMapping[Tensor, str] = WeakIdKeyDictionary()
        self._constant: MutableMapping[Tensor, bool] = WeakIdKeyDictionary()
        self._stack: list[tuple[str, nn.Module]] = []
        self._mapped = 0
        for name, module in model.named_modules():
            for key, tensor in _kept(module):
                if tensor not in self._own:
                    self._own[tensor] = f"{name}.{key}" if name else key

    @property
    def in_mapped(self) -> bool:
        """Whether the forward is inside a mapped module."""
        return self._mapped > 0

    def is_activation(self, tensor: Tensor) -> bool:
        """Whether a tensor depends on the input of the network."""
        return not self._is_fixed(tensor)

    def enter(self, name: str, module: nn.Module, *, mapped: bool) -> None:
        """Say that the forward of a module begins; inside a mapped one every product is its own."""
        self._stack.append((name, module))
        self._mapped += mapped

    def leave(self, *, mapped: bool) -> None:
        """Say that it ends."""
        self._stack.pop()
        self._mapped -= mapped

    def __torch_function__(
        self,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call ``func``; see what it multiplies and where its results come from."""
        kwargs = kwargs or {}
        if self._mapped:
            return func(*args, **kwargs)
        name = str(getattr(func, "__name__", ""))
        operands = list(tensors_in((args, kwargs)))
        self._check(name, args, kwargs, operands)
        result = func(*args, **kwargs)
        if isinstance(result, Tensor | tuple | list) or name == "__setitem__":
            self._follow(name, operands, list(tensors_in(result)))
        return result

    def _check(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], operands: list[Tensor]
    ) -> None:
        if name in _LAYERS:
            factors = [tensor for tensor in operands if tensor.dim() >= 2]
        elif name in _PRODUCTS:
            added = "add" in name
            named = {key: value for key, value in kwargs.items() if key not in ("input", "out")}
            factors = list(tensors_in((args[1:] if added else args, named if added else kwargs)))
        else:
            return
        ours = [tensor for tensor in factors if self._is_fixed(tensor)]
        if ours and any(not self._is_fixed(tensor) for tensor in operands):
            self._refuse(name, ours[0])

    def _refuse(self, function: str, matrix: Tensor) -> None:
        name, module = self._stack[-1]
        own = self._own.get(matrix)
        called = f" {own!r}" if own else ""
        raise InvalidArgumentError(
            f"The layer {name!r} ({type(module).__name__}) cannot be mapped to crossbars: its `{function}` "
            f"multiplies with a matrix{called} of shape {tuple(matrix.shape)} that is no linear, "
            "convolutional, recurrent or attention layer; make it one, such as nn.Linear."
        )

    def _follow(self, name: str, operands: list[Tensor], results: list[Tensor]) -> None:
        """Note whether results are the network's own; what they were before, if written over, is forgotten."""
        fixed = all(self._is_fixed(tensor) for tensor in operands)
        own = fixed and any(tensor in self._own for tensor in operands)
        if name.startswith(_FRESH):
            fixed, own = True, False
        if not fixed and name == "__setitem__":
            results = operands[:1]
        for tensor in results:
            if own:
                self._own.setdefault(tensor, "")
            elif fixed:
                self._constant[tensor] = True
            else:
                self._own.pop(tensor, None)
                self._constant.pop(tensor, None)

    def _is_fixed(self, tensor: Tensor) -> bool:
        return tensor in self._own or tensor in self._constant


def _kept(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Tensors that a module keeps, by name: parameters, buffers and plain attributes."""
    yield from module.named_parameters(recurse=False)
    yield from module.named_buffers(recurse=False)
    for key, value in vars(module).items():
        if key not in ("_parameters", "_buffers", "_modules"):
            yield from ((key, tensor) for tensor in tensors_in(value))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield all tensors in nested tuples, lists and mappings."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_in(part)
