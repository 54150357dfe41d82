"""Traits of networks by name: what may make them robust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..spaces import Population, Space, encode_features, feature_names
from .effects import Floats

__all__ = ["TRAITS", "Trait", "traits_of"]


@dataclass(frozen=True)
class Trait:
    """A property of networks that an encoding of their space knows.

    Attributes:
        name: Short name.
        encoding: The encoding.
        feature: Its column.
        words: What is counted, for tables and figures.
        one: One of them, for sentences.

    Example:
        >>> depth = TRAITS[0]
        >>> depth.name, depth.words
        ('depth', 'convolutions on the longest path')
    """

    name: str
    encoding: str
    feature: str
    words: str
    one: str


_BRANCHES = "branches that meet in one sum"
_PATH = "on the longest path"
_SKIP = "on skip connections"

TRAITS = (
    Trait(
        "depth", "canonical", "most:convolutions", f"convolutions {_PATH}", f"convolution {_PATH}"
    ),
    Trait("width", "canonical", "widest_sum", _BRANCHES, "branch that meets others in a sum"),
    Trait("skips", "operations", "live_skip_connect", "skip connections", "skip connection"),
    Trait("conv3x3", "operations", "live_nor_conv_3x3", "3 x 3 convolutions", "3 x 3 convolution"),
    Trait("conv1x1", "operations", "live_nor_conv_1x1", "1 x 1 convolutions", "1 x 1 convolution"),
    Trait("pools", "operations", "live_avg_pool_3x3", "average poolings", "average pooling"),
    Trait("depth", "structure", "depth", f"layers {_PATH}", f"layer {_PATH}"),
    Trait("branches", "structure", "mean_branches", "parallel branches (mean)", "parallel branch"),
    Trait("width", "structure", "mean_width", "channels (mean)", "channel"),
    Trait("projections", "structure", "projections", f"layers {_SKIP}", f"layer {_SKIP}"),
)
"""Traits of cells of NAS-Bench-201, then those of spaces that list their layers."""


def traits_of(space: Space, population: Population) -> dict[Trait, Floats]:
    """Return the traits that a space knows, shape ``(n,)`` each; those that are all equal are omitted.

    Args:
        space: The space.
        population: Genotypes, shape ``(n, n_genes)``.
    """
    known = {encoding.name for encoding in space.encodings()}
    found: dict[Trait, Floats] = {}
    columns: dict[tuple[str, str], Floats] = {}
    for encoding in sorted({trait.encoding for trait in TRAITS} & known):
        features = encode_features(space, population, encoding).astype(np.float64)
        names = feature_names(space, encoding)
        columns |= {(encoding, name): features[:, i] for i, name in enumerate(names)}
    for trait in TRAITS:
        values = columns.get((trait.encoding, trait.feature))
        if values is not None and np.ptp(values) > 0:
            found[trait] = values
    return found
