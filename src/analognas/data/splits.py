"""Deterministic stratified sampling of examples, and checks of classes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..core import InvalidArgumentError, RandomStreams
from .labels import check_in_range

_SHOWN = 5


def stratified_indices(targets: Tensor, size: int, *, seed: int, stream: str) -> Tensor:
    """Choose ``size`` examples stratified by class, with each class at least once if possible.

    Examples of each class are shuffled, then all examples are sorted by relative rank within their class. The
    first ones are chosen, so choices with the same seed are nested.

    Args:
        targets: Class of each example, shape ``(n,)``.
        size: Number of examples.
        seed: Seed of the choice.
        stream: Name of the choice; different names give independent choices.

    Returns:
        Indices in ascending order, shape ``(size,)``.

    Example:
        >>> targets = torch.tensor([0] * 8 + [1] * 4)
        >>> chosen = stratified_indices(targets, 6, seed=0, stream="test")
        >>> torch.bincount(targets[chosen])
        tensor([4, 2])
    """
    labels = targets.numpy()
    rng = RandomStreams(seed).numpy("stratified", stream)
    shuffled = rng.permutation(len(labels))
    grouped = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.unique(labels, return_counts=True)[1]
    ranks = np.concatenate([np.arange(count) for count in counts])
    middle = (ranks + 0.5) / np.repeat(counts, counts)
    # First examples of all classes precede second ones, so that small choices contain all classes.
    order = np.lexsort((middle, ranks > 0))
    return torch.from_numpy(np.sort(grouped[order[:size]]))


def size_of_part(targets: Tensor, part: float) -> int:
    """Return the number of examples of a fraction, with at least one of each class.

    Args:
        targets: Class of each example, shape ``(n,)``.
        part: Fraction, from 0 to 1.

    Example:
        >>> size_of_part(torch.tensor([0] * 6 + [1] * 2), 0.1)
        2
    """
    return max(round(len(targets) * part), len(torch.unique(targets)))


def without(chosen: Tensor, n: int) -> Tensor:
    """Return the indices below ``n`` that are not ``chosen``, in ascending order."""
    rest = torch.ones(n, dtype=torch.bool)
    rest[chosen] = False
    return rest.nonzero()[:, 0]


def check_classes(
    where: str,
    targets: Tensor,
    n_classes: int,
    *,
    complete: bool,
    names: Sequence[str] | None = None,
    task: str = "classification",
    advice: str = "",
) -> None:
    """Check that targets are classes and, if ``complete``, that every class occurs.

    Args:
        where: Name for error messages.
        targets: Class of each example, shape ``(n,)``; ``(n, T)`` for language models.
        n_classes: Number of classes.
        complete: Whether every class must have an example.
        names: Names of the classes, if known.
        task: Name of the task.
        advice: Advice on missing classes, after a space.

    Raises:
        InvalidArgumentError: If not; the message names the first invalid example or the missing classes.
    """
    check_in_range(where, targets, n_classes, task=task)
    if not complete:
        return
    present = torch.unique(targets).tolist()
    n_missing = n_classes - len(present)
    if n_missing:
        # Only a few are listed, as there may be more than memory holds.
        found = frozenset(present)
        missing = itertools.islice((k for k in range(n_classes) if k not in found), _SHOWN)
        shown = ", ".join(str(names[k]) if names else str(k) for k in missing)
        more = f" and {n_missing - _SHOWN} more" if n_missing > _SHOWN else ""
        raise InvalidArgumentError(
            f"{where}: every class must have an example, but there is none of {shown}{more}.{advice}"
        )
