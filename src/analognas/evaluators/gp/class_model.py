"""A model of one metric over classes of architectures: it learns readings as they arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..normal_scores import NormalScores
from .linear_algebra import Floats, signed_roots
from .log_gap import LogGap
from .pooled_process import Hyperparameters, PooledReadings, fit_hyperparameters
from .tracked_posterior import TrackedPosterior

__all__ = ["ClassModel", "standardised"]

Scale = Callable[[Floats, NDArray[np.int64]], LogGap | NormalScores]
"""Returns the map between values and scores from readings and their classes."""

REFIT = 1.4
"""Hyperparameters are fitted again whenever the number of readings has grown by this factor."""

_ROUNDING = 1e-6


def standardised(features: NDArray[Any]) -> Floats:
    """Return signed roots of features, centred and divided by their standard deviation; constant ones become 0.

    Args:
        features: Shape ``(n, d)``.
    """
    columns = signed_roots(features)
    spread = columns.std(axis=0)
    varies = spread > _ROUNDING * np.abs(columns).max(axis=0, initial=0.0)
    inverse = np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0)
    return np.asarray((columns - columns.mean(axis=0)) * inverse, dtype=np.float64)


class ClassModel:
    """A Gaussian process of one metric, larger is better.

    Args:
        scale: Makes the scale of the model from its readings.
        generator: Source of randomness.
        precise: Compute the posterior in float64.
        weigh: Returns weights of columns from the columns, shape ``(n, p)``, and scores; see :meth:`learn`.

    Attributes:
        target: The map between values and scores.
        weights: Weights of the columns, shape ``(p,)``; what they explain is not part of the posterior.
        posterior: The posterior of the scores of all classes.
    """

    target: LogGap | NormalScores
    posterior: TrackedPosterior

    def __init__(
        self,
        scale: Scale,
        *,
        generator: np.random.Generator,
        precise: bool = False,
        weigh: Callable[[Floats, Floats], Floats] | None = None,
    ) -> None:
        self._weigh = weigh
        self.weights: Floats = np.empty(0)
        self._scale = scale
        self._generator = generator
        self._precise = precise
        self._points: Floats = np.empty((0, 0))
        self._classes = np.empty(0, dtype=np.int64)
        self._values = np.empty(0)
        self._hyperparameters: Hyperparameters | None = None
        self._next_fit = 0

    def learn(
        self,
        points: Floats,
        classes: NDArray[np.int64],
        values: Floats,
        columns: Floats | None = None,
    ) -> None:
        """Learn all readings so far; those that were learnt before cost nothing, if the points are the same.

        Args:
            points: Standardised features of all classes, shape ``(m, d)``.
            classes: Class of each reading, shape ``(n,)``.
            values: The readings, finite, larger is better, shape ``(n,)``.
            columns: What else is known of each reading, shape ``(n, p)``: scores are a weighted sum of it and a
                process of the features. The weights are computed together with the hyperparameters.
        """
        columns = np.empty((len(values), 0)) if columns is None else columns
        known = len(self._values)
        grows = (
            points is self._points
            and known <= len(values) < self._next_fit
            and np.array_equal(classes[:known], self._classes)
            and np.array_equal(values[:known], self._values)
            and self.target.covers(values[known:])
        )
        if grows:
            if known < len(values):
                self._add(classes[known:], values[known:], columns[known:])
        else:
            self._rebuild(points, classes, values, columns)
        self._points, self._classes, self._values = points, classes.copy(), values.copy()

    @property
    def noise(self) -> float:
        """Variance of a reading about its class, on the scale of the model."""
        return self.posterior.hyperparameters.noise

    def _rebuild(
        self, points: Floats, classes: NDArray[np.int64], values: Floats, columns: Floats
    ) -> None:
        self.target = self._scale(values, classes)
        scores = self.target.to_scores(values)
        if self._weigh is not None:
            self.weights = self._weigh(columns, scores)
            scores = scores - columns @ self.weights
        readings = PooledReadings.of(classes, scores)
        before = self._hyperparameters
        if before is None or len(values) >= self._next_fit:
            start = Hyperparameters.typical(points.shape[1]) if before is None else before
            before = fit_hyperparameters(
                points[readings.classes], readings, start, generator=self._generator
            )
            self._hyperparameters = before
            self._next_fit = int(len(values) * REFIT) + 1
        self.posterior = TrackedPosterior(points, before, precise=self._precise)
        self.posterior.add(readings)

    def _add(self, classes: NDArray[np.int64], values: Floats, columns: Floats) -> None:
        scores = self.target.to_scores(values)
        if self._weigh is not None:
            scores = scores - columns @ self.weights
        self.posterior.add(PooledReadings.of(classes, scores))
