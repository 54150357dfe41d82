"""Normal scores: surrogates learn them instead of values, so that a few collapsed networks do not dominate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TAIL = 0.1
_REACH = 5.0
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)


@dataclass(frozen=True)
class NormalScores:
    r"""A monotone map between values and normal scores, after van der Waerden.

    A value of rank r among n has the score :math:`\Phi^{-1}((r - 1/2) / n)`; equal values share their mean
    rank. Between values the map is linear; beyond the outermost it continues with the slope of the last
    tenth.

    Attributes:
        scores: Scores of the knots, ascending, shape ``(k,)``.
        values: Values of the knots, ascending, shape ``(k,)``.
    """

    scores: Floats
    values: Floats

    @classmethod
    def of(cls, values: NDArray[Any]) -> NormalScores:
        """Return the map of a sample, shape ``(n,)``."""
        from scipy.special import ndtri

        distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
        ranks = np.cumsum(counts) - (counts - 1) / 2
        scores = ndtri((ranks - 0.5) / counts.sum())
        return cls(*_with_tails(scores, distinct))

    def to_scores(self, values: NDArray[Any]) -> Floats:
        """Return scores of values of any shape."""
        return np.asarray(np.interp(values, self.values, self.scores), dtype=np.float64)

    def to_values(self, scores: NDArray[Any]) -> Floats:
        """Return values of scores of any shape."""
        return np.asarray(np.interp(scores, self.scores, self.values), dtype=np.float64)

    def covers(self, values: NDArray[Any]) -> bool:
        """Return whether all values are within the outermost knots, beyond which the map is constant."""
        return bool(((values >= self.values[0]) & (values <= self.values[-1])).all())

    def moments(self, means: Floats, stds: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of values whose scores are normal, shape ``(n,)`` each.

        Computed by Gauss-Hermite quadrature with seven nodes.
        """
        values = self.to_values(means + stds * _NODES[:, None])
        weights = _WEIGHTS / _WEIGHTS.sum()
        mean = weights @ values
        variance = weights @ np.square(values - mean)
        return mean, np.sqrt(variance)


def _with_tails(scores: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Add a knot beyond each end, on the line through the end and the knot one tenth inside."""
    if len(values) == 1:
        return scores, values
    inside = max(1, int(_TAIL * len(values)))
    low = (values[inside] - values[0]) / (scores[inside] - scores[0])
    high = (values[-1] - values[-1 - inside]) / (scores[-1] - scores[-1 - inside])
    return (
        np.concatenate([[scores[0] - _REACH], scores, [scores[-1] + _REACH]]),
        np.concatenate([[values[0] - _REACH * low], values, [values[-1] + _REACH * high]]),
    )
