"""The loop of steps and epochs of one training."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..core import DivergedError, NotFiniteError, RandomStreams
from ..data import DataSet
from ..data.labels import counted
from ..nn.finite import is_finite, source_of_nan
from .average import WeightAverage
from .checkpoint import Position, load_checkpoint, save_checkpoint
from .early_abort import reason_to_abort
from .evaluate import SplitScore, evaluate
from .methods import Method
from .model_files import ModelRecord
from .recipes import Recipe, TrainingRecipe
from .result import HistoryRow, Listener, TrainingProgress
from .run_folder import RunFolder
from .settings import OptimizerSettings
from .tasks import Task, get_task

# Steps between checks of the loss on a GPU, where each check waits for the device.
_CHECK_EVERY = 20


@dataclass(frozen=True)
class TrainingContext:
    """Network, data, method and files of one training; only the network changes.

    Attributes:
        model: The network that is trained: converted and calibrated.
        data: The data set.
        task: The task.
        recipe: The recipe.
        method: What the recipe does to the network.
        streams: Sources of randomness.
        record: Description of the network.
        device: Device of the network.
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

    def score(self, split: str) -> SplitScore:
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


def steps_of_epoch(data: DataSet, batch_size: int) -> int:
    """Return the number of steps of an epoch.

    A last batch that is not full is omitted, unless it is the only one. Language models read the text in
    ``batch_size`` streams.

    Args:
        data: The data.
        batch_size: Examples of a batch.
    """
    n = len(data.train)
    if get_task(data.task).carries_state:
        return math.ceil(n / batch_size)
    return data.n_batches("train", batch_size, drop_last=_drops_last(data, batch_size))


def _drops_last(data: DataSet, batch_size: int) -> bool:
    return len(data.train) >= batch_size and not get_task(data.task).carries_state


