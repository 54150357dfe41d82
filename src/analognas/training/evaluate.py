"""The mean score of a model on one split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..data import DataSet
from .tasks import Task


@dataclass(frozen=True)
class Scored:
    """What an evaluation gives.

    Attributes:
        score: Mean score.
        loss: Mean cross-entropy, nats.
        n: Number of examples.
    """

    score: float
    loss: float
    n: int


def ordered_batches(
    data: DataSet, task: Task, split: str, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Return batches of a split in the order in which a model is evaluated on them."""
    if task.carries_state:
        return data.streams(split, batch_size)
    return data.batches(split, batch_size)


@torch.no_grad()
def evaluate(
    model: nn.Module,
    data: DataSet,
    split: str,
    task: Task,
    *,
    batch_size: int,
    seed: int = 0,
    autocast: torch.dtype | None = None,
) -> Scored:
    """Score a model on all examples of a split, in evaluation mode.

    Draws of analog layers follow the seed; torch's default generators are left as they were.

    Args:
        model: The model, on any device.
        data: The data set.
        split: Its split.
        task: The task.
        batch_size: Examples of a batch.
        seed: Seed of all draws.
        autocast: Type of autocast; None for none.
    """
    device = next(model.parameters()).device
    devices = [device] if device.type == "cuda" else []
    training = model.training
    model.eval()
    totals = torch.zeros(2, dtype=torch.float64, device=device)
    n, state = 0, None
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            for inputs, targets in ordered_batches(data, task, split, batch_size):
                inputs, targets = inputs.to(device), targets.to(device)
                with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
                    outputs, state = task.run(model, inputs, state)
                losses = task.losses(outputs, targets)
                scores = losses if task.scored_by_loss else task.score(outputs, targets)
                totals += torch.stack([scores.double().sum(), losses.double().sum()])
                n += len(targets)
    finally:
        model.train(training)
    score, loss = (totals / n).tolist()
    return Scored(score, loss, n)
