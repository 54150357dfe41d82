"""Tasks: the meaning of a model's outputs, their scores, and the metric that is reported.

A score is one number for each example, so that averages over examples, chips or times have a known spread. The
metric is a function of the mean score.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..core import InvalidArgumentError, Registry, check_float
from ..data.labels import as_labels, counted
from ..nn.run_batch import explained
from .predictions import check_predictions, class_logits


class Task(ABC):
    """A kind of supervised problem.

    Outputs are logits with the classes last; or one logit for each label, that of class 1 of two; or a tuple,
    mapping or object that holds them (:mod:`~analognas.training.predictions`).

    Attributes:
        name: Name in :data:`TASKS`.
        metric_name: Name of the metric, without the split.
        unit: Unit of the metric; empty for none.
        higher_is_better: Whether larger values of the metric are better.
        carries_state: Whether a model's state is carried from one batch to the next.
        scored_by_loss: Whether the score is the loss.

    Example:
        >>> from analognas.training import get_task
        >>> task = get_task("language_model")
        >>> task.metric_name, task.higher_is_better
        ('perplexity', False)
    """

    name: ClassVar[str]
    metric_name: ClassVar[str]
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool]
    carries_state: ClassVar[bool] = False
    scored_by_loss: ClassVar[bool] = False

    def labels(self, where: str, targets: Tensor) -> Tensor:
        """Return labels in the shape that :meth:`score` needs. Called once, with all labels.

        Args:
            where: Name of the data, for messages.
            targets: The given labels.

        Raises:
            InvalidArgumentError: If they cannot be labels of this task.
        """
        return targets

    def check(self, where: str, outputs: Any, targets: Tensor, labels: Tensor) -> int | None:
        """Check that a network's outputs fit the labels. Called with the first batch, before any score.

        Args:
            where: Name of the data, for messages.
            outputs: Outputs of the network.
            targets: Labels of the batch.
            labels: All labels, of this batch and later ones.

        Returns:
            The number of classes of the network; None where there are no classes.

        Raises:
            InvalidArgumentError: If they do not fit.
        """
        return None

    def counts(self, targets: Tensor) -> Tensor:
        """Return each example's number of counted predictions, its weight in mean scores, shape ``(n,)``."""
        return counted(targets).reshape(len(targets), -1).sum(-1)

    def loss(self, outputs: Any, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy over all predictions of a batch, a scalar, in nats.

        Args:
            outputs: Logits, shape ``(*targets.shape, n_classes)``, or one logit for each target.
            targets: Classes, integers; -100 does not count.
            label_smoothing: Part of each target that is spread evenly over all classes.

        Source of the smoothing: Szegedy et al., CVPR 2016.
        """
        return functional.cross_entropy(
            class_logits(outputs, targets).flatten(0, -2).float(),
            targets.flatten(),
            label_smoothing=label_smoothing,
        )

    def distillation_loss(
        self,
        outputs: Any,
        teacher_outputs: Any,
        temperature: float = 4.0,
        targets: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        r"""Return the distance of outputs from those of a teacher, a scalar, in nats.

        .. math:: T^2\, \mathrm{KL}(\mathrm{softmax}(z_{teacher}/T)\,\|\,\mathrm{softmax}(z/T))

        Args:
            outputs: Logits.
            teacher_outputs: Logits of the teacher, same shape; they get no gradient.
            temperature: T; larger values give unlikely classes more weight.
            targets: Labels of the batch; their shape is needed where outputs are squeezed.
            mask: Which predictions count, one entry for each label; None: all.

        Raises:
            InvalidArgumentError: If the temperature is not positive, or the numbers of classes differ.

        Source: Hinton, Vinyals and Dean, arXiv:1503.02531; the mean over all predictions.
        """
        check_float("temperature", temperature, minimum=1e-6)
        ours = class_logits(outputs, targets).flatten(0, -2).float()
        theirs = class_logits(teacher_outputs, targets).detach().flatten(0, -2).float()
        if ours.shape != theirs.shape:
            raise InvalidArgumentError(
                f"The teacher must have as many classes as the network, but has {theirs.shape[-1]} instead of "
                f"{ours.shape[-1]}."
            )
        if mask is not None:
            ours, theirs = ours[mask.flatten()], theirs[mask.flatten()]
        distance = functional.kl_div(
            functional.log_softmax(ours / temperature, -1),
            functional.log_softmax(theirs / temperature, -1),
            reduction="batchmean",
            log_target=True,
        )
        return distance * temperature**2

    @abstractmethod
    def score(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return one number for each example, shape ``(n,)``; NaN where outputs are NaN or infinite."""

    @abstractmethod
    def metric(self, mean_score: float) -> float:
        """Return the metric of a mean score."""

    @abstractmethod
    def chance_score(self, targets: Tensor, n_classes: int) -> float:
        """Return the mean score of chance: of guessing without the inputs.

        Args:
            targets: All targets of a split.
            n_classes: Number of classes.
        """

    @abstractmethod
    def skill(self, mean_score: float, chance_score: float) -> float:
        """Return the skill of a mean score: 0 for chance, 1 for a perfect score, negative below chance."""

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return each example's mean cross-entropy over its counted predictions, nats, shape ``(n,)``."""
        n = len(targets)
        values = functional.cross_entropy(
            class_logits(outputs, targets).flatten(0, -2).float(),
            targets.flatten(),
            reduction="none",
        )
        return values.view(n, -1).mean(-1) * (targets.numel() / n / self.counts(targets))

    def run(self, model: nn.Module, inputs: Tensor, state: Any = None) -> tuple[Any, Any]:
        """Return a model's outputs, and the state for the next batch, detached.

        A model with a state has a method ``advance(inputs, state) -> (logits, state)``; its state is one tensor
        ``(layers, n, features)`` or several. Where the batch is smaller, the first ``n`` rows are used.

        Args:
            model: The model.
            inputs: One batch.
            state: State after the last batch; None at the start.
        """
        advance = getattr(model, "advance", None) if self.carries_state else None
        with explained(model, inputs):
            if advance is None:
                return model(inputs), None
            outputs, state = advance(inputs, carried(state, len(inputs)))
        return outputs, carried(state, len(inputs))


class Classification(Task):
    """One class for each example; the metric is the accuracy, percent.

    Example:
        >>> task = Classification()
        >>> task.score(torch.tensor([[2.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 1]))
        tensor([1., 0.])
        >>> task.metric(0.5)
        50.0
    """

    name = "classification"
    metric_name = "accuracy"
    unit = "%"
    higher_is_better = True

    def labels(self, where: str, targets: Tensor) -> Tensor:
        """See :meth:`Task.labels`: one class for each example, shape ``(n,)``."""
        return as_labels(where, targets, self.name)

    def check(self, where: str, outputs: Any, targets: Tensor, labels: Tensor) -> int | None:
        """See :meth:`Task.check`."""
        return check_predictions(where, outputs, targets, labels, self.name)

    def score(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return 1 for correct, 0 for wrong predictions, NaN where outputs are not finite, shape ``(n,)``."""
        largest, answers = class_logits(outputs, targets).max(-1)
        return (answers == targets).float() + (largest - largest).float()  # NaN where not finite

    def metric(self, mean_score: float) -> float:
        """Return the accuracy, percent."""
        return 100.0 * mean_score

    def chance_score(self, targets: Tensor, n_classes: int) -> float:
        """Return the share of the most frequent class."""
        return float(torch.bincount(targets.flatten(), minlength=n_classes).max()) / targets.numel()

    def skill(self, mean_score: float, chance_score: float) -> float:
        """See :meth:`Task.skill`."""
        return (mean_score - chance_score) / max(1.0 - chance_score, 1e-12)


class TextClassification(Classification):
    """One class for each text; scored like any classification.

    Example:
        >>> TextClassification().name
        'text_classification'
    """

    name = "text_classification"


class LanguageModel(Task):
    """The next token for each token; the metric is the perplexity.

    Tokens with the label -100 do not count in the loss and the score, which are means over the others.

    Example:
        >>> task = LanguageModel()
        >>> task.score(torch.zeros(2, 3, 8), torch.zeros(2, 3, dtype=torch.int64))
        tensor([2.0794, 2.0794])
        >>> round(task.metric(2.0794), 2)
        8.0
    """

    name = "language_model"
    metric_name = "perplexity"
    higher_is_better = False
    carries_state = True
    scored_by_loss = True

    def labels(self, where: str, targets: Tensor) -> Tensor:
        """See :meth:`Task.labels`: one token each, shape ``(n, T)``; -100 does not count."""
        return as_labels(where, targets, self.name)

    def check(self, where: str, outputs: Any, targets: Tensor, labels: Tensor) -> int | None:
        """See :meth:`Task.check`."""
        return check_predictions(where, outputs, targets, labels, self.name)

    def score(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return each sequence's mean negative log-likelihood per token, nats, shape ``(n,)``."""
        return self.losses(outputs, targets)

    def metric(self, mean_score: float) -> float:
        """Return the perplexity, at most e^690."""
        return math.exp(min(mean_score, 690.0))

    def chance_score(self, targets: Tensor, n_classes: int) -> float:
        """Return the negative log-likelihood of a uniform guess among all tokens."""
        return math.log(n_classes)

    def skill(self, mean_score: float, chance_score: float) -> float:
        """See :meth:`Task.skill`."""
        return 1.0 - mean_score / max(chance_score, 1e-12)


TASKS: Registry[Task] = Registry(
    "task", {kind.name: kind() for kind in (Classification, TextClassification, LanguageModel)}
)
"""Tasks by name."""


def get_task(name: str) -> Task:
    """Return the task called ``name``.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.

    Example:
        >>> get_task("language_model").metric_name
        'perplexity'
    """
    return TASKS.get(name)


def carried(state: Any, n: int) -> Any:
    """Return the first ``n`` rows of a state, a tensor or a tuple of tensors, detached."""
    if isinstance(state, Tensor):
        return state[:, :n].detach()
    return None if state is None else tuple(carried(part, n) for part in state)


def lost_unit(task: Task) -> str:
    """Return the unit of differences of a task's metric: points of a percentage.

    Example:
        >>> lost_unit(get_task("classification"))
        'pp'
    """
    return "pp" if task.unit == "%" else task.unit
