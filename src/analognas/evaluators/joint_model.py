"""Several metrics of the same networks learnt together: digital, hardware-aware and drifted accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .graph_ensemble import GraphEnsemble
from .normal_scores import NormalScores
from .training_data import Features, Floats

__all__ = ["JointModel"]


@dataclass(frozen=True)
class JointModel:
    r"""Models of the principal components of several metrics.

    The normal scores of the metrics are :math:`S = 1 m^T + C V^T` with components :math:`C` that are
    uncorrelated over the training set. Each component has its own :class:`GraphEnsemble`. The first one is what
    the metrics have in common, with less noise than any of them. The others are differences, which are shrunk
    to 0 where they are noise. Such independent components are a special case of multi-task Gaussian processes
    (Bonilla et al., "Multi-task Gaussian process prediction", NeurIPS 2007).

    Attributes:
        names: Names of the metrics.
        centre: Mean normal score of each metric, shape ``(k,)``.
        directions: Directions of the components, shape ``(k, k)``, one a row.
        models: Model of each component.
    """

    names: tuple[str, ...]
    centre: Floats
    directions: Floats
    models: tuple[GraphEnsemble, ...]

    @classmethod
    def fit(cls, features: Features, columns: Mapping[str, Floats], *, seed: int = 0) -> JointModel:
        """Fit to measured values.

        Args:
            features: Shape ``(n, d)``, n at least 4.
            columns: Values by metric, shape ``(n,)`` each.
            seed: Seed of folds and subsampling.
        """
        scores = np.stack([NormalScores.of(v).to_scores(v) for v in columns.values()], axis=1)
        centre = scores.mean(axis=0)
        directions = np.linalg.svd(scores - centre, full_matrices=False)[2]
        # The sign of a direction is arbitrary: make its largest entry positive.
        largest = np.abs(directions).argmax(axis=1)
        directions *= np.sign(directions[np.arange(len(directions)), largest])[:, None]
        components = (scores - centre) @ directions.T
        models = tuple(GraphEnsemble.fit(features, one, seed=seed) for one in components.T)
        return cls(tuple(columns), centre, directions, models)

    def scores(self, metric: str, features: Features) -> Floats:
        """Return predicted normal scores of a metric, shape ``(m,)``.

        Args:
            metric: One of :attr:`names`.
            features: Shape ``(m, d)``.
        """
        column = self.names.index(metric)
        found = np.full(len(features), self.centre[column])
        for model, direction in zip(self.models, self.directions, strict=True):
            found += direction[column] * model.target.to_values(model.predict(features)[0])
        return found
