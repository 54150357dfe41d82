"""ImageNet16-120: the first 120 classes of ImageNet at 16 x 16 pixels, as in NAS-Bench-201.

Source: Chrabaszcz et al., "A Downsampled Variant of ImageNet as an Alternative to the CIFAR Datasets", 2017,
for the batches; Dong & Yang, "NAS-Bench-201", ICLR 2020, for the choice of classes and the MD5 sums.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ..core import TableIntegrityError
from ..core.legacy_pickle import read_pickled_arrays
from .archives import Archive, check_members, missing, read_members
from .dataset import DataSet
from .images import as_array, image_data, image_split

_SHAPE = (3, 16, 16)
_FOLDER = Archive(
    "the folder ImageNet16 of batches train_data_batch_1 to 10 and val_data", folder="ImageNet16"
)
_MD5 = {
    "train_data_batch_1": "27846dcaa50de8e21a7d1a35f30f0e91",
    "train_data_batch_2": "c7254a054e0e795c69120a5727050e3f",
    "train_data_batch_3": "4333d3df2e5ffb114b05d2ffc19b1e87",
    "train_data_batch_4": "1620cdf193304f4a92677b695d70d10f",
    "train_data_batch_5": "348b3c2fdbb3940c4e9e834affd3b18d",
    "train_data_batch_6": "6e765307c242a1b3d7d5ef9139b48945",
    "train_data_batch_7": "564926d8cbf8fc4818ba23d2faac7564",
    "train_data_batch_8": "f4755871f718ccb653440b9dd0ebac66",
    "train_data_batch_9": "bb6dd660c38c58552125b1a92f86b5d4",
    "train_data_batch_10": "8f03f34ac4b42271a294f91bf480f29b",
    "val_data": "3410e3017fdaefba8d5073aaa65e4bd6",
}


def load_imagenet16(
    root: Path | None, *, classes: Annotated[int, Field(ge=1, le=1000)] = 120
) -> DataSet:
    """Load ImageNet16-120: 151,700 training and 6,000 test images of 16 x 16 pixels in 120 classes.

    Args:
        root: Folder of the batches, or its parent.
        classes: Number of classes, the first of ImageNet's 1,000.

    Raises:
        DataNotFoundError: If the batches are missing.
        TableIntegrityError: If a batch is damaged.
    """
    members = read_members("imagenet16-120", root, _FOLDER, list(_MD5))
    if members is None:
        ends = " and ".join(f"{name} {_MD5[name]}" for name in ("train_data_batch_1", "val_data"))
        raise missing("imagenet16-120", root, [Archive(f"{_FOLDER.name} (MD5 of {ends})")])
    check_members("imagenet16-120", members, _MD5)
    others = [name for name, md5 in _MD5.items() if _md5(members[name]) != md5]
    *batches, test = [_batch(members[name], name, classes) for name in _MD5]
    images = np.concatenate([batch[0] for batch in batches])
    labels = np.concatenate([batch[1] for batch in batches])
    return image_data(
        f"imagenet16-{classes}",
        image_split(images, labels, "train_data_batch_*"),
        None,
        image_split(*test, "val_data"),
        n_classes=classes,
        augment=True,
        note=f"not the published files, by their MD5: {', '.join(others)}" if others else None,
    )


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _batch(
    data: bytes, name: str, classes: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return images and labels of the first ``classes`` classes (1, 2, ... in the file; 0, 1, ... here)."""
    content = read_pickled_arrays(data, name)
    batch = content if isinstance(content, dict) else {}
    pixels, labels = (as_array(batch.get(key, ())) for key in ("data", "labels"))
    sound = pixels.dtype == np.uint8 and (*labels.shape, math.prod(_SHAPE)) == pixels.shape
    if not sound or labels.dtype.kind not in "iu":
        raise TableIntegrityError(
            f"{name!r} must hold `data` as uint8 of shape (n, {math.prod(_SHAPE)}) and n `labels`, but does "
            "not: it is not an ImageNet16 batch."
        )
    if labels.size and labels.min() < 1:
        raise TableIntegrityError(f"{name!r}: labels must begin at 1, but got {labels.min()}.")
    kept = labels <= classes
    return pixels[kept].reshape(-1, *_SHAPE), labels[kept] - 1
