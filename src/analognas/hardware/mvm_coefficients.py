"""Coefficients of the component model, as fitted to published chips, and their errors on chips held out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field

from ..core.settings import Settings

__all__ = ["COEFFICIENTS_FILE", "Coefficients", "HeldOutError", "coefficients"]

COEFFICIENTS_FILE = Path(__file__).parent / "silicon" / "coefficients.json"
"""Made by ``python -m analognas.hardware.silicon.fit_coefficients``."""


class HeldOutError(Settings):
    """Geometric mean error on chips that took no part in the fit: of a chip's points first, then of chips."""

    settings_name = "held-out error"

    factor: float = Field(ge=1.0, description="Geometric mean factor between model and silicon.")
    low: float = Field(ge=1.0, description="2.5 % quantile of bootstraps over chips.")
    high: float = Field(ge=1.0, description="97.5 % quantile of bootstraps over chips.")
    chips: int = Field(ge=1, description="Chips.")
    points: int = Field(ge=1, description="Operating points.")
    within: float = Field(
        default=1.0, ge=0.0, le=1.0, description="Share of chips whose error is at most the factor."
    )
    bias: float = Field(
        default=1.0, gt=0.0, description="Geometric mean of model over silicon; 1 without a bias."
    )
    wide: float = Field(default=1.0, ge=1.0, description="Factor that 90 % of chips lie within.")


class Coefficients(Settings):
    """Non-negative coefficients of the components; units as :mod:`.mvm_model` states."""

    settings_name = "coefficients"

    energy: tuple[float, ...] = Field(description="Of the energy terms.")
    time: tuple[float, ...] = Field(description="Of the time terms.")
    area: tuple[float, ...] = Field(description="Of the area terms.")
    errors: dict[str, HeldOutError] = Field(default={}, description="Held-out errors by name.")


@lru_cache(maxsize=1)
def coefficients() -> Coefficients:
    """Return the coefficients that ship with the package."""
    return Coefficients.load(COEFFICIENTS_FILE)
