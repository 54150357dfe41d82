"""Common parts of image data sets: checks of pixels, normalisation, augmentation."""

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
from .splits import size_of_part, stratified_indices, without

_CROP_PADDING = 4


def crop_and_flip(images: Tensor, *, flip: bool = True) -> Augmentation:
    """Return the usual augmentation of small images: shifts of up to 4 pixels and horizontal flips.

    Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2.
    """
    crop = RandomCrop(min(_CROP_PADDING, *images.shape[2:]))
    return Compose((crop, RandomFlip())) if flip else crop


def as_array(labels: Any) -> np.ndarray[Any, Any]:
    """Return labels of a file as an array (of objects, which is rejected later, if they are ragged)."""
    try:
        return np.asarray(labels)
    except ValueError:
        return np.empty(0, dtype=object)


def image_split(images: np.ndarray[Any, Any], labels: Any, where: str) -> Split:
    """Return a split of images ``(n, c, h, w)``, from 0 to 255, and their labels.

    Raises:
        TableIntegrityError: If the numbers of labels and images differ, or labels are not integers.
    """
    targets = label_vector(f"Labels of {where}", as_array(labels), len(images))
    pixels = np.require(images, requirements=("C", "W"))
    return Split(torch.from_numpy(pixels), torch.from_numpy(targets))


def divided(examples: Split, test_part: float, *, stream: str) -> tuple[Split, Split]:
    """Return a training split, and a stratified part of the examples as the test split."""
    size = size_of_part(examples.targets, test_part)
    chosen = stratified_indices(examples.targets, size, seed=0, stream=stream)
    return examples.select(without(chosen, len(examples))), examples.select(chosen)


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
    """Return a data set of images, normalised by the training split.

    By default there is no augmentation, as it depends on the data which changes keep the class.

    Args:
        name: Name of the data set.
        train: Training images and labels.
        validation: Validation images and labels, if any.
        test: Test images.
        n_classes: Number of classes.
        classes: Names of the classes, if known.
        augment: Whether to shift training images, and to flip them if ``flip``.
        flip: Whether flipped images have the same class.
        note: Remark to report with all results.

    Example:
        >>> import torch
        >>> from analognas.data import Split
        >>> part = Split(torch.zeros(8, 1, 4, 4, dtype=torch.uint8), torch.arange(8) % 2)
        >>> image_data("mine", part, part, part, n_classes=2).input_shape
        (1, 4, 4)
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
