"""Folders of images, with one folder for each class, and optionally for each split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from ..core import DataNotFoundError, TableIntegrityError
from ..core.limits import read_bytes, shown
from .archives import visible_files, visible_folders
from .array_names import SPLIT_NAMES
from .dataset import DataSet, Split
from .image_files import image_endings, read_with_remarks
from .images import divided, image_data, image_split
from .pixels import Bits, warn_if_dark

_TEST_PART = 0.2
_LONGEST_NOTE = 1000


def load_image_folder(
    root: Path | None,
    *,
    size: Annotated[int, Field(ge=1)] = 96,
    grey: bool = False,
    bits: Bits = 16,
    augment: bool = False,
    flip: bool = True,
) -> DataSet:
    """Load images in ``<split>/<class>/*.jpg`` or ``<class>/*.jpg``, as for Visual Wake Words.

    Folders of splits are ``train``, ``test`` and optionally ``validation`` or ``val``; ``val`` is the test
    split if there is no ``test``. Without splits, a stratified fifth becomes the test split. All formats of
    Pillow are read. Hidden files and folders are ignored; other files are skipped and counted in the data set's
    ``note``. Images are scaled such that the shorter side fits, and cropped to the central square.

    Args:
        root: The folder.
        size: Height and width of the images after scaling, pixels.
        grey: Whether to convert to one channel instead of three.
        bits: Number of bits that grey images of 16 bits use, such as 12 of many cameras.
        augment: Whether to shift training images randomly; False by default, as it depends on the data which
            changes keep the class.
        flip: Whether to flip augmented images too.

    Raises:
        DataNotFoundError: If there is no such folder, or it has no classes.
        TableIntegrityError: If a folder has no images, classes of splits differ, or an image is damaged.
    """
    folders = _split_folders(root)
    classes = _classes(folders["train"])
    remarks = _left_out(folders["train"] if root is None else root, list(folders.values()))
    splits, highest = {}, 0
    for split, folder in folders.items():
        if _classes(folder) != classes:
            raise TableIntegrityError(
                f"{str(folder)!r} must have the classes {', '.join(classes)}, but has "
                f"{', '.join(_classes(folder))}."
            )
        splits[split], level = _read(folder, classes, size, grey, bits, remarks)
        highest = max(highest, level)
    warn_if_dark(f"Images of 16 bits in {str(root)!r}", highest, bits)
    if "test" not in splits:
        splits["train"], splits["test"] = divided(
            splits["train"], _TEST_PART, stream="image-folder test"
        )
    return image_data(
        folders["train"].parent.name if len(folders) > 1 else folders["train"].name,
        splits["train"],
        splits.get("validation"),
        splits["test"],
        n_classes=len(classes),
        classes=classes,
        augment=augment,
        flip=flip,
        note=_note(remarks),
    )


def _split_folders(root: Path | None) -> dict[str, Path]:
    if root is None or not root.is_dir():
        raise DataNotFoundError(
            f"image-folder: {str(root)!r} is not a folder; pass one with a folder for each class as `root`."
        )
    found: dict[str, Path] = {}
    folders = visible_folders(root)
    # A class may be called "train"; then it contains images and no folders.
    named = [
        folder
        for folder in folders
        if folder.name.lower() in SPLIT_NAMES and visible_folders(folder)
    ]
    for folder in named:
        split = SPLIT_NAMES[folder.name.lower()]
        if split in found:
            raise TableIntegrityError(
                f"{str(root)!r} must have one folder for the {split} split, but has {found[split].name!r} and "
                f"{folder.name!r}."
            )
        found[split] = folder
    if "train" not in found:
        if named and len(named) == len(folders):
            raise TableIntegrityError(
                f"{str(root)!r} must have a folder 'train', but has {', '.join(f.name for f in named)} only."
            )
        return {"train": root}
    if "test" not in found and "validation" in found:
        found["test"] = found.pop("validation")
    order = ("train", "validation", "test")
    return {split: found[split] for split in order if split in found}


def _classes(folder: Path) -> list[str]:
    names = [one.name for one in visible_folders(folder)]
    if not names:
        raise DataNotFoundError(
            f"{str(folder)!r} must have a folder for each class, but has no folders."
        )
    return names


def _read(
    folder: Path, classes: list[str], size: int, grey: bool, bits: int, remarks: Counter[str]
) -> tuple[Split, int]:
    """Read the images of a split; also return the highest level of those of 16 bits."""
    images, labels, highest = [], [], 0
    for label, name in enumerate(classes):
        files = visible_files(folder / name)
        chosen = [file for file in files if file.suffix.lower() in image_endings()]
        others = _endings(file for file in files if file.suffix.lower() not in image_endings())
        if not chosen:
            found = f"only files ending in {_listed(others)}" if others else "no files"
            raise TableIntegrityError(
                f"The folder {str(folder / name)!r} must hold images ({', '.join(sorted(image_endings()))}), "
                f"but has {found}."
            )
        for ending, n in others.items():
            remarks[f"ending in {ending}, skipped"] += n
        for file in chosen:
            pixels, said, level = read_with_remarks(
                read_bytes(file), repr(str(file)), size=size, grey=grey, bits=bits
            )
            highest = max(highest, level)
            images.append(pixels)
            labels.append(label)
            remarks.update(said)
    return image_split(np.stack(images), torch.tensor(labels), repr(str(folder))), highest


def _endings(files: Iterable[Path]) -> Counter[str]:
    return Counter(file.suffix.lower() or "nothing" for file in files)


def _listed(endings: Mapping[str, int]) -> str:
    return shown(", ".join(f"{ending} ({n})" for ending, n in sorted(endings.items())))


def _left_out(root: Path, folders: Collection[Path]) -> Counter[str]:
    """Return the number of files outside of classes, by remark."""
    found: Counter[str] = Counter()
    for place in {root, *folders}:
        found["outside of the classes, skipped"] += len(visible_files(place, deep=False))
    if root not in folders:
        for folder in visible_folders(root):
            if folder not in folders:
                found[f"in the folder {folder.name!r}, skipped"] += len(visible_files(folder))
    return found


def _note(remarks: Counter[str]) -> str | None:
    said = [
        f"{n} {'file' if n == 1 else 'files'} {what}" for what, n in sorted(remarks.items()) if n
    ]
    return shown("; ".join(said), _LONGEST_NOTE) if said else None
