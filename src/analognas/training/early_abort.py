"""Ending runs that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..core import InvalidArgumentError, check_float
from .result import HistoryRow
from .settings import EarlyAbort
from .tasks import Task


def reason_to_abort(
    settings: EarlyAbort, task: Task, epoch: int, score: float, chance_score: float
) -> str:
    """Return why a run is hopeless after an epoch, in one sentence; empty if it is not.

    Args:
        settings: When to give up.
        task: The task.
        epoch: The epoch that is done, from 1.
        score: Mean validation score.
        chance_score: That of guessing.

    Example:
        >>> from analognas.training import get_task
        >>> settings = EarlyAbort(after=1, min_skill=0.1)
        >>> reason_to_abort(settings, get_task("classification"), 1, 0.12, 0.1)
        'After epoch 1 validation accuracy was 12, too near to the 10 of guessing (skill 0.022, below 0.1).'
    """
    value, chance = task.metric(score), task.metric(chance_score)
    name = f"After epoch {epoch} validation {task.metric_name} was {value:.4g}"
    skill = task.skill(score, chance_score)
    if 0 < settings.after <= epoch and skill < settings.min_skill:
        return (
            f"{name}, too near to the {chance:.4g} of guessing (skill {skill:.2g}, below "
            f"{settings.min_skill:.2g})."
        )
    if epoch <= len(settings.curve):
        needed = settings.curve[epoch - 1]
        if value < needed if task.higher_is_better else value > needed:
            side = "below" if task.higher_is_better else "above"
            return f"{name}, {side} the curve's {needed:.4g}."
    return ""


def percentile_curve(
    histories: Iterable[Sequence[HistoryRow]], task: Task, percentile: float = 25.0
) -> tuple[float, ...]:
    """Return what a run must reach after each epoch to be better than a share of earlier ones.

    Args:
        histories: Those of earlier runs; the shortest decides how many epochs are asked.
        task: Their task.
        percentile: The share of worse runs, percent.

    Raises:
        InvalidArgumentError: If there is no history, or one without validation.

    Example:
        >>> from analognas.training import get_task
        >>> runs = [[{"validation_accuracy": 10.0 * i}] for i in range(1, 6)]
        >>> percentile_curve(runs, get_task("classification"), 25.0)
        (20.0,)
    """
    check_float("percentile", percentile, minimum=0.0, maximum=100.0)
    key = f"validation_{task.metric_name}"
    rows = [[row[key] for row in history if key in row] for history in histories]
    if not rows or not all(rows):
        raise InvalidArgumentError(
            f"`histories` must hold at least one run, each with {key}, but got {len(rows)} runs."
        )
    share = percentile if task.higher_is_better else 100.0 - percentile
    length = min(map(len, rows))
    values = np.percentile(np.array([row[:length] for row in rows]), share, axis=0)
    return tuple(float(value) for value in values)
