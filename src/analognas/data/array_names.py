"""Layouts of files with arrays, recognised by the names of arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..core import TableIntegrityError
from ..core.foreign_numbers import as_integers

JPEG = frozenset(
    f"{split}_{part}" for split in ("train", "test") for part in ("jpeg", "offset", "y")
)
AUDIO = frozenset(("audio", "label", "sample_rate"))
TEXTS = frozenset(("train_text", "train_label", "test_text", "test_label"))
STREAMS = frozenset(("train", "test", "vocab"))
LAYOUTS = (
    "train_x, train_y, test_x, test_y (also x_train, train_images, train_labels and so on); x, y (also images, "
    "labels or data, target); train_jpeg, train_offset, train_y, test_...; audio, label, sample_rate; "
    "train_text, train_label, test_...; train, test, vocab"
)
"""All layouts, for error messages."""

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Split by its usual names, in lower case."""

_ROLES = {
    **dict.fromkeys(("x", "image", "images", "data", "input", "inputs", "features"), "x"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "y"),
}
_SEPARATOR = re.compile(r"[_\-. ]|(?<=[a-z])(?=[XY]$)|(?<=[xyXY])(?=[Tt](?:rain|est)$)")

_Array = np.ndarray[Any, Any]


def image_arrays(names: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return the names of arrays of images and labels, by split and ``"x"`` or ``"y"``.

    Args:
        names: Names of all arrays of a file.

    Raises:
        TableIntegrityError: If two arrays have the same role, or a split has no labels.

    Example:
        >>> image_arrays(["x_train", "y_train", "x_test", "y_test"])["train", "y"]
        'y_train'
        >>> image_arrays(["images", "labels"])
        {('train', 'x'): 'images', ('train', 'y'): 'labels'}
    """
    found: dict[tuple[str, str], str] = {}
    for name in names:
        part = _part(name)
        if part is None:
            continue
        if part in found:
            raise TableIntegrityError(
                f"The arrays {found[part]!r} and {name!r} are both {part[1]} of the {part[0]} split; remove "
                "one."
            )
        found[part] = name
    if ("train", "x") not in found or ("train", "y") not in found:
        return {}
    for (split, role), name in found.items():
        other = "y" if role == "x" else "x"
        if (split, other) not in found:
            raise TableIntegrityError(
                f"The {split} split must have images and labels, but only has {name!r}."
            )
    return found


def label_vector(
    what: str, labels: _Array, n: int, *, minimum: int = -(2**63), maximum: int = 2**63 - 1
) -> _Array:
    """Return labels of ``n`` examples as ``int64`` ``(n,)``; a column becomes a vector.

    Args:
        what: Name for error messages.
        labels: One integer for each example.
        n: Number of examples.
        minimum: Smallest allowed value.
        maximum: Largest allowed value.

    Raises:
        TableIntegrityError: If type or shape are wrong, or a label is out of range.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (n,):
        table = labels.ndim == 2 and len(labels) == n
        remedy = " For one-hot labels, store labels.argmax(1)." if table else ""
        raise TableIntegrityError(
            f"{what} must have one integer as label for each of its {n} examples, but has {labels.dtype} "
            f"of shape {labels.shape}.{remedy}"
        )
    return as_integers(what, labels, minimum=minimum, maximum=maximum, labels=True)


def class_names(name: str, arrays: Mapping[str, _Array], labels: _Array) -> list[str]:
    """Return the names of the classes: those of ``class_names``, else their numbers.

    Args:
        name: Name of the data set, for error messages.
        arrays: All arrays of the file.
        labels: Labels of the training examples, ``int64`` ``(n,)``.

    Raises:
        TableIntegrityError: If a class has no examples, or ``class_names`` is invalid.
    """
    if "class_names" in arrays:
        given = arrays["class_names"]
        if given.ndim != 1 or given.dtype.kind not in "USiu":
            raise TableIntegrityError(
                f"{name}: `class_names` must be texts of shape (n,), but are {given.dtype} of shape "
                f"{given.shape}."
            )
        return [
            one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one)
            for one in given.tolist()
        ]
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, -1)
    if low != 0 or high >= labels.size:
        remedy = " They start at 1: subtract 1." if low == 1 and high <= labels.size else ""
        raise TableIntegrityError(
            f"{name}: labels must be the classes 0, 1 and so on, with a training example of each, but the "
            f"{labels.size} labels are from {low} to {high}.{remedy}"
        )
    return [str(k) for k in range(high + 1)]


def _part(name: str) -> tuple[str, str] | None:
    """Return split and role of an array from its name."""
    words = [word.lower() for word in _SEPARATOR.split(name)]
    if len(words) == 1 and words[0] in _ROLES:
        return "train", _ROLES[words[0]]
    if len(words) != 2:
        return None
    for split, role in (words, words[::-1]):
        if split in SPLIT_NAMES and role in _ROLES:
            return SPLIT_NAMES[split], _ROLES[role]
    return None
