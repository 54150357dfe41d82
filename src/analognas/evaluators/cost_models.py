"""Regression models that a cost predictor chooses from; each predicts values and their variances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core import RandomStreams
from .boosted_trees import fit_trees, predict_trees
from .gp.feature_process import GaussianProcess
from .graph_ensemble import GraphEnsemble

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

PENALTIES = tuple(10.0**exponent for exponent in np.arange(-7, 2.5, 0.5))
"""Ridge penalties tried, relative to the number of rows."""

PROCESS_ROWS = 2000
"""Largest number of rows that a Gaussian process is fitted to."""

_FLAT = 1e-6


class CostModel(Protocol):
    """A fitted model."""

    def predict(self, features: Features) -> tuple[Floats, Floats]:
        """Return values and their variances, the latter up to a common factor, shape ``(n,)`` each."""


@dataclass(frozen=True)
class _Standard:
    """Standardisation of features and values; constant features become 0."""

    centre: Floats
    scale: Floats
    offset: float
    unit: float

    @classmethod
    def of(cls, features: Features, values: Floats) -> _Standard:
        exact = features.astype(np.float64)
        spread = exact.std(axis=0)
        varies = spread > _FLAT * np.abs(exact).max(axis=0, initial=0.0)
        scale = np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0)
        unit = float(values.std())
        return cls(exact.mean(axis=0), scale, float(values.mean()), unit or 1.0)

    def features(self, features: Features) -> Floats:
        scaled: Floats = (features.astype(np.float64) - self.centre) * self.scale
        return scaled

    def values(self, values: Floats) -> Floats:
        return (values - self.offset) / self.unit

    def restored(self, means: Floats, variances: Floats) -> tuple[Floats, Floats]:
        return self.offset + self.unit * means, self.unit**2 * variances


@dataclass(frozen=True)
class Ridge:
    """Ridge regression; the penalty has the least leave-one-out error.

    Leave-one-out errors are computed in closed form (Golub, Heath and Wahba, Technometrics 21, 1979).
    """

    standard: _Standard
    weights: Floats
    directions: Floats
    shrunk: Floats

    @classmethod
    def fit(cls, features: Features, values: Floats, seed: int) -> Ridge:
        """Fit to values, shape ``(n,)``, of features, shape ``(n, d)``."""
        standard = _Standard.of(features, values)
        left, sizes, right = np.linalg.svd(standard.features(features), full_matrices=False)
        along = left.T @ standard.values(values)
        n = len(values)

        def left_out(penalty: float) -> float:
            kept = sizes**2 / (sizes**2 + penalty * n)
            leverage = (left**2) @ kept + 1 / n
            errors = standard.values(values) - left @ (kept * along)
            return float(np.mean(np.square(errors / np.maximum(1 - leverage, _FLAT))))

        penalty = min(PENALTIES, key=left_out) * n
        weights = right.T @ (sizes / (sizes**2 + penalty) * along)
        return cls(standard, weights, right, 1 / (sizes**2 + penalty))

    def predict(self, features: Features) -> tuple[Floats, Floats]:
        """See :class:`CostModel`; the variance grows with the distance from the training set."""
        rows = self.standard.features(features)
        leverage = np.square(rows @ self.directions.T) @ self.shrunk
        return self.standard.restored(rows @ self.weights, 1 + leverage)


@dataclass(frozen=True)
class Process:
    """A Gaussian process on standardised features."""

    standard: _Standard
    process: GaussianProcess

    @classmethod
    def fit(cls, features: Features, values: Floats, seed: int) -> Process:
        """Fit to values, shape ``(n,)``, of features, shape ``(n, d)``."""
        generator = RandomStreams(seed).numpy("cost process")
        standard = _Standard.of(features, values)
        rows = np.sort(generator.permutation(len(values))[:PROCESS_ROWS])
        process = GaussianProcess.fit(
            standard.features(features[rows]), standard.values(values[rows]), generator=generator
        )
        return cls(standard, process)

    def predict(self, features: Features) -> tuple[Floats, Floats]:
        """See :class:`CostModel`."""
        return self.standard.restored(*self.process.predict(self.standard.features(features)))


@dataclass(frozen=True)
class Trees:
    """Boosted trees; all predictions have the same variance."""

    standard: _Standard
    booster: Any

    @classmethod
    def fit(cls, features: Features, values: Floats, seed: int) -> Trees:
        """Fit to values, shape ``(n,)``, of features, shape ``(n, d)``."""
        standard = _Standard.of(features, values)
        return cls(standard, fit_trees(features, standard.values(values), seed=seed))

    def predict(self, features: Features) -> tuple[Floats, Floats]:
        """See :class:`CostModel`."""
        return self.standard.restored(predict_trees(self.booster, features), np.ones(len(features)))


@dataclass(frozen=True)
class Ensemble:
    """Trees and a Gaussian process on normal scores; see :class:`GraphEnsemble`."""

    model: GraphEnsemble

    @classmethod
    def fit(cls, features: Features, values: Floats, seed: int) -> Ensemble:
        """Fit to values, shape ``(n,)``, of features, shape ``(n, d)``."""
        return cls(GraphEnsemble.fit(features, values, seed=seed))

    def predict(self, features: Features) -> tuple[Floats, Floats]:
        """See :class:`CostModel`."""
        means, stds = self.model.target.moments(*self.model.predict(features))
        return means, np.square(stds)


COST_MODELS: dict[str, Callable[[Features, Floats, int], CostModel]] = {
    "ridge": Ridge.fit,
    "process": Process.fit,
    "trees": Trees.fit,
    "ensemble": Ensemble.fit,
}
"""Fit functions by name of the model; each takes features, values and a seed."""

ON_ALL_FEATURES = ("trees", "ensemble")
"""Models that select features themselves."""
