r"""Results of another metric, device or data set as a prior of a model, with weights that are learnt.

Of each architecture, the prior has two columns: the mean :math:`g` of its class of equal features, and the
deviation :math:`d` of its own result from it, both normal scores in units of their standard deviation. Networks
of one class that were trained separately may keep their luck from one metric to another: then :math:`d` tells
something as well. Scores :math:`y` of the search follow

.. math:: y = a + \beta_g g + \beta_d d + f + \varepsilon,

with a Gaussian process f of the features. The weights have a normal prior of variance 1, and are multiplied by
:math:`1 - p \sigma^2 / \|X \beta\|^2` (James and Stein), or by 0 where that is negative: an unrelated prior is
ignored.

Source: Efron and Morris, "Stein's Estimation Rule and Its Competitors", Journal of the American Statistical
Association 68, 1973.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError
from ..evaluators import GraphEnsemble, distinct_rows
from ..evaluators.normal_scores import NormalScores
from ..spaces import Population, Space

__all__ = ["Prior", "prior_weights"]

Floats = NDArray[np.float64]

LEAST_RESULTS = 6
"""Results that a prior needs."""

_LEARNT = 1000
_ROUNDS = 3


@dataclass(frozen=True)
class Prior:
    """Results of another table in one space.

    Attributes:
        population: Distinct architectures, shape ``(n, n_genes)``.
        scores: Their results, finite, larger is better, shape ``(n,)``.

    Raises:
        InvalidArgumentError: If there are fewer than six results, or all are equal.
    """

    population: Population
    scores: Floats

    def __post_init__(self) -> None:
        if len(self.scores) < LEAST_RESULTS or np.ptp(self.scores) == 0:
            raise InvalidArgumentError(
                f"`prior` must have at least {LEAST_RESULTS} different results, but got {len(self.scores)}."
            )

    def model(
        self,
        space: Space,
        encode: Callable[[Population], NDArray[np.float32]],
        *,
        listed: bool = False,
    ) -> PriorModel:
        """Return what the prior says of any architecture of a space.

        Args:
            space: The space.
            encode: Returns the features of a population.
            listed: Whether to compute it for all architectures of the space at once.
        """
        features = encode(self.population)
        distinct, classes = distinct_rows(features)
        results = NormalScores.of(self.scores).to_scores(self.scores)
        sizes = np.bincount(classes)
        means = np.bincount(classes, results) / sizes
        own = results - means[classes]
        scale, own_scale = (max(float(x.std()), 1e-9) for x in (means[classes], own))
        centre = float(means[classes].mean())
        made = PriorModel(
            space,
            encode,
            {
                row.tobytes(): float(mean - centre) / scale
                for row, mean in zip(distinct, means, strict=True)
            },
            dict(
                zip(space.codes(self.population).tolist(), (own / own_scale).tolist(), strict=True)
            ),
            self._best_first(space),
            (distinct, (means - centre) / scale),
        )
        if listed:
            made.list_all()
        return made

    def _best_first(self, space: Space) -> list[Any]:
        order = np.argsort(-self.scores, kind="stable")
        codes: list[Any] = space.codes(self.population[order]).tolist()
        return codes


class PriorModel:
    """What a prior says of any architecture.

    Args:
        space: The space.
        encode: Returns the features of a population.
        of_class: Column g by the bytes of the features.
        of_code: Column d by code.
        best_first: Codes of the results from the best.
        learnt: Features and column g of the classes, for those that the prior has not.

    Attributes:
        best_first: Codes of the results from the best.
    """

    def __init__(
        self,
        space: Space,
        encode: Callable[[Population], NDArray[np.float32]],
        of_class: dict[bytes, float],
        of_code: dict[Any, float],
        best_first: list[Any],
        learnt: tuple[NDArray[np.float32], Floats],
    ) -> None:
        self._space, self._encode = space, encode
        self._of_class, self._of_code = of_class, of_code
        self._learnt = learnt
        self._ensemble: GraphEnsemble | None = None
        self._listed: Floats | None = None
        self.best_first = best_first

    def columns(self, population: Population) -> Floats:
        """Return g and d of every row, shape ``(n, 2)``; d is 0 where the prior has no result."""
        if self._listed is not None:
            rows: Floats = self._listed[self._space.codes(population)]
            return rows
        distinct, classes = distinct_rows(self._encode(population))
        means = np.array([self._of_class.get(row.tobytes(), np.nan) for row in distinct])
        unknown = np.isnan(means)
        if unknown.any():
            means[unknown] = self._predicted(distinct[unknown])
        codes = self._space.codes(population).tolist()
        own = np.array([self._of_code.get(code, 0.0) for code in codes])
        return np.column_stack([means[classes], own])

    def list_all(self) -> None:
        """Compute the columns of all architectures of the space."""
        codes = np.flatnonzero(self._space.is_architecture())
        listed = np.zeros((self._space.n_genotypes, 2))
        listed[codes] = self.columns(self._space.from_codes(codes))
        self._listed = listed

    def _predicted(self, features: NDArray[np.float32]) -> Floats:
        """Predict g of classes that the prior does not have."""
        if self._ensemble is None:
            known, values = self._learnt
            every = max(1, len(values) // _LEARNT)
            order = np.argsort(values, kind="stable")[::every]
            self._ensemble = GraphEnsemble.fit(known[order], values[order])
        means, _ = self._ensemble.predict(features)
        return np.asarray(self._ensemble.target.to_values(means), dtype=np.float64)


def prior_weights(columns: Floats, scores: Floats) -> Floats:
    """Return the weights of a prior's columns, shape ``(p,)``.

    Args:
        columns: What the prior says of each result, shape ``(n, p)``.
        scores: The results, shape ``(n,)``.

    Example:
        >>> columns = np.linspace(-1, 1, 9)[:, None]
        >>> prior_weights(columns, 2 * columns[:, 0]).round(2), prior_weights(columns, np.ones(9))
        (array([2.]), array([0.]))
    """
    apart = columns - columns.mean(axis=0)
    centred = scores - scores.mean()
    gram, moments, p = apart.T @ apart, apart.T @ centred, columns.shape[1]
    variance = float(centred @ centred) / max(len(scores) - 1, 1)
    weights = np.zeros(p)
    for _ in range(_ROUNDS):
        weights = np.linalg.solve(gram + max(variance, 1e-12) * np.eye(p), moments)
        left = centred - apart @ weights
        variance = float(left @ left) / max(len(scores) - 1 - p, 1)
    explained = float(weights @ gram @ weights)
    kept = 0.0 if explained <= 0 else max(0.0, 1.0 - p * variance / explained)
    return np.asarray(kept * weights, dtype=np.float64)
