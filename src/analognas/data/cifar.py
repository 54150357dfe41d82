"""CIFAR-10 and CIFAR-100, from the Python or binary archives or the unpacked folders.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; formats and MD5 sums
from the web page of the data sets at the University of Toronto.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ..core import TableIntegrityError
from ..core.legacy_pickle import read_pickled_arrays
from .archives import Archive, check_members, missing, read_members
from .dataset import DataSet, Split
from .images import image_data, image_split

_SHAPE = (3, 32, 32)
_N_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class _CIFARFiles:
    """Files in the archives of a data set, and the places of its labels."""

    python: Archive
    binary: Archive
    train: tuple[str, ...]
    test: str
    meta: str
    names: dict[str, tuple[str, str]]
    """For each kind of label, the key of the names in the Python meta file, and the binary meta file."""
    keys: dict[str, str]
    """For each kind of label, its key in a Python batch; in the order of the bytes of a binary record."""
    n_classes: dict[str, int]


_CIFAR10 = _CIFARFiles(
    Archive(
        "cifar-10-python.tar.gz",
        "c58f30108f718f92721af3b95e74349a",
        "cifar-10-batches-py",
        170_498_071,
    ),
    Archive(
        "cifar-10-binary.tar.gz",
        "c32a1d4ab5d03f1284b67883e8d87530",
        "cifar-10-batches-bin",
        170_052_171,
    ),
    train=tuple(f"data_batch_{k}" for k in range(1, 6)),
    test="test_batch",
    meta="batches.meta",
    names={"fine": ("label_names", "batches.meta.txt")},
    keys={"fine": "labels"},
    n_classes={"fine": 10},
)
_CIFAR100 = _CIFARFiles(
    Archive(
        "cifar-100-python.tar.gz",
        "eb9058c3a382ffc7106e4002c42a8d85",
        "cifar-100-python",
        169_001_437,
    ),
    Archive(
        "cifar-100-binary.tar.gz",
        "03b5dce01913d631647c71ecec9e9cb8",
        "cifar-100-binary",
        168_513_733,
    ),
    train=("train",),
    test="test",
    meta="meta",
    names={
        "coarse": ("coarse_label_names", "coarse_label_names.txt"),
        "fine": ("fine_label_names", "fine_label_names.txt"),
    },
    keys={"coarse": "coarse_labels", "fine": "fine_labels"},
    n_classes={"coarse": 20, "fine": 100},
)


def load_cifar10(root: Path | None) -> DataSet:
    """Load CIFAR-10: 50,000 training and 10,000 test images of 32 x 32 pixels in 10 classes.

    Args:
        root: Folder of an archive, the archive, or the unpacked folder.

    Raises:
        DataNotFoundError: If none of them exists.
        TableIntegrityError: If a file is damaged.
    """
    return _load("cifar10", root, _CIFAR10, "fine")


def load_cifar100(root: Path | None, *, labels: Literal["fine", "coarse"] = "fine") -> DataSet:
    """Load CIFAR-100: 50,000 training and 10,000 test images of 32 x 32 pixels in 100 classes.

    Args:
        root: Folder of an archive, the archive, or the unpacked folder.
        labels: ``"fine"`` for the 100 classes, ``"coarse"`` for their 20 groups.

    Raises:
        DataNotFoundError: If none of them exists.
        TableIntegrityError: If a file is damaged.
    """
    return _load("cifar100", root, _CIFAR100, labels)


def _load(name: str, root: Path | None, layout: _CIFARFiles, labels: str) -> DataSet:
    batches = [*layout.train, layout.test]
    members = read_members(name, root, layout.python, [*batches, layout.meta])
    if members is not None:
        check_members(name, members, batches)
        splits = {
            batch: _python_batch(members[batch], batch, layout.keys[labels]) for batch in batches
        }
        classes = _python_names(members.get(layout.meta), layout.meta, layout.names[labels][0])
    else:
        files = {batch: f"{batch}.bin" for batch in batches}
        text = layout.names[labels][1]
        members = read_members(name, root, layout.binary, [*files.values(), text])
        if members is None:
            raise missing(name, root, (layout.python, layout.binary))
        check_members(name, members, files.values())
        place = list(layout.keys).index(labels)
        splits = {
            batch: _binary_batch(members[file], file, len(layout.keys), place)
            for batch, file in files.items()
        }
        classes = members[text].decode("utf-8", "replace").split() if text in members else None
    n_classes = layout.n_classes[labels]
    train = _joined([splits[batch] for batch in layout.train])
    return image_data(
        name,
        train,
        None,
        splits[layout.test],
        n_classes=n_classes,
        classes=classes if classes and len(classes) == n_classes else None,
        augment=True,
        note=members.note,
    )


def _python_batch(data: bytes, name: str, key: str) -> Split:
    batch = read_pickled_arrays(data, name)
    pixels = batch.get("data") if isinstance(batch, dict) else None
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.dtype != np.uint8
        or pixels.shape[1:] != (_N_PIXELS,)
    ):
        raise TableIntegrityError(
            f"{name!r} must hold `data` as uint8 of shape (n, {_N_PIXELS}), but does not: not a CIFAR batch."
        )
    if key not in batch:
        raise TableIntegrityError(
            f"{name!r} must hold `{key}`, but has {', '.join(map(str, batch))}: a batch of the other CIFAR."
        )
    return image_split(pixels.reshape(-1, *_SHAPE), batch[key], f"{name!r}")


def _python_names(data: bytes | None, name: str, key: str) -> list[str] | None:
    if data is None:
        return None
    meta: Any = read_pickled_arrays(data, name)
    names = meta.get(key) if isinstance(meta, dict) else None
    if not isinstance(names, list):
        return None
    return [
        word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in names
    ]


def _binary_batch(data: bytes, name: str, n_labels: int, place: int) -> Split:
    size = n_labels + _N_PIXELS
    if not data or len(data) % size:
        raise TableIntegrityError(
            f"{name!r} must consist of records of {size} bytes, but has {len(data)} bytes: truncated, or a "
            "batch of the other CIFAR."
        )
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
    return image_split(records[:, n_labels:].reshape(-1, *_SHAPE), records[:, place], f"{name!r}")


def _joined(splits: list[Split]) -> Split:
    if len(splits) == 1:
        return splits[0]
    return Split(
        torch.cat([split.inputs for split in splits]),
        torch.cat([split.targets for split in splits]),
    )
