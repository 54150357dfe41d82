"""What all image data sets have in common: checks of raw pixels, normalisation, augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core import TableIntegrityError
from .augmentation import Augmentation, Compose, RandomCrop, RandomFlip
from .dataset import DataSet, Split
from .preparation import Normalise

_CROP_PADDING = 4


def crop_and_flip(images: Tensor, *, flip: bool = True) -> Augmentation:
    """Return the usual augmentation of small images: shifts of up to 4 pixels and mirror images.

    Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2.
    """
    crop = RandomCrop(min(_CROP_PADDING, *images.shape[2:]))
    return Compose((crop, RandomFlip())) if flip else crop


def as_array(labels: Any) -> np.ndarray[Any, Any]:
    """Return what a file gives as labels as an array; of objects, and so no labels, if it is ragged."""
    try:
        return np.asarray(labels)
    except ValueError:
        return np.empty(0, dtype=object)


def image_split(images: np.ndarray[Any, Any], labels: Any, where: str) -> Split:
    """Return a split of ``uint8`` images ``(n, c, h, w)`` and their labels.

    Raises:
        TableIntegrityError: If there are not as many labels as images.
    """
    targets = as_array(labels)
    if targets.shape != (len(images),) or targets.dtype.kind not in "iu":
        raise TableIntegrityError(
            f"{where} must have one whole number as label for each of its {len(images)} images, but has "
            f"{targets.dtype} of shape {targets.shape}."
        )
    return Split(
        torch.from_numpy(np.require(images, requirements=("C", "W"))),
        torch.from_numpy(targets.astype(np.int64)),
    )


def image_data(
    name: str,
    train: Split,
    validation: Split | None,
    test: Split,
    *,
    n_classes: int,
    classes: Sequence[str] | None = None,
    flip: bool = True,
    note: str | None = None,
) -> DataSet:
    """Return a data set of images, normalised by its training split, with shifts and mirror images."""
    return DataSet(
        name=name,
        task="classification",
        train=train,
        validation=validation,
        test=test,
        input_shape=tuple(train.inputs.shape[1:]),
        n_classes=n_classes,
        classes=None if classes is None else tuple(classes),
        augmentation=crop_and_flip(train.inputs, flip=flip),
        preparation=Normalise.fitted(train.inputs),
        note=note,
    )
