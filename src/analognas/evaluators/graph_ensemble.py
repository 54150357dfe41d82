"""A surrogate with calibrated uncertainty: boosted trees, and a Gaussian process with their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import RandomStreams
from .boosted_trees import LARGE, QUICK, fit_trees, predict_trees, relevances
from .gp.feature_process import GaussianProcess
from .gp.linear_algebra import signed_roots
from .normal_scores import NormalScores

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

N_FOLDS = 4
"""Number of folds; each tree model is fitted without one."""

RELEVANCE_POWER = 0.4
"""Exponent that turns importances of features into weights of distances; chosen on seeds 1000 and up."""

GP_ROWS = 2000
"""Largest number of rows that the Gaussian process is fitted to; the trees are fitted to all."""

OPTIMISM_ROWS = 20.0
"""Held-out errors are optimistic, as held-out rows take part in weighting features. Variances are increased by
this number over the number of rows; chosen by coverage on seeds 1000 and up."""

_PRIOR_ROWS = 10.0
_ROUNDING = 1e-6


@dataclass(frozen=True)
class GraphEnsemble:
    r"""A model of one metric on the scale of normal scores.

    Each of four tree models is fitted without a quarter of the rows. Their importances weight the features in
    the distances of the Gaussian process. The prediction is :math:`w` times the process plus
    :math:`1 - w` times the mean of the trees, with the :math:`w` of the least held-out error. Its
    variance is that of the process, calibrated on held-out errors.

    Attributes:
        target: The map between values and normal scores.
        trees: The tree models.
        process: The Gaussian process.
        centre: Mean of each transformed feature, shape ``(d,)``.
        scale: Weight of each feature in distances, shape ``(d,)``.
        share: Weight :math:`w` of the process.
        calibration: Factor of the process's variance.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> features = rng.normal(size=(40, 3))
        >>> model = GraphEnsemble.fit(features[:30], 90 + features[:30, 0])
        >>> means, stds = model.predict(features[30:])
        >>> means.shape, bool((stds > 0).all())
        ((10,), True)
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
            seed: Seed of folds and subsampling.
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
        """Return means and standard deviations of normal scores of new measurements, shape ``(m,)`` each.

        Args:
            features: Shape ``(m, d)``.
        """
        by_process, variances = self.process.predict(_weighted(features, self.centre, self.scale))
        by_trees = sum(predict_trees(model, features) for model in self.trees) / len(self.trees)
        means = self.share * by_process + (1 - self.share) * by_trees
        return means, np.sqrt(self.calibration * variances)

    def covariance(self, features: Features) -> Floats:
        """Return the posterior covariance of normal scores of true values, without noise, shape ``(m, m)``.

        Args:
            features: Shape ``(m, d)``.
        """
        rows = _weighted(features, self.centre, self.scale)
        return self.calibration * self.process.covariance(rows)

    @property
    def noise_std(self) -> float:
        """Standard deviation of the label noise, which measurements of other architectures do not reduce."""
        return float(np.sqrt(self.calibration * self.process.signal * self.process.noise))


def _committee(
    features: Features, scores: Floats, order: NDArray[np.int64], seed: int
) -> tuple[tuple[Booster, ...], Floats]:
    """Return tree models fitted without one fold each, and out-of-fold predictions."""
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
    """Return centres and weights of features; a weight is the importance (of mean square 1) over the spread."""
    compressed = signed_roots(features)
    centre, spread = compressed.mean(axis=0), compressed.std(axis=0)
    varies = spread > _ROUNDING * np.abs(compressed).max(axis=0)
    relevance = np.mean([relevances(model, features.shape[1]) for model in trees], axis=0)
    weights = np.where(varies, relevance**RELEVANCE_POWER, 0.0)
    weights /= max(float(np.sqrt(np.mean(weights**2))), np.finfo(float).tiny)
    return centre, weights / np.where(varies, spread, 1.0)


def _weighted(features: Features, centre: Floats, scale: Floats) -> Floats:
    return (signed_roots(features) - centre) * scale


def _best_share(scores: Floats, by_trees: Floats, by_process: Floats) -> float:
    """Return the share of least held-out error, shrunk towards 1/2 with the weight of ten rows; in [0, 1]."""
    apart = by_process - by_trees
    if not (apart**2).sum() > 0:
        return 0.5
    prior = _PRIOR_ROWS * float((apart**2).mean())
    share = ((scores - by_trees) @ apart + 0.5 * prior) / (apart @ apart + prior)
    return float(np.clip(share, 0.0, 1.0))
