"""MNIST and Fashion-MNIST, in the idx format, with or without gzip compression.

Source of the format: Y. LeCun, C. Cortes and C. Burges, "The MNIST Database of Handwritten Digits", 1998.
Fashion-MNIST: Xiao et al., "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", 2017.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..core import TableIntegrityError
from ..core.limits import gunzip, read_bytes
from .archives import Archive, check_published, missing
from .dataset import DataSet, Split
from .images import image_data, image_split

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

_PARTS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_MD5 = {
    "mnist": (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    "fashion-mnist": (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310",
    ),
}  # fmt: skip
_SIZES = {
    "mnist": (9_912_422, 28_881, 1_648_877, 4_542),
    "fashion-mnist": (26_421_880, 29_515, 4_422_102, 5_148),
}
_FOLDERS = {
    "mnist": ("", "MNIST/raw", "mnist"),
    "fashion-mnist": ("", "FashionMNIST/raw", "fashion-mnist", "fashion"),
}
_UNSIGNED_BYTE = 0x08


def load_mnist(root: Path | None) -> DataSet:
    """Load MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 x 28 pixels.

    Args:
        root: Folder of the four files, with or without ``.gz``, or its parent.

    Raises:
        DataNotFoundError: If a file is missing.
        TableIntegrityError: If a file is damaged.
    """
    return _load("mnist", root, tuple("0123456789"), flip=False)


def load_fashion_mnist(root: Path | None) -> DataSet:
    """Load Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 x 28 pixels.

    Args:
        root: Folder of the four files, with or without ``.gz``, or its parent.

    Raises:
        DataNotFoundError: If a file is missing.
        TableIntegrityError: If a file is damaged.
    """
    return _load("fashion-mnist", root, FASHION_CLASSES, flip=True)


def _load(name: str, root: Path | None, classes: tuple[str, ...], *, flip: bool) -> DataSet:
    parts = [_part(name, root, k) for k in range(len(_PARTS))]
    (train_x, _), (train_y, _), (test_x, _), (test_y, _) = parts
    notes = [note for _, note in parts if note]
    return image_data(
        name,
        _split(train_x, train_y, _PARTS[0]),
        None,
        _split(test_x, test_y, _PARTS[2]),
        n_classes=len(classes),
        classes=classes,
        augment=True,
        flip=flip,
        note="; ".join(notes) or None,
    )


def _part(name: str, root: Path | None, k: int) -> tuple[np.ndarray[Any, Any], str | None]:
    """Return the array of a file, and a remark if it is not the published one."""
    archive = Archive(f"{_PARTS[k]}.gz", _MD5[name][k], size=_SIZES[name][k])
    for folder in _FOLDERS[name] if root else ():
        for suffix in ("", ".gz"):
            path = Path(root or "", folder, _PARTS[k] + suffix)
            if path.is_file():
                array = read_idx(path)
                return array, check_published(repr(str(path)), path, archive) if suffix else None
    raise missing(name, root, [archive])


def _split(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], where: str) -> Split:
    if images.ndim != 3:
        raise TableIntegrityError(
            f"{where!r} must have three dimensions, but has {images.ndim}: were images and labels swapped?"
        )
    return image_split(images[:, None], labels, repr(where))


def read_idx(path: Path) -> np.ndarray[Any, Any]:
    """Return the array of an idx file of unsigned bytes, with or without gzip compression.

    The format is: two zero bytes, the type, the number of dimensions, sizes as big-endian 32-bit numbers, and
    values.

    Raises:
        TableIntegrityError: If the file is damaged, truncated or has another format.
    """
    data = read_bytes(path)
    if data[:2] == b"\x1f\x8b":
        data = gunzip(data, where=repr(str(path)))
    if (
        len(data) < 4
        or data[:2] != b"\x00\x00"
        or data[2] != _UNSIGNED_BYTE
        or not 1 <= data[3] <= 4
    ):
        raise TableIntegrityError(
            f"{str(path)!r} must begin with 00 00 08 and the number of dimensions, but begins with "
            f"{data[:4].hex(' ')!r}: not an idx file of unsigned bytes."
        )
    n_dimensions = data[3]
    header = 4 + 4 * n_dimensions
    shape = struct.unpack(f">{n_dimensions}I", data[4:header]) if len(data) >= header else (0,)
    if len(data) < header or len(data) - header != math.prod(shape):
        raise TableIntegrityError(
            f"{str(path)!r} must have {math.prod(shape)} values for its shape {shape}, but has "
            f"{max(0, len(data) - header)}: truncated or damaged."
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)