def make_optimizer(model: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """Return an optimizer of all trainable parameters; weight decay acts on matrices and kernels only.

    Example:
        >>> optimizer = make_optimizer(nn.Linear(2, 3), OptimizerSettings(weight_decay=0.1))
        >>> [(group["weight_decay"], len(group["params"])) for group in optimizer.param_groups]
        [(0.1, 1), (0.0, 1)]
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {
            "params": [parameter for parameter in trainable if parameter.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {
            "params": [parameter for parameter in trainable if parameter.ndim <= 1],
            "weight_decay": 0.0,
        },
    ]
    if settings.kind == "adamw":
        return torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas)
    nesterov = settings.nesterov and settings.momentum > 0.0
    return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=nesterov)


class Loop:
    """One training, from its start or its checkpoint to its end.

    Args:
        context: Network, data, method and files.
        recipe: The recipe of the context.
        resume: Whether to continue from a checkpoint.
        extends: Last checkpoint of the same training with fewer epochs, to continue if there is no other.
        extendable: Whether to keep the last checkpoint for a longer training.
    """

    def __init__(
        self,
        context: TrainingContext,
        recipe: TrainingRecipe,
        resume: bool,
        *,
        extends: Path | None = None,
        extendable: bool = False,
    ) -> None:
        self.context, self.recipe = context, recipe
        self.model, self.data, self.task = context.model, context.data, context.task
        self.method, self.folder = context.method, context.folder
        self.network: Any = torch.compile(self.model) if recipe.compile else self.model
        self.optimizer = make_optimizer(self.model, recipe.optimizer)
        self.average = WeightAverage(self.model, recipe.ema) if recipe.ema > 0.0 else None
        self.drop_last = _drops_last(self.data, recipe.batch_size)
        self.n_batches = steps_of_epoch(self.data, recipe.batch_size)
        labels = self.data.train.targets.long()
        self.chance = self.task.chance_score(labels, self.data.n_classes)
        self.method.ignores_labels = not bool(counted(labels).all())
        self.checked = False
        self.on_cpu = context.device.type == "cpu"
        self.position = Position(sums=torch.zeros(2, dtype=torch.float64, device=context.device))
        self.shown_loss = 0.0
        self.best: dict[str, Tensor] = {}
        self.last_saved = time.monotonic()
        if resume and self.folder is not None:
            self.position = load_checkpoint(
                self.folder.checkpoint, self.model, self.optimizer, self.average, self.identity
            )
        elif extends is not None:
            self.position = load_checkpoint(
                extends,
                self.model,
                self.optimizer,
                self.average,
                self.identity,
                may_differ=("recipe.epochs",),
            )
        elif recipe.saving.at_epochs:
            self.save()
        self.extendable = extendable

    @property
    def identity(self) -> dict[str, Any]:
        """Values that must be equal when a training is resumed."""
        recipe = {key: x for key, x in self.context.record.recipe.items() if key != "saving"}
        data = self.data
        sizes = {
            name: len(part)
            for name in ("train", "validation", "test")
            if (part := getattr(data, name)) is not None
        }
        return {
            "recipe": recipe,
            "seed": self.context.record.seed,
            "data": {"name": data.name, "task": data.task, **sizes},
        }

    def run(self) -> Position:
        """Train to the end, or until the training is aborted, and return the last position."""
        position = self.position
        while position.epoch < self.recipe.epochs and not position.reason:
            self.model.train()
            for inputs, targets in self._batches():
                self._step(inputs, targets)
                self._tell()
                if self._is_time_to_save():
                    self.save()
            self._end_epoch()
        if self.extendable and self.folder is not None and not position.reason:
            self.save(self.folder.end)
        self._take_kept_weights()
        return position

    @torch.no_grad()
    def _take_kept_weights(self) -> None:
        if self.recipe.keep == "best":
            best = self.best if self.folder is None else self.folder.best_weights()
            self.model.load_state_dict(best)
        elif self.average is not None:
            for name, value in self.model.named_parameters():
                value.copy_(self.average.values[name])
            self.method.weights_exchanged(self.model)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        position, size = self.position, self.recipe.batch_size
        if self.task.carries_state:
            return self.data.streams("train", size, start=position.batch)
        generator = self.context.streams.torch("batches", position.epoch)
        return self.data.batches(
            "train",
            size,
            generator=generator,
            augment=self.recipe.augment and self.data.augmentation is not None,
            drop_last=self.drop_last,
            start=position.batch,
        )

    def _step(self, inputs: Tensor, targets: Tensor) -> None:
        position, method, device = self.position, self.method, self.context.device
        inputs, targets = inputs.to(device), targets.to(device)
        factor = self.recipe.schedule.factor(
            position.step, self.n_batches, self.n_batches * self.recipe.epochs
        )
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.optimizer.lr * factor
        method.before_step(self.model, position.step / self.n_batches)
        dtype = self.context.autocast
        with torch.autocast(device.type, dtype=dtype) if dtype else nullcontext():
            outputs, state = self.task.run(self.network, inputs, position.carried.get("model"))
            if not self.checked:
                where, labels = f"{self.data.name}: train", self.data.train.targets
                self.task.check(where, outputs, targets, labels)
                self.checked = True
            loss = method.loss(outputs, inputs, targets, position.carried)
        if state is not None:
            position.carried["model"] = state
        self._count(loss, outputs, inputs, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip_norm > 0.0:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        method.after_step(self.model)
        if self.average is not None:
            self.average.update(position.step)
        position.step += 1
        position.batch += 1

    @torch.no_grad()
    def _count(self, loss: Tensor, outputs: Any, inputs: Tensor, targets: Tensor) -> None:
        position, n = self.position, len(targets)
        if self.method.ignores_labels:
            n = int(self.task.counts(targets).sum())
        position.n_examples += n
        position.sums[0] += loss.detach() * n
        if not self.task.scored_by_loss:
            position.sums[1] += self.task.score(outputs, targets).sum()
        if self.on_cpu or position.step % _CHECK_EVERY == 0:
            self._check_loss(inputs)

    def _check_loss(self, inputs: Tensor | None = None) -> None:
        total = float(self.position.sums[0])
        self.shown_loss = total / max(self.position.n_examples, 1)
        if not math.isfinite(total):
            if inputs is not None:
                self._check_source(inputs)
            self._diverged("The loss is NaN or infinite")

    def _check_source(self, inputs: Tensor) -> None:
        """Refuse inputs, and weights before the first step, that make the loss NaN or infinite."""
        first = self.position.step == 0
        source = source_of_nan(self.model, inputs) if first else ""
        if not is_finite(inputs):
            source = "the inputs"
        if source:
            raise NotFiniteError(
                f"{self.data.name}: train: the loss is NaN or infinite in epoch {self.position.epoch + 1}, "
                f"step {self.position.batch + 1} of {self.n_batches}. This comes from {source}, which must be "
                "finite: check the data and the weights."
            )

    def _diverged(self, what: str) -> None:
        position = self.position
        kept = ""
        if self.folder is not None and self.folder.has_checkpoint:
            kept = f" The last good checkpoint is {str(self.folder.checkpoint)!r}."
        raise DivergedError(
            f"{what} in epoch {position.epoch + 1}, step {position.batch + 1} of {self.n_batches}. Try a "
            f"smaller learning rate (optimizer.lr is {self.recipe.optimizer.lr:g}), more warm-up "
            f"(schedule.warmup) or gradient clipping (clip_norm: 1.0).{kept}"
        )

    def _tell(self, row: HistoryRow | None = None) -> None:
        position = self.position
        if self.context.on_progress is not None:
            self.context.on_progress(
                TrainingProgress(
                    position.epoch + (row is None),
                    self.recipe.epochs,
                    position.batch,
                    self.n_batches,
                    self.shown_loss if row is None else row["train_loss"],
                    row,
                )
            )

    def _is_time_to_save(self) -> bool:
        saving, step = self.recipe.saving, self.position.step
        if saving.every_steps and step % saving.every_steps == 0:
            return True
        return 0.0 < saving.every_seconds < time.monotonic() - self.last_saved

    def _check_weights(self) -> None:
        finite = all(
            bool(torch.isfinite(x).all())
            for x in self.model.state_dict().values()
            if x.is_floating_point()
        )
        if not finite or not bool(torch.isfinite(self.position.sums).all()):
            self._diverged("A weight is NaN or infinite")

    def save(self, path: Path | None = None) -> None:
        """Write a checkpoint, by default that of the folder, unless the weights are not finite."""
        if self.folder is None:
            return
        self._check_weights()
        save_checkpoint(
            path or self.folder.checkpoint,
            self.model,
            self.optimizer,
            self.average,
            self.position,
            self.identity,
        )
        self.last_saved = time.monotonic()

    def _end_epoch(self) -> None:
        self._check_loss()
        position, name = self.position, self.task.metric_name
        loss, score = (position.sums / position.n_examples).tolist()
        row: HistoryRow = {
            "epoch": position.epoch + 1,
            "step": position.step,
            "lr": float(self.optimizer.param_groups[0]["lr"]),
            "train_loss": loss,
        }
        if not self.task.scored_by_loss:
            row[f"train_{name}"] = self.task.metric(score)
        if self.data.validation is not None:
            exchanged = self.method.weights_exchanged
            average = self.average
            with nullcontext() if average is None else average.swapped_in(exchanged):
                scored = self.context.score("validation")
                row |= {
                    "validation_loss": scored.loss,
                    f"validation_{name}": self.task.metric(scored.score),
                }
                self._keep_best(row)
            position.reason = reason_to_abort(
                self.recipe.abort, self.task, position.epoch + 1, scored.score, self.chance
            )
        position.history.append(row)
        position.epoch += 1
        position.begin_epoch()
        self._check_weights()
        if self.folder is not None and (self.recipe.saving.at_epochs or self._is_time_to_save()):
            self.save()
            self.folder.write_history(position.history)
        self._tell(row)

    def _keep_best(self, row: HistoryRow) -> None:
        """Keep the weights if the recipe keeps the best and these are the best so far."""
        key = f"validation_{self.task.metric_name}"
        sign = 1.0 if self.task.higher_is_better else -1.0
        earlier = [sign * old[key] for old in self.position.history]
        best = all(sign * row[key] > value for value in earlier)
        if not best or self.recipe.keep != "best":
            return
        if self.folder is not None:
            self.folder.keep_best(self.model, self.context.record)
        else:
            self.best = {name: x.clone() for name, x in self.model.state_dict().items()}
