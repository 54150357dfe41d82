"""Images with channels last: the memory format in which small networks are fastest on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...core import InvalidArgumentError
from ..kernels.pointwise import cropped

__all__ = ["channels_first", "channels_last"]


def channels_last(model: nn.Module) -> nn.Module:
    """Convert the input images of a model to channels last, and return the model.

    Convolutions, norms, pooling and sums keep the format. Results differ by rounding only. Copies and pickles
    keep the setting; state dicts do not store it.

    Strided 1 x 1 convolutions with fewer than 16 input channels do not get the last rows and columns of their
    inputs if they do not read them: torch's gradient of their weight would damage memory.

    Args:
        model: Any module. A hook is added to it and to its strided 1 x 1 convolutions, once. Only inputs with
            four dimensions are converted.

    Raises:
        InvalidArgumentError: If it is not a module.

    Example:
        >>> net = channels_last(nn.Conv2d(3, 4, 1))
        >>> net(torch.zeros(2, 3, 5, 5)).is_contiguous(memory_format=torch.channels_last)
        True
    """
    if not isinstance(model, nn.Module):
        raise InvalidArgumentError(f"`model` must be a torch module, but got {model!r}.")
    _add_hook(model, _move)
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) != module.stride:
            _add_hook(module, _crop)
    return model


def channels_first(model: nn.Module) -> nn.Module:
    """Undo :func:`channels_last` and return the model.

    Example:
        >>> import torch
        >>> channels_first(torch.nn.Conv2d(2, 2, 3)).weight.is_contiguous()
        True
    """
    _remove_hook(model, _move)
    for module in model.modules():
        _remove_hook(module, _crop)
    return model


def _add_hook(module: nn.Module, hook: Callable[..., Any]) -> None:
    if hook not in module._forward_pre_hooks.values():
        module.register_forward_pre_hook(hook)


def _remove_hook(module: nn.Module, hook: Callable[..., Any]) -> None:
    hooks = module._forward_pre_hooks
    for key in [key for key, own in hooks.items() if own is hook]:
        del hooks[key]


def _move(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        x.contiguous(memory_format=torch.channels_last)
        if isinstance(x, Tensor) and x.ndim == 4
        else x
        for x in inputs
    )


def _crop(module: nn.Conv2d, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    # Analog and quantized layers crop by themselves: their ranges also depend on pixels that are not read.
    if type(module).forward is not nn.Conv2d.forward:
        return inputs
    geometry = module.kernel_size, module.stride, module.padding, module.groups
    return tuple(cropped(x, *geometry) if isinstance(x, Tensor) else x for x in inputs)
