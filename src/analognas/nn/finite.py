"""Search for the origin of NaN and infinity in a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def is_finite(value: Any) -> bool:
    """Whether no tensor in a value, or in its nested sequences and mappings, contains NaN or infinity.

    Minus infinity counts as finite, since it is used in masks.
    """
    return all(bool((x < torch.inf).all()) for x in _tensors(value))


def source_of_nan(model: nn.Module, *inputs: Any) -> str:
    """Run a model and return the origin of the first NaN or infinity as text; empty if there is none.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> _ = nn.init.constant_(net[0].bias, float("nan"))
        >>> source_of_nan(net, torch.ones(1, 2))
        "`bias` of layer '0' (Linear)"
    """
    if not is_finite(inputs):
        return "the inputs"
    found: list[str] = []

    def look(name: str, layer: nn.Module, outputs: Any) -> None:
        if found or is_finite(outputs):
            return
        own = [key for key, x in layer.named_parameters(recurse=False) if not is_finite(x)]
        own += [key for key, x in layer.named_buffers(recurse=False) if not is_finite(x)]
        what = f"`{own[0]}`" if own else "the outputs"
        place = f"layer {name!r}" if name else "the network"
        found.append(f"{what} of {place} ({type(layer).__name__})")

    handles = [
        module.register_forward_hook(lambda module, _, y, name=name: look(name, module, y))
        for name, module in model.named_modules()
    ]
    try:
        with torch.no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else ""


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)
