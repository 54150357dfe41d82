"""Settings of studies of drift and of sensitivity."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from ..core import InvalidArgumentError
from ..core.settings import Settings, Time
from .chips import TIMES

__all__ = ["DriftSettings", "Source"]


class DriftSettings(Settings):
    """Settings of a study of drift or of sensitivity.

    Example:
        >>> settings = DriftSettings(checkpoint="my-training", times=["1 h", "1 y"], chips=10)
        >>> settings.times
        (3600.0, 31536000.0)
    """

    settings_name = "study"

    checkpoint: str | None = Field(
        default=None,
        description="Saved network: a file, or the folder of a run. Without analog layers it is mapped "
        "directly. Null: the network that `model` builds, with its weights.",
    )
    model: str | None = Field(
        default=None,
        description="Function of your own that builds the network, as module:function; null: the network that "
        "`checkpoint` names.",
    )
    direct: str | None = Field(
        default=None, description="Saved digital network that is mapped directly, for comparison."
    )
    times: tuple[Time, ...] = Field(
        default=TIMES,
        min_length=1,
        description="Times since programming; sensitivity is measured at the first.",
        json_schema_extra={"unit": "s"},
    )
    chips: int = Field(default=25, ge=1, description="Number of chips.")
    tolerance: float | None = Field(
        default=None,
        ge=1e-9,
        description="Sufficient half-width of the intervals, in the unit of the metric; null: all chips.",
    )
    examples: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="Number of test examples; null: those of the training."
    )
    calibration_examples: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Training examples for the input ranges of directly mapped networks; null: 3,200, or as "
        "many as `examples` and at least 64.",
    )
    data: str | None = Field(
        default=None, description="Name of the data set; null: that of the network's training."
    )
    root: str | None = Field(
        default=None, description="Folder of the data set; null: as in training."
    )
    analog: str | None = Field(
        default=None,
        description="Hardware of directly mapped networks, a preset or file; null: that of the hardware-aware "
        "network.",
    )
    devices: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="Memory devices, names or files, on each of which the network is measured; null: its own.",
    )
    kind: Literal["alone", "spared"] = Field(
        default="alone",
        description="For sensitivity: one layer analog at a time, or one layer digital at a time.",
    )
    batch_size: int = Field(default=256, ge=1, description="Examples of a batch.")
    seed: int = Field(default=0, ge=0, description="Seed of all draws.")

    @model_validator(mode="after")
    def _has_a_network(self) -> DriftSettings:
        if self.checkpoint is None and self.model is None:
            raise InvalidArgumentError(
                "`checkpoint` must name a saved network, or `model` a function that builds one, but both are "
                "null."
            )
        return self


Source: TypeAlias = DriftSettings | Mapping[str, Any] | str | os.PathLike[str]
"""Settings, a mapping of them, or a YAML or JSON file."""
