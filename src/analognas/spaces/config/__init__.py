"""Configuration spaces: named hyperparameters with conditions and forbidden combinations."""

from ..hyperparameters import Choices, ContinuousInterval, Hyperparameter, IntegerInterval
from .architecture import Architecture
from .conditions import Condition, Forbidden
from .space import ConfigSpace

__all__ = [
    "Architecture",
    "Choices",
    "Condition",
    "ConfigSpace",
    "ContinuousInterval",
    "Forbidden",
    "Hyperparameter",
    "IntegerInterval",
]
