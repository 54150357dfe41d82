"""The examples of a measurement: read once, chosen once, resized once."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import InvalidArgumentError
from ..data import DataSet
from ..data.registry import read_data, with_validation
from ..training import TrainingRecipe
from .images import resized
from .measurement_settings import MeasurementSettings, looks_at_validation

__all__ = ["data_facts", "fidelity_columns", "fidelity_text", "load_examples", "shares_data"]

FULL_EPOCHS, FULL_CHIPS = 100, 25
"""Fewest digital epochs and chips of a measurement that is not of low fidelity."""

_DATA_ENTRIES = ("data", "root", "data_options", "image_size", "examples", "split")


def load_examples(settings: MeasurementSettings) -> DataSet:
    """Return the data set that networks are trained and scored on.

    Its test split contains the examples for scoring, even if they come from the validation split of the data.

    Raises:
        DataNotFoundError: If files are missing.
        InvalidArgumentError: If there are too few examples, the examples to resize are not images, or the data
            are not for classification.
    """
    counts, size = settings.examples, settings.image_size
    data = read_data(settings.data, root=settings.root, **settings.data_options)
    if data.task != "classification":
        raise InvalidArgumentError(
            f"`data` must be for classification to measure networks, but {data.name!r} is for {data.task}."
        )
    if counts.validation and data.validation is not None:
        data = data.subset(validation=counts.validation)
    else:
        data = with_validation(data, counts.validation)
    if settings.split == "validation":
        data = dataclasses.replace(data, test=data.split("validation"))
        trained = [settings.recipe(unit) for unit in settings.units if unit != "noisy"]
        if not any(looks_at_validation(recipe) for recipe in trained):
            data = dataclasses.replace(data, validation=None)
    data = data.subset(train=counts.train, test=counts.test)
    if size is not None:
        data = resized(data, (size, size) if isinstance(size, int) else size)
    return data


def shares_data(first: MeasurementSettings, second: MeasurementSettings) -> bool:
    """Whether the same examples are loaded for both, and scored alike on chips."""
    same = all(getattr(first, name) == getattr(second, name) for name in _DATA_ENTRIES)
    return same and first.chips == second.chips


def fidelity_columns(settings: MeasurementSettings, data: DataSet) -> dict[str, Any]:
    """Return the settings that decide the accuracy of results, as plain values by name.

    These are epochs of each training, numbers of examples and classes, shape of inputs, and chips.
    """
    found: dict[str, Any] = {
        f"{unit}_epochs": recipe.epochs
        for unit in settings.units
        if unit != "noisy" and isinstance(recipe := settings.recipe(unit), TrainingRecipe)
    }
    found["train_examples"], found["test_examples"] = len(data.train), len(data.test)
    found |= _shape_columns(data.input_shape)
    found["n_classes"] = data.n_classes
    if any(unit in settings.units for unit in ("noisy", "hwa")):
        found["chips"] = settings.chips.n
        found["chip_examples"] = settings.chips.examples or len(data.test)
    return found


def _shape_columns(shape: Sequence[int]) -> dict[str, int]:
    """Return the shape of inputs by name: images, signals with channels, or anything else.

    Example:
        >>> _shape_columns((1, 64)), _shape_columns((16,))
        ({'input_channels': 1, 'input_length': 64}, {'input_size_0': 16})
    """
    names = {
        3: ("input_channels", "input_height", "input_width"),
        2: ("input_channels", "input_length"),
    }.get(len(shape), tuple(f"input_size_{axis}" for axis in range(len(shape))))
    return dict(zip(names, shape, strict=True))


def fidelity_text(settings: MeasurementSettings, data: DataSet) -> str:
    """Return the fidelity in one line, and whether it is low.

    Values of low fidelity rank networks, but differ from those of full trainings. Fidelity is low with fewer
    than 100 digital epochs, a part of the training examples, resized inputs, or fewer than 25 chips.
    """
    known = fidelity_columns(settings, data)
    trained = [unit for unit in settings.units if f"{unit}_epochs" in known]
    epochs = " + ".join(f"{known[f'{unit}_epochs']} {unit}" for unit in trained)
    size = " x ".join(map(str, data.input_shape[1:] or data.input_shape))
    text = (
        f"{known['train_examples']:,} training examples of {size}, {epochs} epochs, "
        f"{known['test_examples']:,} test examples"
    )
    if "chips" in known:
        text += f", {known['chip_examples']:,} of them on {known['chips']} chips"
    low = (
        known["digital_epochs"] < FULL_EPOCHS
        or settings.examples.train is not None
        or settings.image_size is not None
        or known.get("chips", FULL_CHIPS) < FULL_CHIPS
    )
    if not low:
        return f"fidelity: {text}"
    return f"low fidelity: {text}; good for ranking networks, while values are below those of full trainings"


def data_facts(data: DataSet) -> dict[str, Any]:
    """Return name, note and digest of the examples, as JSON types.

    The digest is the SHA-256 over inputs and targets of training and test split, as networks get them.

    Example:
        >>> from analognas.data import load_data
        >>> facts = data_facts(load_data("digits", validation=0))
        >>> facts["name"], len(facts["sha256"])
        ('digits', 64)
    """
    found = hashlib.sha256()
    for part in (data.train, data.test):
        for values in (part.inputs, part.targets):
            array = np.ascontiguousarray(values.numpy())
            found.update(f"{array.dtype} {array.shape}".encode())
            found.update(array.data)
    return {"name": data.name, "note": data.note or "", "sha256": found.hexdigest()}
