"""Checks of labels: shapes, values, and hints for typical mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core import InvalidArgumentError
from ..core.foreign_numbers import as_integers

IGNORED = -100
"""Label of tokens that are ignored in loss and score, as in torch's cross-entropy."""
SEQUENCES = "language_model"
"""The task with one label for each token; others have one for each example."""


def as_tensor(name: str, values: Any) -> Tensor:
    """Convert an array to a tensor; return a tensor as it is.

    Raises:
        InvalidArgumentError: If it is neither, or an array of a type that torch does not support.

    Example:
        >>> as_tensor("targets", np.array([1, 0]))
        tensor([1, 0])
    """
    if isinstance(values, np.ndarray):
        try:
            # Copies only arrays that torch cannot share, such as read-only ones.
            return torch.from_numpy(np.require(values, requirements=("C", "W")))
        except (TypeError, ValueError):
            raise InvalidArgumentError(
                f"`{name}` must be numbers, but is an array of {values.dtype}."
            ) from None
    if not isinstance(values, Tensor):
        raise InvalidArgumentError(
            f"`{name}` must be a tensor or an array, but got {type(values).__name__}: convert it with "
            "torch.tensor(...)."
        )
    return values


def as_labels(where: str, labels: Tensor, task: str) -> Tensor:
    """Return labels in the shape for a task; a column of classes becomes a vector.

    Tokens of a language model may be :data:`IGNORED`, but not all of a sequence.

    Args:
        where: Name for error messages.
        labels: Integers, or floats with integer values, as for ``BCEWithLogitsLoss``; shape ``(n,)`` or
            ``(n, 1)``, for language models ``(n, T)``.
        task: Name of the task.

    Raises:
        InvalidArgumentError: If they are not integers, have another shape, are one-hot, or are ignored
            where that is not possible.

    Example:
        >>> as_labels("y", torch.tensor([[0.0], [2.0], [1.0]]), "classification")
        tensor([0, 2, 1])
    """
    labels = whole_labels(where, labels)
    if task == SEQUENCES:
        empty = ~counted(labels).reshape(len(labels), -1).any(1)
        if bool(empty.any()):
            raise InvalidArgumentError(
                f"{where}: each sequence must have a label that counts, but all of number "
                f"{int(empty.nonzero()[0])} are {IGNORED}: remove it."
            )
        return labels
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        remedy = "Labels of positions, as for segmentation or tagging, are not supported."
        if _is_one_hot(_wide(labels)):
            remedy = "They look one-hot: convert them with labels.argmax(1)."
        raise InvalidArgumentError(
            f"{where}: labels must be one class for each example, shape (n,), but got "
            f"{tuple(labels.shape)}. {remedy}"
        )
    return labels.long() if labels.dtype == torch.bool else labels


def whole_labels(where: str, labels: Tensor) -> Tensor:
    """Return labels as integers; floats with integer values become ``int64``.

    Raises:
        InvalidArgumentError: If they are not integers.

    Example:
        >>> whole_labels("y", torch.tensor([1.0, 0.0]))
        tensor([1, 0])
    """
    if labels.is_complex():
        raise InvalidArgumentError(f"{where}: labels must be integers, but are {labels.dtype}.")
    if not labels.is_floating_point():
        return labels
    try:
        whole = as_integers(
            f"{where}: labels",
            labels.detach().double().cpu().numpy(),
            labels=True,
            error=InvalidArgumentError,
        )
    except InvalidArgumentError as error:
        rest = " Probabilities of classes are not supported: use the most likely class, labels.argmax(1)."
        raise InvalidArgumentError(f"{error}{rest if labels.ndim == 2 else ''}") from None
    return torch.from_numpy(whole).to(labels.device)


def counted(labels: Tensor) -> Tensor:
    """Return which labels are not :data:`IGNORED`, same shape.

    Example:
        >>> counted(torch.tensor([3, -100]))
        tensor([ True, False])
    """
    return _wide(labels) != IGNORED


def check_in_range(where: str, labels: Tensor, n_classes: int, *, task: str) -> None:
    """Check that all labels are in ``[0, n_classes - 1]``; those of language models may be :data:`IGNORED`.

    Raises:
        InvalidArgumentError: If any is out of range; the message names the first one and a remedy.
    """
    labels = _wide(labels)
    outside = (labels < 0) | (labels >= n_classes)
    if task == SEQUENCES:
        outside &= counted(labels)
    if bool(outside.any()):
        first = int(outside.flatten().nonzero()[0])
        raise InvalidArgumentError(
            f"{where}: labels must be in [0, {n_classes - 1}], but number {first} is "
            f"{int(labels.flatten()[first])}, with {int(outside.sum())} in all outside."
            f"{_remedy(labels, n_classes)}"
        )


def _wide(labels: Tensor) -> Tensor:
    """Return labels in a type wide enough for comparisons, as torch wraps numbers that do not fit."""
    return labels if labels.dtype in (torch.int32, torch.int64) else labels.long()


def _is_one_hot(labels: Tensor) -> bool:
    return (
        labels.ndim == 2
        and labels.shape[1] > 1
        and bool(((labels == 0) | (labels == 1)).all())
        and bool((labels.sum(1) == 1).all())
    )


def _remedy(labels: Tensor, n_classes: int) -> str:
    """Return a hint on the probable mistake, after a space, or an empty string."""
    low, high = int(labels.min()), int(labels.max())
    if low == IGNORED:
        return f" {IGNORED} stands for no label: leave these examples out."
    if low == 1 and high == n_classes:
        return " They start at 1: subtract 1."
    if low == -1 and n_classes == 2 and bool((labels.abs() == 1).all()):
        return " They are -1 and 1: convert them with (labels + 1) // 2."
    if n_classes == 1:
        return " A network with one output still has two classes: give `n_classes=2`."
    return ""
