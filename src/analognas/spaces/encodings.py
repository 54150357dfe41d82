"""Encodings: a population as a matrix of numbers that a predictor can learn from.

An encoding is found by name, and several joined by ``+`` stand side by side (``"canonical+one_hot"``). A space
that a predictor is to be fitted on needs none of its own: ``raw`` and ``one_hot`` follow from the genes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, Registry, UnknownNameError
from .base import Population, Space
from .layers import STRUCTURE, LayerCounts
from .nasbench201 import (
    NASBench201Space,
    graph_feature_names,
    graph_features,
    operation_count_names,
    operation_counts,
)
from .resnet import ResNetSpace

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """One way to turn genotypes into features.

    Attributes:
        name: Its name in the registry; without ``+``, which joins encodings.
        features: From a space and a population, shape ``(n, n_genes)``, to features, shape ``(n, d)``.
        names: From a space to the names of the ``d`` columns.
        applies: Whether a space has it; any space by default.
    """

    name: str
    features: Callable[[Any, Population], NDArray[Any]]
    names: Callable[[Any], tuple[str, ...]]
    applies: Callable[[Space], bool] = lambda space: True


def encode_features(space: Space, population: Any, encoding: str = "canonical") -> Features:
    """Return the features of a population, shape ``(n, d)``, float32.

    Args:
        space: The space of the architectures.
        population: Matrix of genotypes, shape ``(n, n_genes)``, or architectures in any form of the space.
        encoding: Name of an encoding, or several joined by ``+``.

    Raises:
        UnknownNameError: If there is no such encoding, or the space has none by this name; lists the choices.
        OutOfSpaceError: If an architecture does not belong to the space.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> cells = [(2, 1, 1, 1, 0, 1), (0, 1, 1, 1, 2, 1)]  # one network, drawn in two ways
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
        UnknownNameError: If there is no such encoding, or the space has none by this name; lists the choices.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> feature_names(NASBench201Space(), "raw")
        ('gene0', 'gene1', 'gene2', 'gene3', 'gene4', 'gene5')
    """
    return tuple(name for part in _parts(space, encoding) for name in part.names(space))


def encodings_of(space: Space) -> list[str]:
    """Return the names of the encodings that a space has, the most telling first.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> encodings_of(NASBench201Space())
        ['canonical', 'operations', 'one_hot', 'raw']
    """
    return [name for name in ENCODINGS if ENCODINGS.get(name).applies(space)]


def default_encoding(space: Space) -> str:
    """Return the encoding, or joined encodings, that surrogates of a space learn from unless told otherwise.

    Structure says how large a network is, and one-hot genes where; alone, the first predicts better from some
    dozens of measurements, both together from some hundreds.

    Example:
        >>> from analognas.spaces import FBNetSpace
        >>> default_encoding(FBNetSpace())
        'structure+one_hot'
    """
    first = encodings_of(space)[0]
    return "structure+one_hot" if first == "structure" else first


def register_encoding(encoding: Encoding) -> None:
    """Add an encoding of your own.

    Raises:
        InvalidArgumentError: If its name is taken or contains ``+``.
    """
    if "+" in encoding.name:
        raise InvalidArgumentError(
            f"The name of an encoding must not contain '+', which joins encodings, but got {encoding.name!r}."
        )
    ENCODINGS.add(encoding.name, encoding)


def _parts(space: Space, encoding: str) -> list[Encoding]:
    parts = [ENCODINGS.get(name.strip()) for name in str(encoding).split("+")]
    for part in parts:
        if not part.applies(space):
            raise UnknownNameError(
                f"The space {space.name!r} has no encoding {part.name!r}. "
                f"Choices: {', '.join(encodings_of(space))}."
            )
    return parts


def _raw(space: Space, population: Population) -> Features:
    return population.astype(np.float32)


def _raw_names(space: Space) -> tuple[str, ...]:
    return tuple(f"gene{gene}" for gene in range(space.n_genes))


def _one_hot(space: Space, population: Population) -> Features:
    """A column for each choice, all 0 where the gene is inactive; one from 0 to 1 for a fine grid."""
    columns = np.append(0, np.cumsum(np.where(space.fine, 1, space.n_choices)))
    features = np.zeros((len(population), columns[-1]), dtype=np.float32)
    shares = population[:, space.fine] / (space.n_choices[space.fine] - 1)
    features[:, columns[:-1][space.fine]] = shares
    coarse = np.flatnonzero(~space.fine)
    active = space.active(population)[:, coarse]
    chosen = columns[coarse] + population[:, coarse]
    features[np.arange(len(population))[:, None], chosen] = active
    return features


def _one_hot_names(space: Space) -> tuple[str, ...]:
    names: list[str] = []
    for gene, (n, fine) in enumerate(zip(space.n_choices, space.fine, strict=True)):
        names += [f"gene{gene}"] if fine else [f"gene{gene}={choice}" for choice in range(n)]
    return tuple(names)


@lru_cache(maxsize=1)
def _graph_features_by_code() -> Features:
    """Graph features of every cell in code order, shape ``(15625, 88)``: made once, in a tenth of a second."""
    space = NASBench201Space()
    features = graph_features(space.from_codes(np.arange(space.size)))
    features.flags.writeable = False
    return features


def _canonical(space: NASBench201Space, population: Population) -> Features:
    features: Features = _graph_features_by_code()[Space.codes(space, population)]
    return features


ENCODINGS: Registry[Encoding] = Registry(
    "encoding",
    {
        "canonical": Encoding(
            "canonical",
            _canonical,
            lambda space: graph_feature_names(),
            lambda space: isinstance(space, NASBench201Space),
        ),
        "operations": Encoding(
            "operations",
            lambda space, population: operation_counts(population),
            lambda space: operation_count_names(),
            lambda space: isinstance(space, NASBench201Space),
        ),
        "structure": Encoding(
            "structure",
            lambda space, population: space.structure(population),
            lambda space: STRUCTURE,
            lambda space: isinstance(space, LayerCounts),
        ),
        "published": Encoding(
            "published",
            lambda space, population: space.features(population),
            lambda space: space.feature_names(),
            lambda space: isinstance(space, ResNetSpace),
        ),
        "one_hot": Encoding("one_hot", _one_hot, _one_hot_names),
        "raw": Encoding("raw", _raw, _raw_names),
    },
)
"""Encodings by name, the most telling first.

``canonical``: graph features of NAS-Bench-201 cells. ``operations``: how often each of their operations is
there, is executed and sees the input, which costs follow from. ``structure``: depth, widths, parameters, MACs,
branches and tiles of any space that counts its layers. ``published``: values in the order of AnalogNAS's
evaluators. ``one_hot`` and ``raw``: the genes of any space.
"""
