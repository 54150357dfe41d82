"""What analog layers refuse of inputs, as torch's own layers do."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core import InvalidArgumentError


def check_type(name: str, x: Tensor, weight: Tensor) -> None:
    """Check that inputs are of the weights' type, or of any float type under autocast.

    Raises:
        InvalidArgumentError: If they are not.
    """
    if x.dtype == weight.dtype or (
        x.is_floating_point() and torch.is_autocast_enabled(x.device.type)
    ):
        return
    raise InvalidArgumentError(
        f"The inputs of {name} must be {weight.dtype}, as its weights are, but are {x.dtype}: convert them "
        "with x.to(...), or the model."
    )


def check_features(name: str, x: Tensor, axis: int, features: int) -> None:
    """Check the length of an axis of inputs.

    Raises:
        InvalidArgumentError: If it is another.
    """
    if x.shape[axis] != features:
        raise InvalidArgumentError(
            f"The inputs of {name} must have {features} features in dimension {axis}, but have the shape "
            f"{tuple(x.shape)}."
        )
