"""Search spaces: what an architecture is, how it is changed, and how its network is built."""

from collections.abc import Callable

from ..core import Registry
from .base import Population, Space
from .encodings import (
    ENCODINGS,
    Encoding,
    encode_features,
    encodings_of,
    feature_names,
    register_encoding,
)
from .nasbench201 import NASBench201Space

SPACES: Registry[Callable[[], Space]] = Registry("space", {"nasbench201": NASBench201Space})
"""Spaces by the name that ``analognas search --space`` takes."""

__all__ = [
    "ENCODINGS",
    "SPACES",
    "Encoding",
    "NASBench201Space",
    "Population",
    "Space",
    "encode_features",
    "encodings_of",
    "feature_names",
    "register_encoding",
]
