"""Images with channels last: the memory format in which small networks are fastest on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...core import InvalidArgumentError

__all__ = ["channels_first", "channels_last"]


def channels_last(model: nn.Module) -> nn.Module:
    """Convert the input images of a model to channels last, and return the model.

    Convolutions, norms, pooling and sums keep the format. Results differ by rounding only. Copies and pickles
    keep the setting; state dicts do not store it.

    Args:
        model: Any module. A hook is added to it, once. Only inputs with four dimensions are converted.

    Raises:
        InvalidArgumentError: If it is not a module.

    Example:
        >>> net = channels_last(nn.Conv2d(3, 4, 1))
        >>> net(torch.zeros(2, 3, 5, 5)).is_contiguous(memory_format=torch.channels_last)
        True
    """
    if not isinstance(model, nn.Module):
        raise InvalidArgumentError(f"`model` must be a torch module, but got {model!r}.")
    if _move not in model._forward_pre_hooks.values():
        model.register_forward_pre_hook(_move)
    return model


def channels_first(model: nn.Module) -> nn.Module:
    """Undo :func:`channels_last` and return the model."""
    hooks = model._forward_pre_hooks
    for key in [key for key, hook in hooks.items() if hook is _move]:
        del hooks[key]
    return model


def _move(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        x.contiguous(memory_format=torch.channels_last)
        if isinstance(x, Tensor) and x.ndim == 4
        else x
        for x in inputs
    )
