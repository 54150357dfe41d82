"""Tasks: what a model's outputs mean, how they are scored, and which number a person sees.

A score is one number for each example, so that whoever averages scores (over examples, chips or times) also
knows their spread; the metric is a function of the mean score.
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
    """One kind of supervised problem.

    Outputs are logits with the classes last; or one logit for each label, that of class 1 of two; or a tuple,
    mapping or object that holds them (:mod:`~analognas.training.predictions`).

    Attributes:
        name: How a person asks for it.
        metric_name: Name of the metric, without where it was measured.
        unit: Unit of the metric; empty for none.
        higher_is_better: The direction in which the metric improves.
        carries_state: Whether a model's state goes from one batch to the next.
        scored_by_loss: Whether the score is the loss.
    """

    name: ClassVar[str]
    metric_name: ClassVar[str]
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool]
    carries_state: ClassVar[bool] = False
    scored_by_loss: ClassVar[bool] = False

    def labels(self, where: str, targets: Tensor) -> Tensor:
        """Return labels in the shape that :meth:`score` takes. Called once, with all labels.

        Args:
            where: What they belong to, for error messages.
            targets: Labels as they were given.

        Raises:
            InvalidArgumentError: If they cannot be labels of this task.
        """
        return targets

    def check(self, where: str, outputs: Any, targets: Tensor, labels: Tensor) -> int | None:
        """Check that a network's outputs fit the labels. Called with its first batch, before any score.

        Args:
            where: What the labels belong to, for error messages.
            outputs: What the network returned.
            targets: Labels of the batch.
            labels: All labels, of this batch and those to come.

        Returns:
            The number of classes that the network distinguishes; None where there are no classes.

        Raises:
            InvalidArgumentError: If they do not.
        """
        return None

    def counts(self, targets: Tensor) -> Tensor:
        """Return how many predictions of each example count, its weight in the mean score, shape ``(n,)``."""
        return counted(targets).reshape(len(targets), -1).sum(-1)

    def loss(self, outputs: Any, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy over all predictions of a batch, a scalar, in nats.

        Args:
            outputs: Logits, shape ``(*targets.shape, n_classes)``, or one for each target.
            targets: Classes, integers; those that are -100 do not count.
            label_smoothing: Share of each target that is spread evenly over all classes.

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
        r"""Return how far the outputs are from a teacher's, a scalar, in nats.

        .. math:: T^2\, \mathrm{KL}(\mathrm{softmax}(z_{teacher}/T)\,\|\,\mathrm{softmax}(z/T))

        Args:
            outputs: Logits.
            teacher_outputs: Those of the teacher, of the same shape; no gradient goes to them.
            temperature: T; larger values weigh the unlikely classes more.
            targets: Labels of the batch, of which the shape matters where outputs are squeezed.
            mask: Which predictions count, one for each label; None: all.

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
        """Return the mean score of guessing without looking at the inputs.

        Args:
            targets: All targets of a split.
            n_classes: Number of classes.
        """

    @abstractmethod
    def skill(self, mean_score: float, chance_score: float) -> float:
        """Return how far a mean score is from chance (0) to perfection (1); below chance it is negative."""

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return each example's mean cross-entropy over its predictions that count, nats, shape ``(n,)``."""
        n = len(targets)
        values = functional.cross_entropy(
            class_logits(outputs, targets).flatten(0, -2).float(),
            targets.flatten(),
            reduction="none",
        )
        return values.view(n, -1).mean(-1) * (targets.numel() / n / self.counts(targets))

    def run(self, model: nn.Module, inputs: Tensor, state: Any = None) -> tuple[Any, Any]:
        """Return a model's outputs, and the state for the next batch without its history.

        A model that carries a state has ``advance(inputs, state) -> (logits, state)``, whose state is tensors
        ``(layers, n, features)``; of a longer one the first ``n`` rows are taken.

        Args:
            model: The model.
            inputs: One batch.
            state: What the last batch returned; None at the beginning.
        """
        advance = getattr(model, "advance", None) if self.carries_state else None
        with explained(model, inputs):
            if advance is None:
                return model(inputs), None
            outputs, state = advance(inputs, carried(state, len(inputs)))
        return outputs, carried(state, len(inputs))


class Classification(Task):
    """One class for each example; the metric is accuracy in percent.

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
        """Return 1 for each right answer, 0 for each wrong one, NaN where there is none, shape ``(n,)``."""
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
    """One class for each text: scored as any classification."""

    name = "text_classification"


class LanguageModel(Task):
    """The next token of each token; the metric is perplexity.

    Tokens whose label is -100 count neither in the loss nor in the score, which are means over the others.

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
        """See :meth:`Task.labels`: a token each, shape ``(n, T)``; those that are -100 do not count."""
        return as_labels(where, targets, self.name)

    def check(self, where: str, outputs: Any, targets: Tensor, labels: Tensor) -> int | None:
        """See :meth:`Task.check`."""
        return check_predictions(where, outputs, targets, labels, self.name)

    def score(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return each sequence's mean negative log-likelihood a token, nats, shape ``(n,)``."""
        return self.losses(outputs, targets)

    def metric(self, mean_score: float) -> float:
        """Return the perplexity, at most e^690."""
        return math.exp(min(mean_score, 690.0))

    def chance_score(self, targets: Tensor, n_classes: int) -> float:
        """Return the negative log-likelihood of guessing evenly among all tokens."""
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
    """Return the first ``n`` rows of a state, a tensor or a tuple of them, without its history."""
    if isinstance(state, Tensor):
        return state[:, :n].detach()
    return None if state is None else tuple(carried(part, n) for part in state)
