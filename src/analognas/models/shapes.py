"""Checks of input shapes, and initialisation of weights."""

from __future__ import annotations

from torch import nn

from ..core import InvalidArgumentError


def check_image_shape(
    name: str, input_shape: tuple[int, ...], *, smallest: tuple[int, int]
) -> tuple[int, int, int]:
    """Return channels, height and width.

    Raises:
        InvalidArgumentError: If the shape does not have three dimensions, or is smaller than ``smallest``.
    """
    fits = len(input_shape) == 3 and all(
        size >= least for size, least in zip(input_shape[1:], smallest, strict=True)
    )
    if not fits:
        raise InvalidArgumentError(
            f"`input_shape` of {name} must be (channels, height, width) of at least "
            f"{smallest[0]} x {smallest[1]}, but got {input_shape}."
        )
    channels, height, width = input_shape
    return channels, height, width


def start_convolutions(model: nn.Module) -> None:
    """Initialise all convolutions with normal weights of variance 2 / fan-out.

    Source: He et al., "Delving Deep into Rectifiers", ICCV 2015, equation 14.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
