"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core import InvalidArgumentError, Registry, check_choice
from .base import Optimizer

__all__ = ["OPTIMIZERS", "inner_optimizer"]

OPTIMIZERS: Registry[Callable[..., Optimizer]] = Registry("optimizer", {})
"""Optimizers by name, as in ``analognas search --optimizer``."""


def inner_optimizer(
    optimizer: Optimizer | Mapping[str, Any] | str, batch_size: int | None
) -> Optimizer:
    """Return the inner optimizer of another one.

    Args:
        optimizer: The optimizer, its name, or a mapping of ``name`` and hyperparameters.
        batch_size: Number of architectures per batch; None: the optimizer's default.

    Raises:
        UnknownNameError: If there is no such optimizer.
        InvalidArgumentError: If ``batch_size`` is given together with an object.
    """
    if isinstance(optimizer, Optimizer):
        if batch_size is not None:
            raise InvalidArgumentError(
                "`batch_size` belongs to the inner optimizer; give it to that one."
            )
        return optimizer
    given = optimizer if isinstance(optimizer, Mapping) else {"name": optimizer}
    settings: dict[str, Any] = dict(given)
    name = check_choice("optimizer", settings.pop("name", None), OPTIMIZERS.names())
    if batch_size is not None:
        settings["batch_size"] = batch_size
    return OPTIMIZERS.get(name)(**settings)
