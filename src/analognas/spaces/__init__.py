"""Search spaces: what an architecture is, how it is changed, and how its network is built."""

from collections.abc import Callable

from ..core import Registry
from .base import Population, Space
from .config import Architecture, ConfigSpace
from .nasbench201 import NASBench201Space

SPACES: Registry[Callable[[], Space]] = Registry("space", {"nasbench201": NASBench201Space})
"""Spaces by the name that ``analognas search --space`` takes."""

__all__ = ["SPACES", "Architecture", "ConfigSpace", "NASBench201Space", "Population", "Space"]
