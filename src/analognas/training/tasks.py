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

from ..core import Registry, check_float


class Task(ABC):
    """One kind of supervised problem.

    Outputs are logits with the classes last, or a tuple or an object with an attribute ``logits`` that holds
    them, as recurrent models and those of transformers return.

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

    def loss(self, outputs: Any, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy over all predictions of a batch, a scalar, in nats.

        Args:
            outputs: Logits, shape ``(*targets.shape, n_classes)``.
            targets: Classes, integers.
            label_smoothing: Share of each target that is spread evenly over all classes.

        Source of the smoothing: Szegedy et al., CVPR 2016.
        """
        predictions = logits(outputs)
        return functional.cross_entropy(
            predictions.flatten(0, -2).float(), targets.flatten(), label_smoothing=label_smoothing
        )

    def distillation_loss(
        self, outputs: Any, teacher_outputs: Any, temperature: float = 4.0
    ) -> Tensor:
        r"""Return how far the outputs are from a teacher's, a scalar, in nats.

        .. math:: T^2\, \mathrm{KL}(\mathrm{softmax}(z_{teacher}/T)\,\|\,\mathrm{softmax}(z/T))

        Args:
            outputs: Logits.
            teacher_outputs: Those of the teacher, of the same shape; no gradient goes to them.
            temperature: T; larger values weigh the unlikely classes more.

        Raises:
            InvalidArgumentError: If the temperature is not positive.

        Source: Hinton, Vinyals and Dean, arXiv:1503.02531; the mean over all predictions.
        """
        check_float("temperature", temperature, minimum=1e-6)
        ours = functional.log_softmax(logits(outputs).flatten(0, -2).float() / temperature, -1)
        theirs = logits(teacher_outputs).detach().flatten(0, -2).float() / temperature
        target = functional.log_softmax(theirs, -1)
        distance = functional.kl_div(ours, target, reduction="batchmean", log_target=True)
        return distance * temperature**2

    @abstractmethod
    def score(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return one number for each example, shape ``(n,)``."""

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
        """Return each example's mean cross-entropy over its predictions, nats, shape ``(n,)``."""
        values = functional.cross_entropy(
            logits(outputs).flatten(0, -2).float(), targets.flatten(), reduction="none"
        )
        return values.view(len(targets), -1).mean(-1)

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

    def score(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return 1 for each right answer and 0 for each wrong one, shape ``(n,)``."""
        return (logits(outputs).argmax(-1) == targets).float()

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


def logits(outputs: Any) -> Tensor:
    """Return the logits among a model's outputs.

    Example:
        >>> logits((torch.zeros(2, 3), None)).shape
        torch.Size([2, 3])
    """
    if isinstance(outputs, tuple):
        outputs = outputs[0]
    found: Tensor = getattr(outputs, "logits", outputs)
    return found


def carried(state: Any, n: int) -> Any:
    """Return the first ``n`` rows of a state, a tensor or a tuple of them, without its history."""
    if isinstance(state, Tensor):
        return state[:, :n].detach()
    return None if state is None else tuple(carried(part, n) for part in state)
