"""What one training works on and with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ..core import RandomStreams
from ..data import DataSet
from .evaluate import Scored, evaluate
from .methods import Method
from .model_files import ModelRecord
from .recipes import Recipe
from .result import Listener
from .run_folder import RunFolder
from .tasks import Task

__all__ = ["TrainingContext"]


@dataclass(frozen=True)
class TrainingContext:
    """Network, data, method and files of one training; its loop changes the network alone.

    Attributes:
        model: The network as it is trained: converted and calibrated.
        data: The data set.
        task: What the network is to do.
        recipe: The recipe.
        method: What the recipe does to the network.
        streams: Sources of randomness.
        record: What the network is, for those who load it later.
        device: Where the network is.
        autocast: Type of a training in mixed precision; None: float32.
        folder: Files of the run; None writes none.
        on_progress: Called after every step and every epoch.
    """

    model: nn.Module
    data: DataSet
    task: Task
    recipe: Recipe
    method: Method
    streams: RandomStreams
    record: ModelRecord
    device: torch.device
    autocast: torch.dtype | None
    folder: RunFolder | None
    on_progress: Listener | None

    def score(self, split: str) -> Scored:
        """Evaluate the network as it is now, on a split."""
        return evaluate(
            self.model,
            self.data,
            split,
            self.task,
            batch_size=max(self.recipe.batch_size, 1 if self.task.carries_state else 256),
            seed=self.streams.torch("evaluation", split).initial_seed(),
            autocast=self.autocast,
        )
