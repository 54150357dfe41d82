"""The region of a space in which networks were measured, and how far others lie outside of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import Metric
from ..spaces import STRUCTURE, Population, Space, default_encoding, encode_features, encodings_of
from .training_data import Floats

__all__ = ["EXTRAPOLATION", "MeasuredRegion"]

EXTRAPOLATION = Metric(
    "extrapolation",
    "",
    False,
    "distance from the networks that were measured; 0 within their region",
)
"""The metric of :meth:`MeasuredRegion.extrapolation`."""

MARGIN = 0.05
"""Share of the measured range by which the box is larger on both sides."""

REACH = 1.25
"""Networks count as near a measured one up to this multiple of the largest distance between neighbours."""

_BOXED = ("depth", "log10_params", "log10_macs", "log10_tiles")
_COUNTED = ("params", "macs")
_BLOCK = 2048


@dataclass(frozen=True)
class MeasuredRegion:
    r"""A box around the measured networks, and the distance to the nearest of them.

    The box is that of depth and of the logarithms of parameters, MACs and tiles, with a margin of 5 % of each
    range; if a space lists no layers, of the counts that it has. Distances are root mean squares of differences
    of structural features, each in units of its standard deviation over the measured networks. A network is
    near if its distance to the nearest measured one is at most 1.25 times the largest such distance among the
    measured ones.

    The extrapolation of a network is 0 in the region. Outside it is the larger of two excesses: over the box,
    in units of its sides, and over the largest distance, relative to it.

    Attributes:
        names: Names of the sides of the box.
        low: Lower bounds, shape ``(k,)``.
        high: Upper bounds, shape ``(k,)``.
        rows: Features of the measured networks over :attr:`scale`, shape ``(n, d)``.
        scale: Standard deviation of each feature, shape ``(d,)``; infinite for a constant feature.
        largest: Largest distance that counts as near.

    Example:
        >>> from analognas.spaces import SPACES
        >>> space = SPACES.get("resnet")()
        >>> measured = space.sample(50, generator=np.random.default_rng(0))
        >>> region = MeasuredRegion.of(space, measured)
        >>> bool((region.extrapolation(space, measured) == 0).all())
        True
    """

    names: tuple[str, ...]
    low: Floats
    high: Floats
    rows: Floats
    scale: Floats
    largest: float

    @classmethod
    def of(cls, space: Space, population: Population) -> MeasuredRegion:
        """Return the region of measured networks.

        Args:
            space: Their space.
            population: The networks, shape ``(n, n_genes)``, at least two.
        """
        names, sides, features = _describe(space, population)
        margin = MARGIN * np.ptp(sides, axis=0)
        spread = features.std(axis=0)
        scale = np.where(spread > 0, spread, np.inf)
        rows = features / scale
        apart = _distances(rows, rows)
        np.fill_diagonal(apart, np.inf)
        return cls(
            names,
            sides.min(axis=0) - margin,
            sides.max(axis=0) + margin,
            rows,
            scale,
            REACH * float(apart.min(axis=1).max()),
        )

    def extrapolation(self, space: Space, population: Population) -> Floats:
        """Return how far networks lie outside of the region, shape ``(n,)``; 0 inside.

        Args:
            space: Their space.
            population: Shape ``(n, n_genes)``.
        """
        found = np.empty(len(population))
        for start in range(0, len(population), _BLOCK):
            part = slice(start, start + _BLOCK)
            _, sides, features = _describe(space, population[part])
            length = np.maximum(self.high - self.low, np.finfo(float).tiny)
            beyond = np.maximum(self.low - sides, sides - self.high) / length
            # A side of length zero, from networks that are all equal there, counts any difference as one.
            over_box = np.where(self.high > self.low, beyond, beyond > 0).max(axis=1)
            nearest = _distances(features / self.scale, self.rows).min(axis=1)
            over_distance = nearest / max(self.largest, np.finfo(float).tiny) - 1.0
            found[part] = np.maximum(0.0, np.maximum(over_box, over_distance))
        return found

    def describe(self) -> dict[str, list[float]]:
        """Return the bounds of the box by name; logarithms are resolved."""
        bounds = {}
        for name, low, high in zip(self.names, self.low.tolist(), self.high.tolist(), strict=True):
            logarithm = name.startswith("log10_")
            bounds[name.removeprefix("log10_")] = [
                10**low if logarithm else low,
                10**high if logarithm else high,
            ]
        return bounds


def _describe(space: Space, population: Population) -> tuple[tuple[str, ...], Floats, Floats]:
    """Return names and values of the sides of the box, and all features, of each network."""
    if "structure" in encodings_of(space):
        features = encode_features(space, population, "structure").astype(np.float64)
        return _BOXED, features[:, [STRUCTURE.index(name) for name in _BOXED]], features
    counts = space.counts()
    names = tuple(name for name in _COUNTED if name in counts)
    features = encode_features(space, population, default_encoding(space)).astype(np.float64)
    columns = [np.log10(np.maximum(counts[name](population), 1)) for name in names]
    if not columns:  # only distances say what is near
        return ("",), np.zeros((len(population), 1)), features
    return tuple(f"log10_{name}" for name in names), np.stack(columns, axis=1), features


def _distances(one: NDArray[Any], other: NDArray[Any]) -> Floats:
    """Root mean square differences of the rows of two matrices, shape ``(n, m)``."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(one, other) / np.sqrt(one.shape[1]), dtype=np.float64)
