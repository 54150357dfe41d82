"""The optimizer inside another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core import InvalidArgumentError, check_choice
from .base import Optimizer
from .registry import OPTIMIZERS

__all__ = ["inner_optimizer"]


def inner_optimizer(
    optimizer: Optimizer | Mapping[str, Any] | str, batch_size: int | None
) -> Optimizer:
    """Return the optimizer inside, from whatever form it was given in.

    Args:
        optimizer: The optimizer, its name, or a mapping of ``name`` and hyperparameters.
        batch_size: Architectures proposed at once; None: as the optimizer inside does.

    Raises:
        UnknownNameError: If there is no such optimizer.
        InvalidArgumentError: If ``batch_size`` is given beside an object.
    """
    if isinstance(optimizer, Optimizer):
        if batch_size is not None:
            raise InvalidArgumentError(
                "`batch_size` is a matter of the optimizer inside; give it to that one."
            )
        return optimizer
    given = optimizer if isinstance(optimizer, Mapping) else {"name": optimizer}
    settings: dict[str, Any] = dict(given)
    name = check_choice("optimizer", settings.pop("name", None), OPTIMIZERS.names())
    if batch_size is not None:
        settings["batch_size"] = batch_size
    return OPTIMIZERS.get(name)(**settings)
