"""Costs as JSON types."""

from __future__ import annotations

from typing import Any

__all__ = ["without_nan"]


def without_nan(value: Any) -> Any:
    """Return plain values; what is not known is null."""
    if isinstance(value, dict):
        return {name: without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and value != value else value
