"""How a network is kept accurate on a chip, as settings."""

from __future__ import annotations

import math
from collections import Counter
from typing import Annotated

from pydantic import Field, model_validator

from ..core import InvalidArgumentError
from ..core.settings import Settings, quantity
from .recalibration import DAY

__all__ = [
    "ONE_AN_HOUR",
    "POLICIES",
    "UpkeepPolicy",
    "UpkeepSettings",
    "count_compensations",
    "last_compensation",
]

ONE_AN_HOUR = 1.0 / 3600.0
"""Inferences a second where nothing else is said."""
_MONTH, _YEAR = 30 * DAY, 365 * DAY
_Period = Annotated[float, Field(ge=1.0, le=1e12)]


class UpkeepPolicy(Settings):
    """What is done, and how often, to keep a network accurate.

    Example:
        >>> UpkeepPolicy(name="both", compensate_every=86400.0, reprogram_every=2592000.0).reprogram_every
        2592000.0
    """

    settings_name = "policy"

    name: str = Field(min_length=1, description="What it is called.")
    compensate_every: _Period | None = quantity(
        None,
        "s",
        "Time between two measurements of the drift compensation; null: none is measured.",
    )
    reprogram_every: _Period | None = quantity(
        None,
        "s",
        "Time between two writings of all weights, which resets drift; null: written once.",
    )
    reference_mvms: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="MVMs of a crossbar in one measurement of the compensation; null: one for each row.",
    )


POLICIES = (
    UpkeepPolicy(name="never"),
    UpkeepPolicy(name="compensate daily", compensate_every=DAY),
    UpkeepPolicy(name="reprogram monthly", reprogram_every=_MONTH),
    UpkeepPolicy(name="both", compensate_every=DAY, reprogram_every=_MONTH),
)
"""The policies that are compared by default."""


class UpkeepSettings(Settings):
    """Settings of a comparison of policies.

    Example:
        >>> from analognas.hardware import UpkeepPolicy
        >>> weekly = UpkeepPolicy(name="weekly", compensate_every=7 * 86400)
        >>> UpkeepSettings(policies=(weekly,), rate=1.0).duration / 86400
        365.0
    """

    settings_name = "policy comparison"

    policies: tuple[UpkeepPolicy, ...] = Field(
        default=POLICIES, min_length=1, description="The policies to compare."
    )
    rate: float = quantity(
        ONE_AN_HOUR, "1/s", "Inferences a second; one an hour by default.", ge=0.0, le=1e12
    )
    duration: float = quantity(_YEAR, "s", "Time since the first programming.", ge=60.0, le=1e10)
    chips: int = Field(default=10, ge=2, description="Number of simulated chips.")
    examples: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="Number of test examples; null: those of the training."
    )
    iterations: Annotated[float, Field(ge=1.0)] | None = Field(
        default=None,
        description="Limit of programming iterations of a device, which saves energy and adds noise; null: the "
        "chip's own.",
    )
    batch_size: int = Field(default=256, ge=1, description="Examples of a batch.")
    seed: int = Field(default=0, ge=0, description="Seed of all draws.")

    @model_validator(mode="after")
    def _check_names(self) -> UpkeepSettings:
        name, count = Counter(policy.name for policy in self.policies).most_common(1)[0]
        if count > 1:
            raise InvalidArgumentError(
                f"`policies` must have different names, but {count} are called {name!r}."
            )
        return self


def count_compensations(policy: UpkeepPolicy, t: float, period: float) -> int:
    """Return the measurements of the compensation until a time."""
    if policy.compensate_every is None:
        return 0
    whole, rest = divmod(t, period)
    return int(whole) * math.floor(period / policy.compensate_every) + math.floor(
        rest / policy.compensate_every
    )


def last_compensation(period: float | None, age: float) -> float | None:
    """Return when the compensation was last measured at an age; None: never since programming."""
    return None if period is None or age < period else period * math.floor(age / period)
