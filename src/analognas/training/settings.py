"""Parts of a recipe: optimizer, learning rate schedule, early abort, checkpoints, distillation."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ..core import InvalidArgumentError
from ..core.settings import Settings

_ONE_CYCLE_RISE, _ONE_CYCLE_START = 0.3, 1.0 / 25.0  # share of the training; first factor
_Decay = Annotated[float, Field(ge=0, lt=1)]


class OptimizerSettings(Settings):
    """The optimizer of the weights.

    Weight decay acts on matrices and kernels only: not on biases, norms and input ranges.

    Source: Loshchilov and Hutter, ICLR 2019 (AdamW).

    Example:
        >>> OptimizerSettings().kind
        'sgd'
    """

    settings_name = "optimizer"

    kind: Literal["sgd", "adamw"] = Field(
        default="sgd", description="sgd: stochastic gradient descent with momentum. adamw: AdamW."
    )
    lr: float = Field(default=0.05, gt=0, description="Largest learning rate.")
    momentum: float = Field(default=0.9, ge=0, le=1, description="Momentum of SGD.")
    nesterov: bool = Field(default=True, description="Whether SGD uses Nesterov momentum.")
    betas: tuple[_Decay, _Decay] = Field(
        default=(0.9, 0.999), description="Decay rates of AdamW's two moving averages."
    )
    weight_decay: float = Field(
        default=5e-4,
        ge=0,
        description="Weight decay: an L2 penalty with SGD, decoupled with AdamW.",
    )


class Schedule(Settings):
    """Learning rate during training, as a factor of the largest learning rate.

    Example:
        >>> schedule = Schedule(kind="step", milestones=(0.5,), gamma=0.1)
        >>> schedule.factor(0, 10, 100), schedule.factor(50, 10, 100)
        (1.0, 0.1)

    Sources: cosine: Loshchilov and Hutter, ICLR 2017. One cycle: Smith and Topin, arXiv:1708.07120, with the
    shape of ``torch.optim.lr_scheduler.OneCycleLR`` and constant momentum.
    """

    settings_name = "schedule"

    kind: Literal["cosine", "one_cycle", "step", "constant"] = Field(
        default="cosine",
        description="cosine: from 1 to `final`. one_cycle: from 1/25 to 1 over the first 30 % of the training, "
        "then to `final`, both along a cosine. step: multiplied by `gamma` at each milestone. constant: 1.",
    )
    warmup: float = Field(
        default=0.0,
        ge=0,
        description="Epochs, possibly a fraction, over which the rate rises linearly from 0.",
    )
    final: float = Field(
        default=0.0, ge=0, le=1, description="Last factor of cosine and one_cycle."
    )
    milestones: tuple[float, ...] = Field(
        default=(0.5, 0.75), description="Steps of `step`, as fractions of the training; ascending."
    )
    gamma: float = Field(default=0.1, gt=0, description="Factor of each step.")

    @field_validator("milestones")
    @classmethod
    def _check_milestones(cls, milestones: tuple[float, ...]) -> tuple[float, ...]:
        rising = all(a <= b for a, b in pairwise(milestones))
        if not rising or not all(0.0 < a < 1.0 for a in milestones):
            raise InvalidArgumentError(
                "it must hold ascending fractions of the training between 0 and 1, but got "
                f"{list(milestones)}."
            )
        return milestones

    def factor(self, step: int, steps_per_epoch: int, n_steps: int) -> float:
        """Return the factor of the learning rate at a step.

        Args:
            step: Steps done so far, 0 at the first.
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
    """Return the value at a fraction of half a cosine."""
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * share))


class EarlyAbort(Settings):
    """When a training ends because it is hopeless; off by default.

    Example:
        >>> EarlyAbort(after=2, min_skill=0.1).after
        2
    """

    settings_name = "early abort"

    after: int = Field(
        default=0,
        ge=0,
        description="First epoch, from 1, that must reach `min_skill`; 0: never checked.",
    )
    min_skill: float = Field(
        default=0.05,
        le=1,
        description="Skill to reach: 0 is chance, 1 is perfect. For accuracy it is the fraction of the errors "
        "of chance that is avoided, for perplexity that of its cross-entropy.",
    )
    curve: tuple[float, ...] = Field(
        default=(),
        description="Metric to reach after each epoch, such as a percentile of earlier runs "
        "(percentile_curve); later epochs are not checked.",
    )


class Saving(Settings):
    """How often a checkpoint is written.

    The results do not depend on it: a resumed training equals an uninterrupted one bit for bit.

    Example:
        >>> from analognas.training import DigitalRecipe
        >>> DigitalRecipe(saving=Saving(every_seconds=600, at_epochs=False)).saving.every_steps
        0
    """

    settings_name = "saving"

    every_steps: int = Field(
        default=0, ge=0, description="Steps between two checkpoints; 0: not by steps."
    )
    every_seconds: float = Field(
        default=60.0,
        ge=0,
        description="Time between two checkpoints; 0: not by time.",
        json_schema_extra={"unit": "s"},
    )
    at_epochs: bool = Field(
        default=True, description="Whether each epoch starts and ends with one."
    )


class Distillation(Settings):
    """Learning from the outputs of the digital network, besides the targets.

    Source: Rasch et al., Nat. Commun. 14:5282, 2023; Hinton, Vinyals and Dean, arXiv:1503.02531.

    Example:
        >>> Distillation(weight=0.9, temperature=4.0).weight
        0.9
    """

    settings_name = "distillation"

    weight: float = Field(
        default=0.9, ge=0, le=1, description="Weight of the teacher in the loss; 0: no teacher."
    )
    temperature: float = Field(
        default=4.0, gt=0, description="Temperature of both softmaxes (Task.distillation_loss)."
    )
