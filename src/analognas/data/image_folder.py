"""Folders of images: one folder for each class, in one folder for each split or without splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core import DataNotFoundError, TableIntegrityError, check_int
from .dataset import DataSet, Split
from .images import image_data, image_split
from .splits import stratified_indices, without

_SPLITS = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}
_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".gif", ".webp")
_TEST_PART = 0.2


def load_image_folder(
    root: Path | None, *, size: int = 96, grey: bool = False, flip: bool = True
) -> DataSet:
    """Images in ``<split>/<class>/*.jpg`` or ``<class>/*.jpg``, as Visual Wake Words is often unpacked.

    Folders of splits are ``train``, ``test`` and perhaps ``validation`` or ``val``; with ``val`` and no
    ``test``, it is the test split. Without them, a stratified fifth becomes the test split. Images are
    scaled so that the shorter side fits and cut to a square in the middle.

    Args:
        root: The folder.
        size: Height and width that images are made to, pixels.
        grey: One channel instead of three.
        flip: Let the augmentation mirror images.

    Raises:
        DataNotFoundError: If there is no such folder or no class in it.
        TableIntegrityError: If a folder has no images, splits have other classes, or an image is damaged.
    """
    check_int("size", size, minimum=1)
    folders = _split_folders(root)
    classes = _classes(folders["train"])
    splits = {}
    for split, folder in folders.items():
        if _classes(folder) != classes:
            raise TableIntegrityError(
                f"{str(folder)!r} must have the classes {', '.join(classes)}, but has "
                f"{', '.join(_classes(folder))}."
            )
        splits[split] = _read(folder, classes, size, grey)
    if "test" not in splits:
        everything = splits["train"]
        n = round(len(everything) * _TEST_PART)
        chosen = stratified_indices(everything.targets, n, seed=0, stream="image-folder test")
        splits["test"] = everything.select(chosen)
        splits["train"] = everything.select(without(chosen, len(everything)))
    return image_data(
        folders["train"].parent.name if len(folders) > 1 else folders["train"].name,
        splits["train"],
        splits.get("validation"),
        splits["test"],
        n_classes=len(classes),
        classes=classes,
        flip=flip,
    )


def _split_folders(root: Path | None) -> dict[str, Path]:
    if root is None or not root.is_dir():
        raise DataNotFoundError(
            f"image-folder: {str(root)!r} is no folder; pass one with a folder for each class as `root`."
        )
    found = {
        split: root / name
        for split, names in _SPLITS.items()
        for name in names
        if (root / name).is_dir()
    }
    if "train" not in found:
        return {"train": root}
    if "test" not in found and "validation" in found:
        found["test"] = found.pop("validation")
    return found


def _classes(folder: Path) -> list[str]:
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not names:
        raise DataNotFoundError(
            f"{str(folder)!r} must have a folder for each class, but has no folders."
        )
    return names


def _read(folder: Path, classes: list[str], size: int, grey: bool) -> Split:
    images, labels = [], []
    for label, name in enumerate(classes):
        files = sorted(
            p for p in (folder / name).rglob("*") if p.suffix.lower() in _ENDINGS and p.is_file()
        )
        if not files:
            raise TableIntegrityError(
                f"The folder {str(folder / name)!r} must hold images, but has none."
            )
        images += [read_image(file, size=size, grey=grey) for file in files]
        labels += [label] * len(files)
    return image_split(np.stack(images), torch.tensor(labels), repr(str(folder)))


def read_image(source: Any, *, size: int | None = None, grey: bool = False) -> np.ndarray[Any, Any]:
    """Return an image as ``uint8`` ``(channels, height, width)``.

    Args:
        source: Path or open file.
        size: Scale and cut to a square of this side; None keeps the image.
        grey: One channel instead of three.

    Raises:
        TableIntegrityError: If the image cannot be read.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(source) as file:
            image = file.convert("L" if grey else "RGB")
            if size is not None:
                image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    # Pillow reports damage by errors of many kinds.
    except Exception as error:
        raise TableIntegrityError(f"{str(source)!r} is no readable image: {error}") from None
    pixels = np.asarray(image)
    return pixels[None] if grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))
