"""The result of a training, and its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ..core.text_tables import ShownTable, TableView
from .model_files import ModelRecord
from .tasks import get_task

HistoryRow = dict[str, float]
"""One epoch: ``epoch``, ``step``, ``lr``, ``train_loss`` and, by metric, ``train_*`` and ``validation_*``."""


@dataclass(frozen=True, repr=False)
class TrainingResult(TableView):
    """A trained network and its training.

    Attributes:
        model: The network, in evaluation mode.
        record: Its description, with its metrics.
        history: One row for each epoch.
        status: ``"finished"`` or ``"aborted"``.
        reason: Why it was aborted; empty otherwise.
        out: Folder with the files of the run; None if none were written.

    Example:
        >>> import torch
        >>> from analognas.data import DataSet, Split
        >>> from analognas.training import DigitalRecipe, Trainer
        >>> part = Split(torch.randn(32, 4), torch.arange(32) % 2)
        >>> data = DataSet("toy", "classification", part, part, part, (4,), 2)
        >>> result = Trainer(torch.nn.Linear(4, 2), data, DigitalRecipe(epochs=1), seed=0).fit()
        >>> result.status
        'finished'
    """

    model: nn.Module
    record: ModelRecord
    history: tuple[HistoryRow, ...]
    status: str = "finished"
    reason: str = ""
    out: Path | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics measured on the model, by name."""
        return self.record.metrics

    def shown_table(self) -> ShownTable:
        """Return what is printed: how the network was trained, and its metrics."""
        record, n = self.record, len(self.history)
        epochs = f", {n} {'epoch' if n == 1 else 'epochs'}" if n else ""
        unit = get_task(record.task).unit
        rows = [
            (
                name.replace("_", " "),
                f"{value:.4f}" if loss else f"{value:.2f}",
                "" if loss else unit,
            )
            for name, value in self.metrics.items()
            for loss in (name.endswith("_loss"),)
        ]
        return ShownTable(
            f"{record.recipe.get('kind', 'trained')}: {record.model or 'a network of your own'}{epochs}",
            ("metric", "value", "unit"),
            tuple(rows),
            (f"aborted: {self.reason}",) if self.status == "aborted" else (),
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything but the weights as plain values, without times and paths."""
        return {
            "status": self.status,
            "reason": self.reason,
            **self.record.to_dict(),
            "history": list(self.history),
        }


@dataclass(frozen=True)
class TrainingProgress:
    """Progress of a training.

    Attributes:
        epoch: The epoch, from 1.
        n_epochs: Number of epochs.
        step: Steps done in this epoch.
        n_steps: Steps of an epoch.
        loss: Mean loss of this epoch so far.
        row: Row of the history once the epoch is complete; None before.

    Example:
        >>> import torch
        >>> from analognas.data import DataSet, Split
        >>> from analognas.training import DigitalRecipe, Trainer
        >>> part = Split(torch.randn(32, 4), torch.arange(32) % 2)
        >>> data = DataSet("toy", "classification", part, part, part, (4,), 2)
        >>> seen = []
        >>> net, recipe = torch.nn.Linear(4, 2), DigitalRecipe(epochs=2)
        >>> _ = Trainer(net, data, recipe, on_progress=seen.append).fit()
        >>> seen[-1].epoch, seen[-1].n_epochs
        (2, 2)
    """

    epoch: int
    n_epochs: int
    step: int
    n_steps: int
    loss: float
    row: HistoryRow | None = None


Listener = Callable[[TrainingProgress], None]
"""Called after every step and every epoch."""
