"""Predictions for candidates: a model for each metric, or the count of the space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..evaluators import Evaluation, GraphEnsemble, distinct_rows
from ..spaces import Population, Space, encode_features
from .observations import Observations

__all__ = ["CandidatePredictions", "counts_alike"]

Floats = NDArray[np.float64]

_LEAST_MEASURED = 6


def counts_alike(space: Space, metric: str, population: Population, values: Floats) -> bool:
    """Return whether the space's count of a metric equals the measured values.

    The measured networks may have another input than the space.

    Args:
        space: The space.
        metric: Name of the metric.
        population: Measured architectures, shape ``(n, n_genes)``.
        values: Their values, shape ``(n,)``.
    """
    count = space.counts().get(metric)
    return count is not None and np.array_equal(count(population), values)


class CandidatePredictions:
    """Predictions of several metrics for candidates.

    Args:
        observations: Results of the run. Metrics with fewer than six finite values, or with equal values, are
            predicted by their median.
        space: The space.
        encoding: Name of the feature encoding.
        metrics: Names of the metrics.
        pool: Candidates, shape ``(m, n_genes)``.
        features: Their features, shape ``(m, d)``.
    """

    def __init__(
        self,
        observations: Observations,
        space: Space,
        encoding: str,
        metrics: Sequence[str],
        pool: Population,
        features: NDArray[np.float32],
    ) -> None:
        self.metrics = list(metrics)
        self.n = len(pool)
        self._exact: dict[str, Floats] = {}
        self._learnt: dict[str, tuple[GraphEnsemble, Floats, Floats]] = {}
        measured = encode_features(space, observations.population, encoding)
        distinct, where = distinct_rows(features)
        for name in self.metrics:
            values = observations.values[name]
            known = np.isfinite(values)
            if counts_alike(space, name, observations.population, values):
                self._exact[name] = np.asarray(space.counts()[name](pool), dtype=np.float64)
            elif known.sum() < _LEAST_MEASURED or np.ptp(values[known]) == 0:
                typical = float(np.median(values[known])) if known.any() else np.nan
                self._exact[name] = np.full(self.n, typical)
            else:
                model = GraphEnsemble.fit(measured[known], values[known])
                means, stds = model.predict(distinct)
                # Without label noise, which is not a property of a candidate.
                repeatable = np.sqrt(np.maximum(stds**2 - model.noise_std**2, 0.0))
                self._learnt[name] = (model, means[where], repeatable[where])

    def sample(self, generator: np.random.Generator, temperature: float = 1.0) -> Evaluation:
        """Return a Thompson sample: a value of every metric for every candidate, without label noise.

        Metrics are drawn independently.

        Args:
            generator: Source of randomness.
            temperature: Factor of the standard deviations.
        """
        means: dict[str, Any] = {}
        for name in self.metrics:
            if name in self._exact:
                means[name] = self._exact[name]
            else:
                model, centre, spread = self._learnt[name]
                means[name] = model.target.to_values(generator.normal(centre, temperature * spread))
        return Evaluation(means)
