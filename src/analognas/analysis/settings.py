"""Settings of an analysis of a table."""

from __future__ import annotations

from pydantic import Field

from ..core.settings import Settings

__all__ = ["AnalysisSettings"]


class AnalysisSettings(Settings):
    """Settings of an analysis of what makes networks robust.

    Example:
        >>> settings = AnalysisSettings(table="my-table.parquet", margin=20.0)
        >>> settings.confidence
        0.95
    """

    settings_name = "analysis"

    table: str | None = Field(
        default=None, description="File of a measured table; null: AnalogNAS-Bench."
    )
    margin: float = Field(
        default=6.0,
        gt=0,
        description="Networks whose digital accuracy is at most this far below the best take part.",
        json_schema_extra={"unit": "points"},
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Level of the intervals.")
