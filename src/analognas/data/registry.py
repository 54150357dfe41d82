"""Data sets by name."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ..core import InvalidArgumentError, Registry, check_float, check_int
from ..core.user_data import DATA_VARIABLE
from .dataset import DataSet
from .reader_options import checked_options
from .splits import check_classes, size_of_part, stratified_indices, without

Loader = Callable[..., DataSet]
"""``loader(root, **options)``, which reads the files in the folder ``root``, a ``Path`` or None."""

ROOT_VARIABLE = DATA_VARIABLE
"""Environment variable with the default of ``root``."""

_SPLIT_SEED = 0
_DEFAULT_VALIDATION = 0.1

DATASETS: Registry[Loader] = Registry(
    "data set",
    {
        name: f"{__package__}.{reader}"
        for name, reader in {
            "digits": "digits:load_digits",
            "cifar10": "cifar:load_cifar10",
            "cifar100": "cifar:load_cifar100",
            "imagenet16-120": "imagenet16:load_imagenet16",
            "mnist": "idx:load_mnist",
            "fashion-mnist": "idx:load_fashion_mnist",
            "speech-commands": "speech_commands:load_speech_commands",
            "image-folder": "image_folder:load_image_folder",
            "glue": "glue:load_glue",
            "wikitext2": "wikitext:load_wikitext2",
            "npz": "npz:load_npz",
        }.items()
    },
)
"""Loaders by name, as in ``analognas train --data``."""


def register_dataset(name: str, loader: Loader) -> None:
    """Register a loader for :func:`load_data`.

    Args:
        name: The name.
        loader: Called as ``loader(root, **options)``, ``root`` a ``Path`` or None.

    Raises:
        InvalidArgumentError: If the name is taken.

    Example:
        >>> from analognas.data import DataSet, Split
        >>> def load_mine(root, *, n=100):
        ...     part = Split(torch.randn(n, 16), torch.arange(n) % 2)
        ...     return DataSet("mine", "classification", part, None, part, (16,), 2)
        >>> register_dataset("mine", load_mine)
        >>> len(load_data("mine", n=50, validation=0).train)
        50
    """
    DATASETS.add(name, loader)


def load_data(
    name: str,
    *,
    root: str | os.PathLike[str] | None = None,
    validation: float | int | None = None,
    **options: Any,
) -> DataSet:
    """Load a data set from local files; nothing is downloaded.

    Args:
        name: One of :data:`DATASETS`.
        root: Folder or file of the data; by default that of the environment variable ``ANALOGNAS_DATA``.
        validation: Fraction (below 1) or number of training examples for the validation split, stratified and
            reproducible; 0 for none. None: the published validation split, or, if there is none, a tenth with
            at least one example of each class.
        options: Further arguments of the loader, checked by the types of its signature.

    Raises:
        UnknownNameError: If there is no such data set or option.
        DataNotFoundError: If files are missing; the message names the archive.
        TableIntegrityError: If a file is damaged or has another format.
        InvalidArgumentError: If an option has a wrong type, a label is out of range, or a split lacks a class.

    Example:
        >>> data = load_data("digits", validation=0.2)
        >>> len(data.train), len(data.validation), len(data.test), data.input_shape
        (1150, 287, 360, (1, 32, 32))
    """
    data = with_validation(read_data(name, root=root, **options), validation)
    if data.task != "language_model":
        for split in ("validation", "test"):
            part = getattr(data, split)
            if part is not None:
                where = f"{data.name}: {split}"
                small = split == "validation" and validation is not None
                check_classes(
                    where,
                    part.targets,
                    data.n_classes,
                    complete=True,
                    names=data.classes,
                    advice=" Give a larger `validation`, or 0 for none." if small else "",
                )
    return data


def read_data(name: str, *, root: str | os.PathLike[str] | None = None, **options: Any) -> DataSet:
    """Load a data set with its published splits; see :func:`load_data`."""
    loader = DATASETS.get(name)
    checked = checked_options(name, loader, options)
    folder = root if root is not None else os.environ.get(ROOT_VARIABLE)
    return loader(None if folder is None else Path(folder), **checked)


def with_validation(data: DataSet, validation: float | int | None) -> DataSet:
    """Return a data set with a validation split; see :func:`load_data`.

    Raises:
        InvalidArgumentError: If the size is out of range, or given despite a published split.
    """
    if data.validation is not None:
        if validation is None:
            return data
        if validation == 0:
            return dataclasses.replace(data, validation=None)
        raise InvalidArgumentError(
            f"`validation` must be omitted, or 0 for none, as {data.name!r} has a published validation "
            f"split, but got {validation!r}."
        )
    n = len(data.train)
    if validation is None and data.task != "language_model":
        size = size_of_part(data.train.targets, _DEFAULT_VALIDATION)
        if int(torch.bincount(data.train.targets.long()).min()) < 2:
            raise InvalidArgumentError(
                f"{data.name}: each class must have at least two training examples, one of them for "
                f"validation. Add examples, or use no validation split with validation=0."
            )
    elif validation is None or isinstance(validation, float):
        part = _DEFAULT_VALIDATION if validation is None else validation
        size = round(n * check_float("validation", part, minimum=0.0, maximum=0.9))
    else:
        size = check_int("validation", validation, minimum=0, maximum=n - 1)
    if not size:
        return data
    if data.task == "language_model":
        chosen = torch.arange(n - size, n)
    else:
        chosen = stratified_indices(data.train.targets, size, seed=_SPLIT_SEED, stream="validation")
    return dataclasses.replace(
        data,
        train=data.train.select(without(chosen, n)),
        validation=data.train.select(chosen),
    )
