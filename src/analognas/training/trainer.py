"""The trainer for all recipes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import nn

from ..core import InvalidArgumentError, RandomStreams, hold_folder
from ..data import DataSet
from .checkpoint import Position
from .loop import Loop, TrainingContext
from .methods import method_for
from .model_files import ModelRecord, described_model
from .recipes import Recipe, TrainingRecipe
from .result import Listener, TrainingResult
from .run_folder import END_FILE, RunFolder
from .tasks import get_task


class Trainer:
    """Trains a network on a data set by a recipe.

    All random numbers follow from ``seed``; torch's default generators are unchanged.

    Args:
        model: A digital network on the device of the training, which changes it. Recipes other than ``digital``
            start from its weights.
        data: The data set.
        recipe: The recipe.
        seed: Seed of everything random.
        out: Folder for the files of the run; None: no files, and the training cannot be resumed.
        record: Description of the network: name, options, data. The trainer adds the rest.
        scored: Splits on which the trained network is scored, if the data set has them.
        on_progress: Called after every step and every epoch.
        extends: Folder of an extendable training with fewer epochs but otherwise the same settings, which
            continues from its end. The result equals that of a training from the start, bit for bit, if the
            first epochs of the schedule do not depend on the number of epochs (:meth:`.Schedule.continues`),
            the last weights are kept, and there is no early abort.
        extendable: Whether to keep the last checkpoint, so that a training with more epochs can continue.

    Raises:
        InvalidArgumentError: If the recipe needs a validation split and the data set has none.

    Example:
        >>> from analognas.data import load_data
        >>> from analognas.training import DigitalRecipe
        >>> data = load_data("digits").subset(train=64, validation=20, test=20)
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(1024, 10))
        >>> result = Trainer(net, data, DigitalRecipe(epochs=1, batch_size=32)).fit()
        >>> result.status, sorted(result.metrics)
        ('finished', ['test_accuracy', 'test_loss', 'validation_accuracy', 'validation_loss'])
    """

    def __init__(
        self,
        model: nn.Module,
        data: DataSet,
        recipe: Recipe,
        *,
        seed: int = 0,
        out: str | os.PathLike[str] | None = None,
        record: ModelRecord | None = None,
        scored: Sequence[str] = ("validation", "test"),
        on_progress: Listener | None = None,
        extends: str | os.PathLike[str] | None = None,
        extendable: bool = False,
    ) -> None:
        self.digital, self.data, self.recipe = model, data, recipe
        self.task = get_task(data.task)
        self.streams = RandomStreams(seed)
        self.folder = None if out is None else RunFolder(Path(out))
        self.scored = tuple(scored)
        self.on_progress = on_progress
        self.extends = None if extends is None else Path(extends) / END_FILE
        self.extendable = extendable
        self.record = (record or ModelRecord()).replace(
            task=data.task,
            input_shape=tuple(data.input_shape),
            n_classes=data.n_classes,
            recipe=recipe.to_dict(),
            seed=seed,
        )
        self.device = next(model.parameters()).device
        self.autocast = torch.bfloat16 if recipe.precision == "bf16" else None
        self.method = method_for(recipe, self.task)
        if isinstance(recipe, TrainingRecipe) and data.validation is None:
            needing = {
                "keep": recipe.keep == "best",
                "abort": recipe.abort.after > 0 or bool(recipe.abort.curve),
            }
            for name in (name for name, needs in needing.items() if needs):
                raise InvalidArgumentError(
                    f"`{name}` must keep its default where the data set has no validation split; load the data "
                    "with `validation=0.1`."
                )

    def fit(self, *, resume: bool = False) -> TrainingResult:
        """Train, or continue the training in the folder, and score the network.

        Args:
            resume: Whether to continue from the last checkpoint, if there is one. On the same machine, the
                result equals that of an uninterrupted training, bit for bit.

        Returns:
            The trained network with its metrics.

        Raises:
            DivergedError: If a loss or a weight is NaN or infinite. The last checkpoint stays.
            CheckpointMismatchError: If the checkpoint belongs to another training.
            TableIntegrityError: If the checkpoint is damaged.
            OutputFolderError: If another process uses the folder, it holds a training and ``resume`` is
                False, or it cannot be written to. The last checkpoint stays.
        """
        with nullcontext() if self.folder is None else hold_folder(self.folder.path, make=True):
            return self._fit(resume)

    def _fit(self, resume: bool) -> TrainingResult:
        if self.folder is not None and self.folder.is_finished and resume:
            return self.folder.read_result(self.digital, self.record)
        if self.folder is not None:
            self.folder.begin(resume)
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(self._seed("training"))
            resume = resume and self.folder is not None and self.folder.has_checkpoint
            if self.folder is not None and self.recipe.needs_digital:
                self.folder.keep_start(self.digital, resume)
            context = self.context(self.method.convert(self.digital))
            if not resume:
                self._calibrate(context.model)
            position = Position()
            if isinstance(self.recipe, TrainingRecipe):
                position = Loop(
                    context, self.recipe, resume, extends=self.extends, extendable=self.extendable
                ).run()
            return self._finish(context, position)

    def context(self, model: nn.Module) -> TrainingContext:
        """Return the context of the loop for a converted network."""
        return TrainingContext(
            model=model,
            data=self.data,
            task=self.task,
            recipe=self.recipe,
            method=self.method,
            streams=self.streams,
            record=self.record,
            device=self.device,
            autocast=self.autocast,
            folder=self.folder,
            on_progress=self.on_progress,
        )

    def _seed(self, *name: str | int) -> int:
        return self.streams.torch(*name).initial_seed()

    def _calibrate(self, model: nn.Module) -> None:
        n = self.method.n_calibration_batches
        if n == 0:
            return
        generator = self.streams.torch("calibration")
        batches = self.data.batches("train", self.recipe.batch_size, generator=generator)
        inputs = [x.to(self.device) for (x, _), _ in zip(batches, range(n), strict=False)]
        self.method.calibrate(model, inputs)

    def _finish(self, context: TrainingContext, position: Position) -> TrainingResult:
        metrics: dict[str, float] = {}
        for split in self.scored:
            if split == "test" or self.data.validation is not None:
                scored = context.score(split)
                metrics[f"{split}_{self.task.metric_name}"] = self.task.metric(scored.score)
                metrics[f"{split}_loss"] = scored.loss
        result = TrainingResult(
            context.model.eval(),
            described_model(context.model, self.record.replace(metrics=metrics)),
            tuple(position.history),
            "aborted" if position.reason else "finished",
            position.reason,
            None if self.folder is None else self.folder.path,
        )
        if self.folder is not None:
            self.folder.finish(result)
        return result
