"""Parts of a recipe: optimizer, schedule, when to give up, how often to save; all frozen and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..core import InvalidArgumentError, check_choice, check_float, check_int

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("cosine", "one_cycle", "step", "constant")
_ONE_CYCLE_RISE, _ONE_CYCLE_START = 0.3, 1.0 / 25.0  # share of the training; first factor


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """What moves the weights.

    Weight decay acts on matrices and kernels only: not on biases, norms and input ranges.

    Attributes:
        kind: ``"sgd"`` (with momentum) or ``"adamw"``.
        lr: Largest learning rate.
        momentum: Momentum of SGD.
        nesterov: Whether SGD's momentum looks ahead.
        betas: Decay rates of AdamW's two averages.
        weight_decay: Of SGD as an L2 penalty, of AdamW decoupled.

    Source: Loshchilov and Hutter, ICLR 2019 (AdamW).
    """

    kind: str = "sgd"
    lr: float = 0.05
    momentum: float = 0.9
    nesterov: bool = True
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        check_choice("optimizer.kind", self.kind, OPTIMIZERS)
        check_positive("optimizer.lr", self.lr)
        check_float("optimizer.momentum", self.momentum, minimum=0.0, maximum=1.0)
        check_bool("optimizer.nesterov", self.nesterov)
        check_float("optimizer.weight_decay", self.weight_decay, minimum=0.0)
        betas = check_floats("optimizer.betas", self.betas)
        if len(betas) != 2 or not all(0.0 <= beta < 1.0 for beta in betas):
            raise InvalidArgumentError(
                f"`optimizer.betas` must be two numbers in [0, 1), but got {self.betas!r}."
            )
        object.__setattr__(self, "betas", betas)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Learning rate through training, as a factor on the largest.

    Attributes:
        kind: ``"cosine"``: from 1 to ``final``; ``"one_cycle"``: from 1/25 to 1 over the first 30 % of the
            training, then to ``final``, both along a cosine; ``"step"``: times ``gamma`` at each milestone;
            ``"constant"``.
        warmup: Epochs, or part of one, over which the rate rises evenly from 0.
        final: Factor at the end, for ``"cosine"`` and ``"one_cycle"``.
        milestones: When to step, as shares of the whole training.
        gamma: Factor of each step.

    Example:
        >>> schedule = Schedule(kind="step", milestones=(0.5,), gamma=0.1)
        >>> schedule.factor(0, 10, 100), schedule.factor(50, 10, 100)
        (1.0, 0.1)

    Source of the cosine: Loshchilov and Hutter, ICLR 2017. Source of the one cycle: Smith and Topin,
    arXiv:1708.07120; shape and shares as in ``torch.optim.lr_scheduler.OneCycleLR``, with constant momentum.
    """

    kind: str = "cosine"
    warmup: float = 0.0
    final: float = 0.0
    milestones: tuple[float, ...] = (0.5, 0.75)
    gamma: float = 0.1

    def __post_init__(self) -> None:
        check_choice("schedule.kind", self.kind, SCHEDULES)
        check_float("schedule.warmup", self.warmup, minimum=0.0)
        check_float("schedule.final", self.final, minimum=0.0, maximum=1.0)
        check_positive("schedule.gamma", self.gamma)
        milestones = check_floats("schedule.milestones", self.milestones)
        if not all(0.0 < a < 1.0 for a in milestones) or sorted(milestones) != list(milestones):
            raise InvalidArgumentError(
                "`schedule.milestones` must be rising shares of the training in (0, 1), but got "
                f"{self.milestones!r}."
            )
        object.__setattr__(self, "milestones", milestones)

    def factor(self, step: int, steps_per_epoch: int, n_steps: int) -> float:
        """Return the factor at a step, the first being 0.

        Args:
            step: Steps made so far.
            steps_per_epoch: Steps of an epoch.
            n_steps: Steps of the whole training.
        """
        warm = min(round(self.warmup * steps_per_epoch), n_steps)
        if step < warm:
            return (step + 1) / (warm + 1)
        if self.kind == "cosine":
            return _cosine(1.0, self.final, (step - warm) / max(n_steps - warm, 1))
        if self.kind == "one_cycle":
            top = max(_ONE_CYCLE_RISE * n_steps, 1.0)
            if step < top:
                return _cosine(_ONE_CYCLE_START, 1.0, step / top)
            return _cosine(1.0, self.final, (step - top) / max(n_steps - top, 1.0))
        if self.kind == "step":
            return self.gamma ** sum(step >= milestone * n_steps for milestone in self.milestones)
        return 1.0

    def continues(self, epochs: int) -> bool:
        """Whether the factors of the first ``epochs`` do not depend on how many epochs follow."""
        return self.kind == "constant" and self.warmup <= epochs


