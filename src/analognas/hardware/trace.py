"""The matrix layers of any torch network, from the shapes of one forward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..core import InvalidArgumentError, check_int
from ..spaces import Layers, NamedLayers
from .activation_flow import ActivationFlow, attention_operations
from .dataflow import Use
from .products import ProductWatch

__all__ = ["TracedNetwork", "trace_layers", "trace_network"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CELLS: tuple[type[nn.Module], ...] = (nn.LSTMCell, nn.GRUCell, nn.RNNCell)
_Example: TypeAlias = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class TracedNetwork:
    """What one forward computes.

    Attributes:
        layers: The matrices that it uses, in the order of their first use.
        uses: Uses of layers, in order, with what they wait for.
        operations: Digital operations of attention: products of activations, two a multiply-accumulate, and
            softmax.
    """

    layers: list[NamedLayers]
    uses: tuple[Use, ...]
    operations: int


def trace_layers(
    model: nn.Module,
    *,
    input_shape: tuple[int, ...] | None = None,
    example: _Example | None = None,
) -> list[NamedLayers]:
    """Return the matrices that one forward uses, in the order of their first use.

    Linear, convolutional, recurrent and attention layers are seen; embeddings are looked up, not multiplied. A
    layer that is used several times is one matrix with the positions of all uses, and so are layers that share
    their weight. Products of activations with each other, as attention's, are not listed, nor are
    normalisation, pooling and what else multiplies with no matrix.

    Args:
        model: Any module; it is run once without gradients and left as it was.
        input_shape: Shape of one input without the batch, which is then one; its values are zeros.
        example: The input, or several, where zeros of a shape will not do; the whole batch is one inference.

    Raises:
        InvalidArgumentError: If neither or both of ``input_shape`` and ``example`` are given, the network
            cannot run on it, or it multiplies with a matrix that belongs to none of these layers; names both.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 2))
        >>> [layer.name for layer in trace_layers(net, input_shape=(4,))]
        ['0']
    """
    return trace_network(model, input_shape=input_shape, example=example).layers


def trace_network(
    model: nn.Module,
    *,
    input_shape: tuple[int, ...] | None = None,
    example: _Example | None = None,
) -> TracedNetwork:
    """Return the matrices of one forward, their uses and the digital operations of attention.

    Arguments and errors are those of :func:`trace_layers`.
    """
    if not isinstance(model, nn.Module):
        raise InvalidArgumentError(f"`model` must be a torch module, but got {model!r}.")
    inputs = _inputs(model, input_shape, example)
    found: dict[Any, NamedLayers] = {}
    watch = ProductWatch(model)
    flow = ActivationFlow(watch)
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise InvalidArgumentError(
                f"The layer {name!r} ({type(module).__name__}) cannot be mapped to crossbars: a scripted "
                "network does not tell its layers; give the network that it was made from."
            )
        handles += _listen(name, module, found, watch, flow)
    try:
        with _undisturbed(model), watch, flow:
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
    return TracedNetwork(list(found.values()), tuple(flow.uses), flow.operations)


def _inputs(
    model: nn.Module, input_shape: tuple[int, ...] | None, example: _Example | None
) -> tuple[Tensor, ...]:
    if (input_shape is None) == (example is None):
        raise InvalidArgumentError("Either `input_shape` or `example` must be given, and not both.")
    if example is not None:
        parts = example if isinstance(example, tuple) else (example,)
        if not parts or not all(isinstance(part, Tensor) for part in parts):
            raise InvalidArgumentError(
                f"`example` must be a tensor or a tuple of tensors, but got {example!r}."
            )
        return parts
    if not isinstance(input_shape, tuple | list):
        raise InvalidArgumentError(
            f"`input_shape` must be the sizes of one input, such as (3, 32, 32), but got {input_shape!r}."
        )
    sizes = [check_int("input_shape", size, minimum=1) for size in input_shape]
    weight = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    return (torch.zeros(1, *sizes, dtype=weight.dtype, device=weight.device),)


@contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluate without gradients, fused paths and compilation, which pass hooks by; then restore everything."""
    training = {module: module.training for module in model.modules()}
    fused = torch.backends.mha.get_fastpath_enabled()
    model.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for module, mode in training.items():
            module.training = mode


def _is_known(module: nn.Module) -> bool:
    return isinstance(
        module, (nn.Linear, *_CONVOLUTIONS, nn.RNNBase, *_CELLS, nn.MultiheadAttention)
    )


def _listen(
    name: str,
    module: nn.Module,
    found: dict[Any, NamedLayers],
    watch: ProductWatch,
    flow: ActivationFlow,
) -> list[RemovableHandle]:
    """Note the matrices of ``module`` whenever it is used, and tell ``watch`` where the forward is."""
    known = _is_known(module)

    def enter(*_: Any) -> None:
        watch.enter(name, module, mapped=known)

    def leave(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        watch.leave(mapped=known)
        # A layer within one, as analog attention's projection, is counted with that.
        if known and not watch.in_mapped:
            given = dict(zip(("query", "key", "value"), args, strict=False)) | kwargs
            used = _note(name, module, found, _matrices(name, module, given, output))
            flow.use(used, (args, kwargs), output)
            if isinstance(module, nn.MultiheadAttention):
                flow.operations += attention_operations(module, given)

    return [
        module.register_forward_pre_hook(enter, prepend=True),
        module.register_forward_hook(leave, with_kwargs=True),
    ]


def _note(
    name: str,
    module: nn.Module,
    found: dict[Any, NamedLayers],
    matrices: Iterator[tuple[str, Layers]],
) -> list[tuple[int, int]]:
    """Add matrices to those found; return the index and the positions of each."""
    used = []
    for part, layer in matrices:
        full = f"{name}.{part}" if part and name else name or part
        weight = module._parameters.get(part or "weight")
        # Layers may share a weight: it is on the chip once.
        shape = (layer.channels, layer.outputs, layer.kernel, layer.groups)
        key = full if weight is None else (id(weight), *shape)
        if key in found:
            seen = found[key]
            positions = seen.layer.positions + layer.positions
            found[key] = replace(seen, layer=replace(seen.layer, positions=positions))
        else:
            found[key] = NamedLayers(full, type(module).__name__, layer)
        used.append((list(found).index(key), int(layer.positions)))
    return used


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
