"""Which architectures of a population are the same network."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from .base import Population, Space
from .layers import Layers

__all__ = ["network_labels"]

_FIELDS = tuple(field.name for field in fields(Layers) if field.name not in ("block", "paths"))


def network_labels(space: Space, population: Population) -> NDArray[np.int64]:
    """Return a number for the network of every row, equal for equal networks, shape ``(n,)``.

    These are isomorphism classes where the space knows them, else networks with equal layers in equal order.
    Rows of a space that counts no layers are equal if all their genes are.

    Args:
        space: The space.
        population: Genotypes, shape ``(n, n_genes)``.

    Example:
        >>> from analognas.spaces import ResNetSpace
        >>> space = ResNetSpace()
        >>> arch = {**space.sample_arch(generator=np.random.default_rng(0)), "widenfact1": 0.7}
        >>> same = {**arch, "widenfact1": 0.7001}
        >>> network_labels(space, space.population([arch, same, {**arch, "out_channel0": 64}])).tolist()
        [0, 0, 1]
    """
    classes = space.isomorphism_class(population)
    if classes is not None:
        return classes
    columns = [population]
    if space.has_layers:
        layers = space.layers(population)
        columns = [_numbers(layer, name, len(population)) for layer in layers for name in _FIELDS]
    found = np.unique(np.concatenate(columns, axis=1), axis=0, return_inverse=True)[1]
    labels: NDArray[np.int64] = found.reshape(-1).astype(np.int64)
    return labels


def _numbers(layer: Layers, name: str, n: int) -> NDArray[np.int64]:
    values = np.asarray(getattr(layer, name), dtype=np.int64)
    return np.broadcast_to(values, n).reshape(n, 1)
