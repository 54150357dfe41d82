"""Early abort of hopeless runs."""

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
    """Return in one sentence why a run is hopeless after an epoch; empty if it is not.

    Args:
        settings: When a run ends early.
        task: The task.
        epoch: The finished epoch, from 1.
        score: Mean validation score.
        chance_score: Mean score of chance.

    Example:
        >>> from analognas.training import get_task
        >>> settings = EarlyAbort(after=1, min_skill=0.1)
        >>> reason_to_abort(settings, get_task("classification"), 1, 0.12, 0.1)
        'After epoch 1 validation accuracy was 12, too close to chance, 10 (skill 0.022, below 0.1).'
    """
    value, chance = task.metric(score), task.metric(chance_score)
    name = f"After epoch {epoch} validation {task.metric_name} was {value:.4g}"
    skill = task.skill(score, chance_score)
    if 0 < settings.after <= epoch and skill < settings.min_skill:
        return (
            f"{name}, too close to chance, {chance:.4g} (skill {skill:.2g}, below "
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
    """Return the metric after each epoch that is better than a percentile of earlier runs.

    Args:
        histories: Histories of earlier runs; the shortest sets the number of epochs.
        task: Their task.
        percentile: Percentage of worse runs.

    Raises:
        InvalidArgumentError: If there is no history, or one has no validation.

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
