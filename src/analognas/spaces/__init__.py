"""Search spaces: representation of architectures, moves between them, and their networks."""

from .architecture_texts import ArchitectureLabels, architecture_labels, architecture_text
from .base import Population, Space
from .config import Architecture, ConfigSpace
from .counting import count_networks
from .designs import latin_hypercube, sobol
from .encodings import (
    ENCODINGS,
    Encoding,
    cost_encoding,
    default_encoding,
    encode_features,
    encodings_of,
    feature_names,
    register_encoding,
)
from .equal_networks import network_labels
from .fbnet import FBNetSpace
from .layers import STRUCTURE, LayerCounts, Layers, NamedLayers
from .nasbench201 import NASBench201Space
from .registry import SPACES, equal_spaces, find_space, is_registered_space, made_space, space_entry
from .resnet import ResNetSpace
from .restricted import common_space, restricted

__all__ = [
    "ENCODINGS",
    "SPACES",
    "STRUCTURE",
    "Architecture",
    "ArchitectureLabels",
    "ConfigSpace",
    "Encoding",
    "FBNetSpace",
    "LayerCounts",
    "Layers",
    "NASBench201Space",
    "NamedLayers",
    "Population",
    "ResNetSpace",
    "Space",
    "architecture_labels",
    "architecture_text",
    "common_space",
    "cost_encoding",
    "count_networks",
    "default_encoding",
    "encode_features",
    "encodings_of",
    "equal_spaces",
    "feature_names",
    "find_space",
    "is_registered_space",
    "latin_hypercube",
    "made_space",
    "network_labels",
    "register_encoding",
    "restricted",
    "sobol",
    "space_entry",
]
