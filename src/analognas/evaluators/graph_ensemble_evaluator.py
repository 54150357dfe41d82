"""A surrogate evaluator with standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import check_choice
from ..spaces import Population
from .graph_ensemble import GraphEnsemble
from .surrogate import Floats, Surrogate, training_digest

DEFAULT_METRICS = ("analog_accuracy", "analog_drift_86400", "analog_drift_2592000", "avm")
"""Metrics that are learnt from a table by default."""


class GraphEnsembleEvaluator(Surrogate):
    """Predicts metrics with standard errors from a few dozen measured architectures or more.

    Each metric has its own :class:`GraphEnsemble`: boosted trees and a Gaussian process on the canonical
    features of NAS-Bench-201, or the features of any other space. A fit to 500 architectures takes about a
    tenth of a second per metric, so a search can refit after every batch.

    The standard error of a prediction is that of a new measurement: it includes label noise and is calibrated
    on held-out measurements.

    Args:
        space: The space, or its name.
        encoding: Name of the encoding that features come from; the space's best one by default.
        seed: Seed of everything random in a fit.

    Raises:
        UnknownNameError: If a name is not known, or the space has no such encoding.
        InvalidArgumentError: If ``seed`` is negative or not an integer.

    Example:
        >>> from analognas import AnalogNASBench
        >>> bench = AnalogNASBench()
        >>> cells = bench.space.from_indices(range(200))
        >>> surrogate = GraphEnsembleEvaluator().fit(cells, bench, "analog_drift_86400")
        >>> prediction = surrogate.evaluate([(0, 0, 0, 4, 3, 2)], ["analog_drift_86400"])
        >>> measured = bench.query_metric((0, 0, 0, 4, 3, 2), "analog_drift_86400")
        >>> error = prediction.means["analog_drift_86400"][0] - measured
        >>> bool(abs(error) < 3 * prediction.sems["analog_drift_86400"][0])
        True
    """

    _models: dict[str, GraphEnsemble]
    _digest: str

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the learnt metrics."""
        return self._learnt()

    def scores(self, population: Population, metric: str) -> tuple[Floats, Floats]:
        """Return means and standard deviations on the scale of normal scores, shape ``(n,)`` each.

        Called by optimizers: on this scale errors are normal, so that acquisition functions have closed forms.
        The models of :meth:`model` map scores to values.

        Args:
            population: Shape ``(n, n_genes)``.
            metric: Name of a learnt metric.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If the metric was not learnt.
        """
        model = self.model(metric)
        features, inverse = self._distinct_features(self.space.population(population))
        means, stds = model.predict(features)
        return means[inverse], stds[inverse]

    def model(self, metric: str) -> GraphEnsemble:
        """Return the fitted model of one metric.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If the metric was not learnt.
        """
        self.check_fitted()
        return self._models[check_choice("metric", metric, self._models)]

    def identity(self) -> dict[str, Any]:
        """Return space, encoding, seed and the checksum of the training data."""
        return self._training_identity(self._digest)

    def _default_metrics(self) -> Sequence[str]:
        return DEFAULT_METRICS

    def _learnt(self) -> list[str]:
        return list(self._models)

    def _forget(self) -> None:
        self._models, self._digest = {}, ""

    def _fit(self, features: NDArray[np.float32], columns: dict[str, Floats]) -> None:
        models = {
            name: GraphEnsemble.fit(features, values, seed=self.seed)
            for name, values in columns.items()
        }
        self._models, self._digest = models, training_digest(features, columns)

    def _predict(self, metric: str, features: NDArray[np.float32]) -> tuple[Floats, Floats | None]:
        model = self._models[metric]
        return model.target.moments(*model.predict(features))
