"""A surrogate with calibrated errors: boosted trees, and a Gaussian process that weighs features by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import RandomStreams
from .boosted_trees import LARGE, QUICK, fit_trees, predict_trees, relevances
from .gp.feature_process import GaussianProcess
from .normal_scores import NormalScores

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

N_FOLDS = 4
"""Tree models, each fitted without one fold."""

RELEVANCE_POWER = 0.4
"""A feature counts in distances as its share in the trees' gain to this power; chosen on seeds 1000 and up."""

GP_ROWS = 2000
"""Rows that the Gaussian process sees at most; the trees see all."""

OPTIMISM_ROWS = 20.0
"""Held-out errors are optimistic, since a row helped to weigh the features that it was predicted with:
variances grow by this over the number of rows. Chosen by coverage on seeds 1000 and up."""

_PRIOR_ROWS = 10.0
_ROUNDING = 1e-6


@dataclass(frozen=True)
class GraphEnsemble:
    r"""One metric learnt from features, on the scale of normal scores.

    Four tree models are each fitted without a quarter of the rows. They say which features matter, and the
    Gaussian process measures distances accordingly. The prediction is :math:`w` times the process plus
    :math:`1 - w` times the mean of the trees, with the :math:`w` that predicts best what was held out. Its
    variance is that of the process, scaled so that held-out errors have the variance that they claim.

    Attributes:
        target: The map between values and normal scores.
        trees: The tree models.
        process: The Gaussian process.
        centre: Mean of each compressed feature, shape ``(d,)``.
        scale: Weight of each feature in distances, shape ``(d,)``.
        share: Weight :math:`w` of the process.
        calibration: Factor on the process's variance.
    """

    target: NormalScores
    trees: tuple[Booster, ...]
    process: GaussianProcess
    centre: Floats
    scale: Floats
    share: float
    calibration: float

    @classmethod
    def fit(cls, features: Features, values: NDArray[Any], *, seed: int = 0) -> GraphEnsemble:
        """Fit to measured values.

        Args:
            features: Shape ``(n, d)``, n at least 4.
            values: Shape ``(n,)``.
            seed: Folds and subsampling follow from it.
        """
        generator = RandomStreams(seed).numpy("graph ensemble")
        target = NormalScores.of(values)
        scores = target.to_scores(values)
        order = generator.permutation(len(scores))
        trees, held_out = _committee(features, scores, order, seed)
        centre, scale = _scale(features, trees)
        rows = np.sort(order[:GP_ROWS])
        process = GaussianProcess.fit(
            _weighted(features[rows], centre, scale), scores[rows], generator=generator
        )
        by_trees, by_process = held_out[rows], process.held_out_means
        share = _best_share(scores[rows], by_trees, by_process)
        errors = scores[rows] - share * by_process - (1 - share) * by_trees
        calibration = float(np.mean(np.square(errors) / process.held_out_variances))
        calibration *= 1 + OPTIMISM_ROWS / len(rows)
        return cls(
            target, trees, process, centre, scale, share, max(calibration, np.finfo(float).tiny)
        )

    def predict(self, features: Features) -> tuple[Floats, Floats]:
        """Means and standard deviations of the normal scores of new measurements, shape ``(m,)`` each.

        Args:
            features: Shape ``(m, d)``.
        """
        by_process, variances = self.process.predict(_weighted(features, self.centre, self.scale))
        by_trees = sum(predict_trees(model, features) for model in self.trees) / len(self.trees)
        means = self.share * by_process + (1 - self.share) * by_trees
        return means, np.sqrt(self.calibration * variances)

    @property
    def noise_std(self) -> float:
        """The part of every standard deviation that no further measurement elsewhere removes: label noise."""
        return float(np.sqrt(self.calibration * self.process.signal * self.process.noise))


def _committee(
    features: Features, scores: Floats, order: NDArray[np.int64], seed: int
) -> tuple[tuple[Booster, ...], Floats]:
    """Tree models that each miss a fold, and the prediction of every row by the one that missed it."""
    held_out = np.empty(len(scores))
    models = []
    quick = QUICK if len(scores) < LARGE else None
    for fold in range(N_FOLDS):
        missed = np.zeros(len(scores), dtype=bool)
        missed[order[fold::N_FOLDS]] = True
        model = fit_trees(features[~missed], scores[~missed], seed=seed + fold, settings=quick)
        held_out[missed] = predict_trees(model, features[missed])
        models.append(model)
    return tuple(models), held_out


def _scale(features: Features, trees: tuple[Booster, ...]) -> tuple[Floats, Floats]:
    """Centre of the features, and their weights in distances: relevance (of mean square 1) over spread."""
    compressed = _compressed(features)
    centre, spread = compressed.mean(axis=0), compressed.std(axis=0)
    varies = spread > _ROUNDING * np.abs(compressed).max(axis=0)
    relevance = np.mean([relevances(model, features.shape[1]) for model in trees], axis=0)
    weights = np.where(varies, relevance**RELEVANCE_POWER, 0.0)
    weights /= max(float(np.sqrt(np.mean(weights**2))), np.finfo(float).tiny)
    return centre, weights / np.where(varies, spread, 1.0)


def _weighted(features: Features, centre: Floats, scale: Floats) -> Floats:
    return (_compressed(features) - centre) * scale


def _compressed(features: Features) -> Floats:
    """Signed square roots: the difference of one path and two matters more than that of eleven and twelve."""
    exact = features.astype(np.float64)
    return np.copysign(np.sqrt(np.abs(exact)), exact)


def _best_share(scores: Floats, by_trees: Floats, by_process: Floats) -> float:
    """Least squares on held-out predictions, with ten rows' worth of belief in equal shares; in [0, 1]."""
    apart = by_process - by_trees
    if not (apart**2).sum() > 0:
        return 0.5
    prior = _PRIOR_ROWS * float((apart**2).mean())
    share = ((scores - by_trees) @ apart + 0.5 * prior) / (apart @ apart + prior)
    return float(np.clip(share, 0.0, 1.0))
