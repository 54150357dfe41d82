"""The matrix layers of any torch network, from the shapes of one forward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ..core import InvalidArgumentError, check_int
from ..spaces import Layers

__all__ = ["NamedLayers", "trace_layers"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CELLS: tuple[type[nn.Module], ...] = (nn.LSTMCell, nn.GRUCell, nn.RNNCell)
_LOOKED_UP = (nn.Embedding, nn.EmbeddingBag)
_Example: TypeAlias = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class NamedLayers:
    """One matrix of a network.

    Attributes:
        name: Name of its layer in the network, and of the matrix where a layer has several.
        kind: Class of its layer.
        layer: Its shape; positions are those of the whole forward.
    """

    name: str
    kind: str
    layer: Layers


def trace_layers(
    model: nn.Module,
    *,
    input_shape: tuple[int, ...] | None = None,
    example: _Example | None = None,
) -> list[NamedLayers]:
    """Return the matrices that one forward uses, in the order of their first use.

    Linear, convolutional, recurrent and attention layers are seen; embeddings are looked up, not multiplied. A
    layer that is used several times is one matrix with the positions of all uses.

    Args:
        model: Any module; it is run once without gradients and left as it was.
        input_shape: Shape of one input without the batch, which is then one; its values are zeros.
        example: The input, or several, where zeros of a shape will not do; the whole batch is one inference.

    Raises:
        InvalidArgumentError: If neither or both of ``input_shape`` and ``example`` are given, the network
            cannot run on it, or a layer has a matrix that cannot be mapped; names the layer.
    """
    if not isinstance(model, nn.Module):
        raise InvalidArgumentError(f"`model` must be a torch module, but got {model!r}.")
    inputs = _inputs(model, input_shape, example)
    found: dict[str, NamedLayers] = {}
    for name, module in model.named_modules():
        if not _is_known(module):
            _refuse_unknown(name, module)
    handles = [
        module.register_forward_hook(_hook(name, module, found), with_kwargs=True)
        for name, module in model.named_modules()
        if _is_known(module)
    ]
    try:
        with _undisturbed(model):
            model(*inputs)
    except InvalidArgumentError:
        raise
    except Exception as error:
        shapes = ", ".join(str(tuple(part.shape)) for part in inputs)
        reason = " ".join(str(error).split())
        raise InvalidArgumentError(
            f"The network does not run on an input of shape {shapes}: {type(error).__name__}: {reason}. "
            "Give `input_shape`, without the batch, or an `example`."
        ) from None
    finally:
        for handle in handles:
            handle.remove()
    return list(found.values())


def _inputs(
    model: nn.Module, input_shape: tuple[int, ...] | None, example: _Example | None
) -> tuple[Tensor, ...]:
    if (input_shape is None) == (example is None):
        raise InvalidArgumentError("Either `input_shape` or `example` must be given, and not both.")
    if example is not None:
        return example if isinstance(example, tuple) else (example,)
    assert input_shape is not None
    sizes = [check_int("input_shape", size, minimum=1) for size in input_shape]
    weight = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    return (torch.zeros(1, *sizes, dtype=weight.dtype, device=weight.device),)


@contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluate without gradients and without fused paths, which pass hooks by; then restore everything."""
    training = {module: module.training for module in model.modules()}
    fused = torch.backends.mha.get_fastpath_enabled()
    model.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for module, mode in training.items():
            module.training = mode


def _is_known(module: nn.Module) -> bool:
    return isinstance(
        module, (nn.Linear, *_CONVOLUTIONS, nn.RNNBase, *_CELLS, nn.MultiheadAttention)
    )


def _refuse_unknown(name: str, module: nn.Module) -> None:
    if isinstance(module, _LOOKED_UP):
        return
    for parameter_name, parameter in module.named_parameters(recurse=False):
        if parameter_name.startswith("weight") and parameter.dim() >= 2:
            raise InvalidArgumentError(
                f"The layer {name!r} ({type(module).__name__}) cannot be mapped to crossbars; linear, "
                "convolutional, recurrent and attention layers can."
            )


def _hook(name: str, module: nn.Module, found: dict[str, NamedLayers]) -> Any:
    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        given = dict(zip(("query", "key", "value"), args, strict=False)) | kwargs
        for part, layer in _matrices(name, module, given, output):
            full = f"{name}.{part}" if part and name else name or part
            if full in found:
                seen = found[full]
                positions = seen.layer.positions + layer.positions
                found[full] = replace(seen, layer=replace(seen.layer, positions=positions))
            else:
                found[full] = NamedLayers(full, type(module).__name__, layer)

    return note


def _matrices(
    name: str, module: nn.Module, given: dict[str, Any], output: Any
) -> Iterator[tuple[str, Layers]]:
    """Name and shape of each matrix of one layer, for one use; the first inputs go by attention's names."""
    if isinstance(module, nn.Linear):
        positions = output.numel() // module.out_features
        yield "", _dense(module.in_features, module.out_features, positions)
    elif isinstance(module, _CONVOLUTIONS):
        kernel = 1
        for size in module.kernel_size:
            kernel *= size
        yield (
            "",
            Layers(
                module.in_channels // module.groups,
                module.out_channels // module.groups,
                kernel,
                output.numel() // module.out_channels,
                groups=module.groups,
                norm=False,
            ),
        )
    elif isinstance(module, nn.MultiheadAttention):
        yield from _attention(module, given)
    else:
        yield from _recurrent(name, module, next(iter(given.values())))


def _dense(inputs: int, outputs: int, positions: int) -> Layers:
    return Layers(inputs, outputs, 1, positions, norm=False)


def _attention(
    module: nn.MultiheadAttention, given: dict[str, Any]
) -> Iterator[tuple[str, Layers]]:
    size = module.embed_dim
    widths = {"query": size, "key": module.kdim, "value": module.vdim}
    for part, width in widths.items():
        yield part, _dense(width, size, given[part].numel() // width)
    yield "out_proj", _dense(size, size, given["query"].numel() // size)


def _recurrent(name: str, module: nn.Module, sequence: Any) -> Iterator[tuple[str, Layers]]:
    if not isinstance(sequence, Tensor):
        raise InvalidArgumentError(
            f"The layer {name!r} ({type(module).__name__}) was given no tensor; give an `example` of one "
            "sequence that is not packed."
        )
    positions = sequence.numel() // int(module.input_size)  # type: ignore[arg-type]
    weights = [
        (part, weight)
        for part, weight in module.named_parameters(recurse=False)
        if weight.dim() == 2
    ]
    for part, weight in weights:
        yield part, _dense(weight.shape[1], weight.shape[0], positions)
