"""Search spaces: what an architecture is, how it is changed, and how its network is built."""

from collections.abc import Callable
from functools import partial

from ..core import Registry
from .base import Population, Space
from .config import Architecture, ConfigSpace
from .designs import evolve, latin_hypercube, sobol
from .encodings import (
    ENCODINGS,
    Encoding,
    default_encoding,
    encode_features,
    encodings_of,
    feature_names,
    register_encoding,
)
from .fbnet import FBNetSpace
from .layers import STRUCTURE, LayerCounts, Layers
from .nasbench201 import NASBench201Space
from .resnet import ResNetSpace

SPACES: Registry[Callable[[], Space]] = Registry(
    "space",
    {
        "nasbench201": NASBench201Space,
        "resnet": ResNetSpace,
        "resnet_vww": partial(ResNetSpace, "VWW"),
        "resnet_kws": partial(ResNetSpace, "KWS"),
        "fbnet": FBNetSpace,
        "fbnet_imagenet": partial(FBNetSpace, "ImageNet"),
    },
)
"""Spaces by the name that ``analognas search --space`` takes."""

__all__ = [
    "ENCODINGS",
    "SPACES",
    "STRUCTURE",
    "Architecture",
    "ConfigSpace",
    "Encoding",
    "FBNetSpace",
    "LayerCounts",
    "Layers",
    "NASBench201Space",
    "Population",
    "ResNetSpace",
    "Space",
    "default_encoding",
    "encode_features",
    "encodings_of",
    "evolve",
    "feature_names",
    "latin_hypercube",
    "register_encoding",
    "sobol",
]
