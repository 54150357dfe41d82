"""Settings of a fit of a device model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...core.settings import Settings

__all__ = ["FitSettings"]


class FitSettings(Settings):
    """Settings of a fit of a device model to measurements."""

    settings_name = "device fit"

    model: Literal["auto", "power-law", "relaxation"] = Field(
        default="auto", description="Model; auto: the one with the smaller AIC."
    )
    t_0: Annotated[float, Field(ge=0.0)] | None = Field(
        default=None,
        description="Time from programming to time 0 of the measurements; null: 20 s for a power law, else 0.",
        json_schema_extra={"unit": "s"},
    )
    t_read: float = Field(
        default=250e-9,
        gt=0.0,
        description="Duration of one reading.",
        json_schema_extra={"unit": "s"},
    )
    g_max: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None,
        description="Largest target of the device; null: the largest of the measurements.",
        json_schema_extra={"unit": "µS"},
    )
    degree: Annotated[int, Field(ge=0, le=8)] | None = Field(
        default=None,
        description="Degree of the polynomial of the programming noise; null: 3, of a relaxation 4, and below "
        "the number of targets.",
    )
    bootstrap: int = Field(default=1000, ge=0, description="Bootstrap samples of the devices.")
    confidence: float = Field(
        default=0.95, ge=0.5, le=0.999, description="Confidence level of the intervals."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the bootstrap.")
    keep_failed: bool = Field(
        default=False, description="Whether devices that drop to 0 or jump away stay in the fit."
    )
