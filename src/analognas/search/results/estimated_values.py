"""True values of a search's architectures, estimated from the readings that the search has made.

A table of trained networks has label noise: one network, trained twice, reads differently. The best reading of
a search is therefore lucky. A Gaussian process of all readings (:class:`.ClassModel`) pools those of a network
with those of similar networks. It uses nothing that the search has not measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core import RandomStreams
from ...core.threads import one_blas_thread
from ...evaluators import distinct_rows
from ...evaluators.gp.class_model import ClassModel, standardised
from ...evaluators.gp.log_gap import LogGap
from ...spaces import Population, Space, default_encoding, encode_features
from ...tables import TrueValues

__all__ = ["LEAST_READINGS", "estimated_values"]

LEAST_READINGS = 20
"""Readings that an estimate needs."""

MOST_CLASSES = 1500
"""Classes of equal features with the best mean readings that take part; more would take seconds."""

_N_GRID = 1024
_REACH = 5.0


def estimated_values(
    space: Space, population: Population, readings: NDArray[np.float64], sign: float
) -> TrueValues | None:
    """Estimate true values from one reading of each architecture.

    Args:
        space: The space.
        population: Distinct architectures, shape ``(n, n_genes)``.
        readings: Their readings, NaN where there is none, shape ``(n,)``.
        sign: 1 if larger is better, -1 if smaller is.

    Returns:
        The estimates; None for fewer than :data:`LEAST_READINGS` readings. A network is a class of equal
        features. It has no readings where it took no part.
    """
    known = np.isfinite(readings)
    if known.sum() < LEAST_READINGS:
        return None
    features, network_of = distinct_rows(
        encode_features(space, population, default_encoding(space))
    )
    n_networks = len(features)
    counts = np.bincount(network_of[known], minlength=n_networks)
    sums = np.bincount(network_of[known], weights=readings[known], minlength=n_networks)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    order = np.lexsort((np.arange(n_networks), np.where(counts > 0, -sign * means, np.inf)))
    taking_part = np.sort(order[: min(MOST_CLASSES, int((counts > 0).sum()))])
    place = np.full(n_networks, -1)
    place[taking_part] = np.arange(len(taking_part))
    rows = np.flatnonzero(known & (place[network_of] >= 0))
    with one_blas_thread():
        model = ClassModel(LogGap.of, generator=RandomStreams(0).numpy("true values"), precise=True)
        model.learn(
            standardised(features[taking_part]), place[network_of[rows]], sign * readings[rows]
        )
        grid, part = _masses(model)
    masses = np.full((n_networks, len(grid)), np.nan)
    masses[taking_part] = part
    counts[place < 0] = 0
    if sign < 0:
        grid, masses = -grid[::-1], masses[:, ::-1]
    return TrueValues(grid, masses, network_of, means, counts)


def _masses(model: ClassModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return true values, and the probability of each of them for every class."""
    means, stds = model.posterior.means, np.sqrt(model.posterior.variances)
    scores = np.linspace((means - _REACH * stds).min(), (means + _REACH * stds).max(), _N_GRID)
    # A distribution narrower than the grid must not vanish.
    stds = np.maximum(stds, scores[1] - scores[0])
    masses = np.exp(-0.5 * np.square((scores - means[:, None]) / stds[:, None]))
    masses /= masses.sum(axis=1, keepdims=True)
    # What is estimated is the mean of readings, not the reading of the mean score.
    assert isinstance(model.target, LogGap)
    return model.target.mean_readings(scores, model.noise), masses
