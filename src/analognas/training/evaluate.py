"""The mean score of a model on one split."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..core import NotFiniteError
from ..data import DataSet
from ..nn.finite import source_of_nan
from .tasks import Task


@dataclass(frozen=True)
class SplitScore:
    """Score of a model on one split.

    Attributes:
        score: Mean score; examples are weighted by their number of counted labels.
        loss: Mean cross-entropy, nats, weighted as the score.
        n: Number of examples.

    Example:
        >>> from analognas.data import load_data
        >>> from analognas.training import get_task
        >>> data = load_data("digits").subset(train=50, validation=20, test=50)
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(1024, 10))
        >>> found = evaluate(net, data, "test", get_task("classification"), batch_size=50)
        >>> found.n, 0 <= found.score <= 1
        (50, True)
    """

    score: float
    loss: float
    n: int


def ordered_batches(
    data: DataSet, task: Task, split: str, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Return batches of a split in the order of an evaluation."""
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
) -> SplitScore:
    """Score a model on all examples of a split, in evaluation mode.

    Random numbers of analog layers follow from the seed; torch's default generators are unchanged.

    Args:
        model: The model, on any device.
        data: The data set.
        split: Its split.
        task: The task.
        batch_size: Examples of a batch.
        seed: Seed of all draws.
        autocast: Type of autocast; None for none.

    Raises:
        InvalidArgumentError: If the network's outputs do not fit the labels.
        NotFiniteError: If an output is NaN or infinite; names the batch and the layer.

    Example:
        >>> from analognas.data import load_data
        >>> from analognas.training import get_task
        >>> data = load_data("digits").subset(train=50, validation=20, test=50)
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(1024, 10))
        >>> evaluate(net, data, "test", get_task("classification"), batch_size=50).n
        50
    """
    device = next(model.parameters()).device
    devices = [device] if device.type == "cuda" else []
    training = model.training
    model.eval()
    labels = data.split(split).targets
    where = f"{data.name}: {split}"
    counts = task.counts(labels)
    weighted = bool((counts != counts[0]).any())
    totals = torch.zeros(2, dtype=torch.float64, device=device)
    n, state = 0, None
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            for inputs, targets in ordered_batches(data, task, split, batch_size):
                inputs, targets = inputs.to(device), targets.to(device)
                with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
                    outputs, state = task.run(model, inputs, state)
                if not n:
                    task.check(where, outputs, targets, labels)
                losses = task.losses(outputs, targets)
                scores = losses if task.scored_by_loss else task.score(outputs, targets)
                if weighted:
                    weights = task.counts(targets)
                    scores, losses = scores * weights, losses * weights
                totals += torch.stack([scores.double().sum(), losses.double().sum()])
                n += len(targets)
            score, loss = (totals / (int(counts.sum()) if weighted else n)).tolist()
            if not (math.isfinite(score) and math.isfinite(loss)):
                batches = ordered_batches(data, task, split, batch_size)
                raise not_finite(task, model, batches, where)
    finally:
        model.train(training)
    return SplitScore(score, loss, n)


@torch.no_grad()
def not_finite(
    task: Task, model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], where: str
) -> NotFiniteError:
    """Return the error for outputs that are NaN or infinite; it names the first batch and layer.

    Args:
        task: The task.
        model: The model, which runs again in its current mode and on its current chip.
        batches: The batches of the evaluation.
        where: Name of the data, for the message.
    """
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    place, state, first = ", or give the right class of an example the probability 0", None, 0
    for number, (inputs, targets) in enumerate(batches, 1):
        inputs, targets = inputs.to(device), targets.to(device)
        outputs, state = task.run(model, inputs, state)
        bad = ~torch.isfinite(task.score(outputs, targets))
        if bool(bad.any()):
            place = f" in batch {number}, first for example {first + int(bad.nonzero()[0])}"
            source = source_of_nan(model, inputs)
            place += f"; they come from {source}" if source else ""
            break
        first += len(targets)
    return NotFiniteError(
        f"{where}: the network's outputs must be finite, but are NaN or infinite{place}. Check the weights "
        "and the inputs; a training that diverged needs a smaller learning rate."
    )
