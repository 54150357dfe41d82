"""FBNet: operations, settings, costs and networks of HW-NAS-Bench's second space."""

from .operations import OPERATIONS, SETTINGS
from .space import FBNetSpace

__all__ = ["OPERATIONS", "SETTINGS", "FBNetSpace"]
