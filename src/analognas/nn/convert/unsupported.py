"""Reasons why a layer cannot be analog, and checks before a conversion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from ...core import InvalidArgumentError
from ..distributed.sharded_weights import is_flat_wrapper, is_sharded
from ..layers.input_checks import check_weights

_KNOWN: tuple[tuple[Any, str], ...] = (
    ((nn.Embedding, nn.EmbeddingBag), "a lookup table, not a matrix product"),
    (
        (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
        "transposed convolutions are not supported",
    ),
    (nn.Bilinear, "it multiplies two inputs"),
    (nn.RNNBase, "only LSTM and GRU have analog forms"),
    (nn.RNNCellBase, "single cells have no analog form; use the layer, LSTM or GRU"),
)
_NOT_PRODUCTS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.PReLU,
)


_QUANTIZED = ("quant", "int4", "int8", "float8", "fp8", "params4bit", "torchao")
"""Words in the names of quantised tensor classes and of their modules."""


def weight_obstacle(module: nn.Module) -> str | None:
    """Return why the weights of a layer cannot be on tiles although its class is supported; None if they can.

    Quantisation by tensor subclasses (torchao, bitsandbytes) does not change the class of a layer.
    """
    parameters: Iterable[Any] = module.parameters(recurse=False)
    for parameter in parameters:
        if is_lazy(parameter):
            continue
        kind: Any = type(parameter)
        names = (f"{base.__module__}.{base.__name__}".lower() for base in kind.__mro__)
        if kind is not nn.Parameter and any(word in name for name in names for word in _QUANTIZED):
            return "its weights are quantised"
        narrow = parameter.is_floating_point() and parameter.dtype.itemsize == 1  # float8 and below
        if narrow or parameter.is_quantized:
            return "its weights are quantised"
        if is_traceable_wrapper_subclass(parameter):
            return f"its weights are of the class {kind.__name__}, which tiles do not support"
        if parameter.layout != torch.strided:
            return f"its weights are stored as {str(parameter.layout).removeprefix('torch.')}"
    return None


def check_not_wrapped(model: nn.Module) -> None:
    """Check that a network is not wrapped for several processes yet. The wrapper would miss the input ranges.

    Raises:
        InvalidArgumentError: If it is wrapped, or its parameters are sharded.
    """
    for name, module in model.named_modules():
        sharded = any(is_sharded(parameter) for parameter in module.parameters(recurse=False))
        if sharded or isinstance(module, DistributedDataParallel) or is_flat_wrapper(module):
            kind = type(module).__name__
            raise InvalidArgumentError(
                f"`model` must be converted before several processes share it, but {name or 'it'!r} ({kind}) "
                "is wrapped or sharded: call to_analog() first, then DistributedDataParallel or FSDP."
            )


def obstacle(module: nn.Module, base: type[nn.Module] | None) -> str | None:
    """Return why a layer without a converter stays digital; None if it has no matrix.

    Args:
        module: The layer.
        base: The convertible class from which it inherits, if any.
    """
    kind = type(module)
    if "quantized" in kind.__module__.split("."):
        return "its weights are quantised"
    if base is not None:
        return f"a {base.__name__} that overrides the forward; see register_converter()"
    for classes, reason in _KNOWN:
        if isinstance(module, classes):
            return reason
    if isinstance(module, _NOT_PRODUCTS):
        return None
    matrices = [
        name
        for name, parameter in module.named_parameters(recurse=False)
        if not is_lazy(parameter) and sum(size > 1 for size in parameter.shape) >= 2
    ]
    if not matrices:
        return None
    return f"its use of {', '.join(matrices)} is unknown; see register_converter()"


def check_layer(name: str, module: nn.Module) -> None:
    """Check that a layer with a converter can be converted now.

    Raises:
        InvalidArgumentError: If its weights are complex, integer, missing, NaN, infinite, not initialised
            (lazy) or parametrized.
    """
    label = f"{name!r} ({type(module).__name__})" if name else type(module).__name__
    if parametrize.is_parametrized(module):
        names = ", ".join(module.parametrizations)  # type: ignore[arg-type]
        raise InvalidArgumentError(
            f"The layer {label} must store its weights, but {names} is parametrized: call "
            "torch.nn.utils.parametrize.remove_parametrizations() first, or name the layer in `exclude`."
        )
    for parameter in module.parameters(recurse=False):
        if is_lazy(parameter):
            raise InvalidArgumentError(
                f"The layer {label} must have weights, but is lazy: run the model once on data first."
            )
    missing = [weight for weight in _weight_names(module) if module._parameters.get(weight) is None]
    if missing:
        raise InvalidArgumentError(
            f"The layer {label} must store its weights, but {', '.join(missing)} is computed before each "
            "forward, as by weight_norm, spectral_norm or pruning: undo this first, for example by "
            "remove_weight_norm(), or name the layer in `exclude`."
        )
    for parameter in module.parameters(recurse=False):
        check_weights(label, parameter)


def _weight_names(module: nn.Module) -> list[str]:
    if isinstance(module, nn.RNNBase):
        return list(module._flat_weights_names)
    return ["weight"] if hasattr(module, "weight") else []
