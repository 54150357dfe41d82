"""Encodings: populations as matrices of features for predictors.

Encodings are selected by name; several can be joined by ``+`` (``"canonical+one_hot"``). All spaces have
``raw`` and ``one_hot``, which encode genes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import InvalidArgumentError, Registry, UnknownNameError
from .base import Space
from .gene_encodings import ONE_HOT, RAW, Encoding, Features
from .layers import STRUCTURE_ENCODING
from .nasbench201.space import CANONICAL, OPERATION_COUNTS
from .resnet.space import PUBLISHED

__all__ = [
    "ENCODINGS",
    "Encoding",
    "cost_encoding",
    "default_encoding",
    "encode_features",
    "encodings_of",
    "feature_names",
    "register_encoding",
]


def encode_features(space: Space, population: Any, encoding: str = "canonical") -> Features:
    """Return the features of a population, shape ``(n, d)``, float32.

    Args:
        space: The space of the architectures.
        population: Matrix of genotypes, shape ``(n, n_genes)``, or architectures in any form of the space.
        encoding: Name of an encoding, or several joined by ``+``.

    Raises:
        UnknownNameError: If there is no such encoding for the space.
        OutOfSpaceError: If an architecture does not belong to the space.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> cells = [(2, 1, 1, 1, 0, 1), (0, 1, 1, 1, 2, 1)]  # the same network in two notations
        >>> features = encode_features(NASBench201Space(), cells)
        >>> features.shape, bool((features[0] == features[1]).all())
        ((2, 88), True)
    """
    rows = space.population(population)
    parts = [
        np.asarray(part.features(space, rows), dtype=np.float32) for part in _parts(space, encoding)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def feature_names(space: Space, encoding: str = "canonical") -> tuple[str, ...]:
    """Return the names of the columns of :func:`encode_features`.

    Raises:
        UnknownNameError: If there is no such encoding for the space.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> feature_names(NASBench201Space(), "raw")
        ('gene0', 'gene1', 'gene2', 'gene3', 'gene4', 'gene5')
    """
    return tuple(name for part in _parts(space, encoding) for name in part.names(space))


def encodings_of(space: Space) -> list[str]:
    """Return the names of the encodings of a space, the best first.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> encodings_of(NASBench201Space())
        ['canonical', 'operations', 'one_hot', 'raw']
    """
    return list(_encodings(space))


def default_encoding(space: Space) -> str:
    """Return the default encoding (or joined encodings) of surrogates for a space.

    Structure describes the size of a network, and one-hot genes where it is large. Structure alone predicts
    better from dozens of measurements, both together from hundreds.

    Example:
        >>> from analognas.spaces import FBNetSpace
        >>> default_encoding(FBNetSpace())
        'structure+one_hot'
    """
    first = encodings_of(space)[0]
    return "structure+one_hot" if first == "structure" else first


def cost_encoding(space: Space) -> str:
    """Return the joined encodings for predicting costs, the most promising first.

    These are counts of operations, then genes, then features of the graph; if a space counts no operations, its
    :func:`default_encoding`.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> cost_encoding(NASBench201Space())
        'operations+one_hot+canonical'
    """
    if {CANONICAL.name, OPERATION_COUNTS.name} <= set(encodings_of(space)):
        return "+".join([OPERATION_COUNTS.name, ONE_HOT.name, CANONICAL.name])
    return default_encoding(space)


def register_encoding(encoding: Encoding) -> None:
    """Register an encoding.

    Raises:
        InvalidArgumentError: If its name is taken or contains ``+``.

    Example:
        >>> def total(space, rows):
        ...     return rows.sum(axis=1, keepdims=True)
        >>> register_encoding(Encoding("total", total, lambda space: ("sum",)))
        >>> "total" in ENCODINGS
        True
    """
    if "+" in encoding.name:
        raise InvalidArgumentError(
            f"The name of an encoding must not contain '+', which joins encodings, but got {encoding.name!r}."
        )
    ENCODINGS.add(encoding.name, encoding)


def _encodings(space: Space) -> dict[str, Encoding]:
    """Return the encodings of a space by name: its own, then registered ones."""
    found = {encoding.name: encoding for encoding in space.encodings()}
    for name in ENCODINGS:
        if name not in found and ENCODINGS.get(name).applies(space):
            found[name] = ENCODINGS.get(name)
    return found


def _parts(space: Space, encoding: str) -> list[Encoding]:
    found = _encodings(space)
    parts = []
    for name in (part.strip() for part in str(encoding).split("+")):
        if name not in found:
            ENCODINGS.get(name)
            raise UnknownNameError(
                f"The space {space.name!r} has no encoding {name!r}. Choices: {', '.join(found)}."
            )
        parts.append(found[name])
    return parts


ENCODINGS: Registry[Encoding] = Registry(
    "encoding",
    {
        encoding.name: encoding
        for encoding in (CANONICAL, OPERATION_COUNTS, STRUCTURE_ENCODING, PUBLISHED, ONE_HOT, RAW)
    },
)
"""Encodings by name, the best first.

``canonical``: graph features of NAS-Bench-201 cells. ``operations``: for each of their operations, how often it
occurs, is executed, and depends on the input; suited to costs. ``structure``: depth, widths, parameters, MACs,
branches and tiles; for all spaces that list their layers. ``published``: values in the order of AnalogNAS's
evaluators. ``one_hot`` and ``raw``: genes, for all spaces.
"""
