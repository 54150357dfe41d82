"""Configuration spaces: named hyperparameters with conditions and forbidden combinations."""

from .architecture import Architecture
from .conditions import Condition, Forbidden
from .hyperparameters import Choices, ContinuousInterval, Hyperparameter, IntegerInterval
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
