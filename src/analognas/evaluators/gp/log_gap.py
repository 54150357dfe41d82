r"""A scale on which label noise is about equal: the logarithm of the gap to a ceiling.

Good networks repeat better than bad ones: isomorphic cells of AnalogNAS-Bench scatter by one point where they
lose six to the ceiling, and by six where they lose forty. With the ceiling :math:`c` above the best value,

.. math:: z = -\log(c - y),

standardised, has noise of about one size, and a few collapsed networks do not dominate it. The ceiling is that
under which readings within classes are most probable if their noise is equal.

Source: Box and Cox, "An Analysis of Transformations", Journal of the Royal Statistical Society B 26, 1964,
section 3, with the likelihood of the scatter within classes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .linear_algebra import Floats

__all__ = ["MARGINS", "LogGap"]

MARGINS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0)
"""Distances of the ceiling from the best value tried, in units of the distance of the best from the median."""

MARGIN = 1.0
"""The distance where no class was read twice."""

_PRIOR_DEGREES = 4.0  # weight of MARGIN
_FLOOR = 1e3
_SMALLEST_GAP = 1e-3


@dataclass(frozen=True)
class LogGap:
    """A monotone map between values (larger is better) and standardised scores.

    Attributes:
        ceiling: Value that is never reached.
        unit: Distance of the best value from the median.
        centre: Mean of the scores before standardisation.
        scale: Their standard deviation.
    """

    ceiling: float
    unit: float
    centre: float
    scale: float

    @classmethod
    def of(cls, values: NDArray[Any], classes: NDArray[np.int64] | None = None) -> LogGap:
        """Return the map of a sample.

        Args:
            values: Finite values, shape ``(n,)``.
            classes: Class of each; readings of one class differ by noise only. None: nothing was read twice.

        Example:
            >>> gap = LogGap.of(np.array([60.0, 80.0, 85.0, 88.0]))
            >>> gap.to_values(gap.to_scores(np.array([70.0, 89.0]))).round(6).tolist()
            [70.0, 89.0]
        """
        best, typical = float(values.max()), float(np.median(values))
        unit = best - typical or float(np.ptp(values)) or abs(best) or 1.0
        tried = [cls(best + margin * unit, unit, 0.0, 1.0) for margin in MARGINS]
        chosen = tried[MARGINS.index(MARGIN)]
        if classes is not None:
            chosen = max(tried, key=lambda gap: gap._likelihood(values, classes, chosen.ceiling))
        scores = chosen.to_scores(values)
        spread = float(scores.std())
        return cls(chosen.ceiling, unit, float(scores.mean()), spread if spread > 0 else 1.0)

    def covers(self, values: NDArray[Any]) -> bool:
        """Return whether all values are well below the ceiling."""
        return bool((self.ceiling - values > 0.1 * self.unit).all())

    def to_scores(self, values: NDArray[Any]) -> Floats:
        """Return scores of values of any shape; gaps beyond a thousand units count as these."""
        gaps = np.clip((self.ceiling - values) / self.unit, _SMALLEST_GAP, _FLOOR)
        return np.asarray((-np.log(gaps) - self.centre) / self.scale, dtype=np.float64)

    def to_values(self, scores: NDArray[Any]) -> Floats:
        """Return values of scores of any shape."""
        gaps = np.exp(-(self.centre + self.scale * scores))
        return np.asarray(self.ceiling - self.unit * gaps, dtype=np.float64)

    def mean_readings(self, scores: NDArray[Any], noise: float) -> Floats:
        """Return the mean of readings whose scores are normal: that of a log-normal gap.

        Args:
            scores: Means of the scores, any shape.
            noise: Their variance.
        """
        return self.to_values(scores - 0.5 * self.scale * noise)

    def _likelihood(
        self, values: NDArray[Any], classes: NDArray[np.int64], usual_ceiling: float
    ) -> float:
        """Return the log likelihood of the scatter within classes at its best variance, up to a constant."""
        _, of_value, counts = np.unique(classes, return_inverse=True, return_counts=True)
        scores = self.to_scores(values)
        means = np.bincount(of_value, weights=scores) / counts
        degrees = float((counts - 1).sum())
        share = 1 - 1 / counts[of_value]  # of a reading in the degrees of freedom of its class
        squares = float(np.square(scores - means[of_value]).sum())
        # The gap changes its logarithm by one over its size.
        slopes = -np.log(np.maximum(self.ceiling - values, 1e-300 + _SMALLEST_GAP * self.unit))
        away = np.log((self.ceiling - values.max()) / (usual_ceiling - values.max()))
        scatter = -0.5 * degrees * np.log(max(squares, 1e-300) / max(degrees, 1.0))
        return float(scatter + share @ slopes - 0.5 * _PRIOR_DEGREES * away**2)
