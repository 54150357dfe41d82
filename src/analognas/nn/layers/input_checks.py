"""Checks of the inputs and weights of analog layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import Tensor

from ...core import InvalidArgumentError


def check_type(name: str, x: Tensor, weight: Tensor) -> None:
    """Check that inputs are a dense tensor of the type of the weights, or of any float type under autocast.

    Raises:
        InvalidArgumentError: Otherwise.
    """
    if not isinstance(x, Tensor):
        raise InvalidArgumentError(
            f"The inputs of {name} must be a tensor, but are of the class {type(x).__name__}."
        )
    if x.layout != torch.strided:
        raise InvalidArgumentError(
            f"The inputs of {name} must be dense, but are {x.layout}: call x.to_dense() first."
        )
    if x.dtype == weight.dtype or (
        x.is_floating_point() and torch.is_autocast_enabled(x.device.type)
    ):
        return
    raise InvalidArgumentError(
        f"The inputs of {name} must be {weight.dtype}, as its weights are, but are {x.dtype}: convert them "
        "with x.to(...), or the model."
    )


def check_not_traced(name: str) -> None:
    """Check that torch is not tracing, which would record noise as constants.

    Raises:
        InvalidArgumentError: If ``torch.jit.trace`` runs.
    """
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        raise InvalidArgumentError(
            f"{name} must be digital to be traced, but runs on tiles: call set_mode(model, 'ideal') or "
            "to_digital(model) first."
        )


def refuse_scripting(name: str) -> NoReturn:
    """Raise the error for scripting an analog layer.

    Raises:
        InvalidArgumentError: Always.
    """
    raise InvalidArgumentError(
        f"{name} must be digital to be scripted, but is analog: call to_digital(model) first and script the "
        "result."
    )


def check_dimensions(name: str, x: Tensor, allowed: Sequence[int], meaning: str) -> None:
    """Check the number of dimensions of inputs.

    Raises:
        InvalidArgumentError: If it is not in ``allowed``.
    """
    if x.ndim not in allowed:
        raise InvalidArgumentError(
            f"The inputs of {name} must have {' or '.join(map(str, allowed))} dimensions ({meaning}), but have "
            f"the shape {tuple(x.shape)}: reshape them, or remove a preceding flatten."
        )


def check_features(name: str, x: Tensor, axis: int, features: int) -> None:
    """Check the length of an axis of inputs.

    Raises:
        InvalidArgumentError: If the length is wrong or the axis does not exist.
    """
    if x.ndim < -axis:
        raise InvalidArgumentError(
            f"The inputs of {name} must have at least {-axis} dimension(s), but are a single number."
        )
    if x.shape[axis] != features:
        raise InvalidArgumentError(
            f"The inputs of {name} must have {features} features in dimension {axis}, but have the shape "
            f"{tuple(x.shape)}."
        )


def check_weights(name: str, weight: Tensor) -> None:
    """Check that the weights of a layer can be on tiles.

    Raises:
        InvalidArgumentError: If they are complex, integer, empty, NaN or infinite.
    """
    if not weight.is_floating_point():
        raise InvalidArgumentError(
            f"The weights of {name} must be real floating-point numbers, but are {weight.dtype}."
        )
    if weight.numel() == 0:
        raise InvalidArgumentError(
            f"The weights of {name} must not be empty, but have the shape {tuple(weight.shape)}."
        )
    if weight.device.type != "meta" and not bool(torch.isfinite(weight).all()):
        raise InvalidArgumentError(
            f"The weights of {name} must be finite, but contain NaN or infinity."
        )
