"""What a run will do, in steps, before it begins."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..data import DataSet
from .recipes import Recipe, TrainingRecipe
from .tasks import get_task


def steps_of_epoch(data: DataSet, batch_size: int) -> int:
    """Return the number of steps of an epoch.

    A last batch that is not full is left out, unless it is the only one. A language model goes through its text
    in steps of ``batch_size`` streams.

    Args:
        data: The data.
        batch_size: Examples of a batch.
    """
    n = len(data.train)
    if get_task(data.task).carries_state:
        return math.ceil(n / batch_size)
    return data.n_batches("train", batch_size, drop_last=drops_last(data, batch_size))


def drops_last(data: DataSet, batch_size: int) -> bool:
    """Whether a last batch that is not full is left out."""
    return len(data.train) >= batch_size and not get_task(data.task).carries_state


def plan_text(stages: Sequence[Recipe], data: DataSet) -> str:
    """Return what the stages of a run do, on one line.

    Args:
        stages: Their recipes, in order.
        data: The data.

    Example:
        >>> from analognas.data import load_data
        >>> from analognas.training import DigitalRecipe, HWARecipe
        >>> plan_text([DigitalRecipe(epochs=2), HWARecipe(epochs=1)], load_data("digits"))
        'digital 2 epochs of 10 steps, then hwa 1 epoch of 10 steps: 30 steps'
    """
    parts, total = [], 0
    for recipe in stages:
        if not isinstance(recipe, TrainingRecipe):
            parts.append(f"{recipe.kind} without training")
            continue
        steps = steps_of_epoch(data, recipe.batch_size)
        parts.append(f"{recipe.kind} {_count(recipe.epochs, 'epoch')} of {_count(steps, 'step')}")
        total += recipe.epochs * steps
    return f"{', then '.join(parts)}: {_count(total, 'step')}"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
