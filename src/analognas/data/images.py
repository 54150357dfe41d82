"""What all image data sets have in common: checks of raw pixels, normalisation, augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .array_names import label_vector
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
    """Return a split of images ``(n, c, h, w)``, from 0 to 255, and their labels.

    Raises:
        TableIntegrityError: If there are not as many labels as images, or they are not integers.
    """
    targets = label_vector(f"Labels of {where}", as_array(labels), len(images))
    pixels = np.require(images, requirements=("C", "W"))
    return Split(torch.from_numpy(pixels), torch.from_numpy(targets))


def image_data(
    name: str,
    train: Split,
    validation: Split | None,
    test: Split,
    *,
    n_classes: int,
    classes: Sequence[str] | None = None,
    augment: bool = False,
    flip: bool = True,
    note: str | None = None,
) -> DataSet:
    """Return a data set of images, normalised by its training split.

    What changes leave a class as it is depends on the data, so that by default there are none.

    Args:
        name: What it is called.
        train: Training images and labels.
        validation: Validation images, where there are some.
        test: Test images.
        n_classes: Number of classes.
        classes: Their names, where known.
        augment: Whether training images are shifted, and mirrored if ``flip``.
        flip: Whether a mirror image is of the same class.
        note: What must be said beside any result.
    """
    return DataSet(
        name=name,
        task="classification",
        train=train,
        validation=validation,
        test=test,
        input_shape=tuple(train.inputs.shape[1:]),
        n_classes=n_classes,
        classes=None if classes is None else tuple(classes),
        augmentation=crop_and_flip(train.inputs, flip=flip) if augment else None,
        preparation=Normalise.fitted(train.inputs),
        note=note,
    )
