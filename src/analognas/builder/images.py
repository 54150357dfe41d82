"""Resizing of images and spectrograms, once before training."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..core import InvalidArgumentError
from ..data import (
    Compose,
    Cutout,
    DataSet,
    Normalise,
    RandomCrop,
    SpectrogramMasks,
    Split,
    Standardise,
)
from ..data.augmentation import Augmentation

__all__ = ["resize_images", "resized"]

_AT_ONCE = 1024


def resize_images(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return images of another size, with smoothing if they shrink; equal images give equal pixels.

    Args:
        images: Levels from 0 to 255, ``uint8`` or floating point, or features, of shape ``(n, c, h, w)``.
        size: Height and width, pixels.

    Returns:
        Levels of the same type, shape ``(n, c, *size)``.

    Source of the filter: triangles as wide as the reduction, as Pillow's ``BILINEAR``.

    Example:
        >>> resize_images(torch.full((1, 1, 8, 8), 7, dtype=torch.uint8), (4, 4)).unique()
        tensor([7], dtype=torch.uint8)
    """
    if tuple(images.shape[2:]) == tuple(size):
        return images
    made = torch.empty(*images.shape[:2], *size, dtype=images.dtype)
    for start in range(0, len(images), _AT_ONCE):
        part = images[start : start + _AT_ONCE].float()
        smooth = functional.interpolate(part, size=size, mode="bilinear", antialias=True)
        if images.dtype == torch.uint8:
            smooth = smooth.round_().clamp_(0, 255)
        made[start : start + _AT_ONCE] = smooth.to(images.dtype)
    return made


def resized(data: DataSet, size: tuple[int, int]) -> DataSet:
    """Return a data set of images, or of features over time, with other height and width.

    Examples are normalised by the new training split; random shifts and masks shrink with the examples.

    Raises:
        InvalidArgumentError: If the examples are neither images nor spectrograms.
    """
    raw, preparation = data.train.inputs, data.preparation
    if raw.ndim != 4 or not isinstance(preparation, Normalise | Standardise):
        raise InvalidArgumentError(
            f"`image_size` must be null for {data.name!r}, whose examples are neither images nor spectrograms, "
            f"but got {size}."
        )
    factor = size[0] / raw.shape[2], size[1] / raw.shape[3]
    splits: dict[str, Any] = {
        name: Split(resize_images(part.inputs, size), part.targets)
        for name in ("train", "validation", "test")
        if (part := getattr(data, name)) is not None
    }
    augmentation = data.augmentation
    return dataclasses.replace(
        data,
        **splits,
        input_shape=(data.input_shape[0], *size),
        augmentation=None if augmentation is None else _scaled(augmentation, factor),
        preparation=type(preparation).fitted(splits["train"].inputs),
    )


def _scaled(augmentation: Augmentation, factor: tuple[float, float]) -> Augmentation:
    """Return an augmentation whose lengths follow the size of the images."""
    if isinstance(augmentation, Compose):
        return Compose(tuple(_scaled(part, factor) for part in augmentation.parts))
    if isinstance(augmentation, RandomCrop):
        down = augmentation.padding
        across = down if augmentation.horizontal is None else augmentation.horizontal
        return RandomCrop(
            _length(down, factor[0]), _length(across, factor[1]), fill=augmentation.fill
        )
    if isinstance(augmentation, SpectrogramMasks):
        return dataclasses.replace(
            augmentation,
            frames=_length(augmentation.frames, factor[0]),
            bands=_length(augmentation.bands, factor[1]),
        )
    if isinstance(augmentation, Cutout):
        return Cutout(_length(augmentation.size, min(factor)), fill=augmentation.fill)
    return augmentation


def _length(pixels: int, factor: float) -> int:
    return max(1, round(pixels * factor)) if pixels else 0
