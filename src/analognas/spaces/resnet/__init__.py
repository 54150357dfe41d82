"""AnalogNAS's ResNet-like space: configurations, costs, features and networks."""

from .design import LAYOUTS, TARGETS, Layout
from .space import FEATURES, ResNetSpace

__all__ = ["FEATURES", "LAYOUTS", "TARGETS", "Layout", "ResNetSpace"]
