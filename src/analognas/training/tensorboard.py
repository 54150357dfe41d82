"""Training curves for TensorBoard, an optional dependency."""

from __future__ import annotations

import os
from typing import Any

from ..core import InvalidArgumentError
from .result import TrainingProgress


class TensorBoardLog:
    """Listener that writes the numbers of every epoch, and the loss within epochs.

    A resumed training writes the steps since its checkpoint again; TensorBoard drops the earlier ones.

    Args:
        folder: Folder of the event files.
        every_steps: Steps between two values of the loss within an epoch.

    Raises:
        InvalidArgumentError: If TensorBoard is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str], every_steps: int = 10) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise InvalidArgumentError(
                "TensorBoard is not installed: pip install 'analognas[tensorboard]', or train without it."
            ) from None
        self.folder, self.every_steps = folder, every_steps
        self._make: Any = SummaryWriter
        self._writer: Any = None

    def __call__(self, progress: TrainingProgress) -> None:
        """Write the numbers of a step or an epoch."""
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
        """Write what is buffered, and close the files."""
        if self._writer is not None:
            self._writer.close()
