"""Optimizers by name; the room fills it when it is imported."""

from __future__ import annotations

from collections.abc import Callable

from ..core import Registry
from .base import Optimizer

__all__ = ["OPTIMIZERS"]

OPTIMIZERS: Registry[Callable[..., Optimizer]] = Registry("optimizer", {})
"""Optimizers by the name that ``analognas search --optimizer`` takes."""
