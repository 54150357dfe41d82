"""Curves of a training for TensorBoard, an optional dependency."""

from __future__ import annotations

import os
from typing import Any

from ..core import InvalidArgumentError
from .result import Progress


class TensorBoardLog:
    """Listens to a training and writes every epoch's numbers, and the loss within epochs.

    A training that is resumed writes the steps since its checkpoint again; TensorBoard is told to forget the
    earlier ones.

    Args:
        folder: Where the event files go.
        every_steps: Steps between two losses within an epoch.

    Raises:
        InvalidArgumentError: If TensorBoard is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str], every_steps: int = 10) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise InvalidArgumentError(
                "TensorBoard is not installed: pip install 'analognas[tensorboard]', or leave it away."
            ) from None
        self.folder, self.every_steps = folder, every_steps
        self._make: Any = SummaryWriter
        self._writer: Any = None

    def __call__(self, progress: Progress) -> None:
        """Take the numbers of a step or an epoch."""
        step = (progress.epoch - (progress.row is None)) * progress.n_steps
        step += progress.step if progress.row is None else 0
        if self._writer is None:
            self._writer = self._make(str(self.folder), purge_step=step)
        if progress.row is not None:
            for name, value in progress.row.items():
                if name not in ("epoch", "step"):
                    self._writer.add_scalar(name, value, step)
            self._writer.flush()
        elif progress.step % self.every_steps == 0:
            self._writer.add_scalar("running_loss", progress.loss, step)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