def _cosine(first: float, last: float, share: float) -> float:
    """Return the value at a share of the way along half a cosine."""
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * share))


@dataclass(frozen=True, kw_only=True)
class EarlyAbort:
    """When a run is hopeless and ends; it is off until ``after`` or ``curve`` is given.

    Attributes:
        after: From this epoch on (counted from 1) a run must have learned something; 0: never ask.
        min_skill: What it must have reached by then: 0 is chance, 1 is perfection (for accuracy the share of
            the errors of guessing that is gone, for perplexity that of its cross-entropy).
        curve: Metric that a run must have reached after each epoch, such as a percentile of earlier runs
            (:func:`percentile_curve`); later epochs are not asked.

    Example:
        >>> EarlyAbort(after=2, min_skill=0.1).after
        2
    """

    after: int = 0
    min_skill: float = 0.05
    curve: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_int("abort.after", self.after, minimum=0)
        check_float("abort.min_skill", self.min_skill, maximum=1.0)
        object.__setattr__(self, "curve", check_floats("abort.curve", self.curve))


@dataclass(frozen=True, kw_only=True)
class Saving:
    """How often a run is saved.

    How often changes no result: a resumed run ends bit for bit as an uninterrupted one.

    Attributes:
        every_steps: After so many steps; 0: not counted.
        every_seconds: After so many seconds; 0: not timed.
        at_epochs: Whether it is also saved at the beginning and at the end of each epoch.
    """

    every_steps: int = 0
    every_seconds: float = 60.0
    at_epochs: bool = True

    def __post_init__(self) -> None:
        check_bool("saving.at_epochs", self.at_epochs)
        check_int("saving.every_steps", self.every_steps, minimum=0)
        check_float("saving.every_seconds", self.every_seconds, minimum=0.0)


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """Learning from the digital network's outputs beside the targets.

    Attributes:
        weight: Share of the teacher in the loss; 0: no teacher.
        temperature: Softens both outputs; see :meth:`~analognas.training.Task.distillation_loss`.

    Source: Rasch et al., Nat. Commun. 14:5282, 2023; Hinton, Vinyals and Dean, arXiv:1503.02531.
    """

    weight: float = 0.9
    temperature: float = 4.0

    def __post_init__(self) -> None:
        check_float("distillation.weight", self.weight, minimum=0.0, maximum=1.0)
        check_positive("distillation.temperature", self.temperature)


def check_bool(name: str, value: Any) -> None:
    """Check that a value is true or false.

    Raises:
        InvalidArgumentError: Otherwise.
    """
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"`{name}` must be true or false, but got {value!r}.")


def check_positive(name: str, value: Any) -> None:
    """Check that a number is above 0.

    Raises:
        InvalidArgumentError: Otherwise.
    """
    if check_float(name, value, minimum=0.0) == 0.0:
        raise InvalidArgumentError(f"`{name}` must be positive, but got {value!r}.")


def check_floats(name: str, values: Any) -> tuple[Any, ...]:
    """Return several finite numbers as a tuple.

    Raises:
        InvalidArgumentError: If they are none.
    """
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise InvalidArgumentError(f"`{name}` must be a list of numbers, but got {values!r}.")
    return tuple(check_float(f"{name}[{i}]", value) for i, value in enumerate(values))
