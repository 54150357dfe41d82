r"""Sampling of the examples that each chip runs.

A chip mostly changes the scores of the few examples near a decision boundary. Earlier chips predict for example
:math:`i` a score :math:`f_i` with a squared error :math:`v_i`. The next chip runs a random sample that contains
:math:`i` with probability :math:`\pi_i \propto \sqrt{v_i}`, and its mean over all :math:`N` examples is
estimated by

.. math:: \hat y = \frac1N \sum_i f_i + \frac1N \sum_{i \in S} \frac{y_i - f_i}{\pi_i}

Predictions and probabilities are fixed before the chip is measured. Therefore the estimate is unbiased for any
predictions, the errors of different chips are uncorrelated, and the spread of the chips gives the error of
their mean. Better predictions only reduce it.

Source: the difference estimator, Särndal, Swensson and Wretman, Model Assisted Survey Sampling, 1992,
ch. 6; systematic sampling with unequal probabilities, Madow, Ann. Math. Stat. 20:333, 1949; the allocation,
Neyman, J. R. Stat. Soc. 97:558, 1934; predictions and probabilities from earlier draws, Zrnic and Candès,
Active Statistical Inference, ICML 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .variance_components import Array

LEAST_SHARE = 0.1
"""Smallest probability of an example before the spread of the chips is known."""
FLOOR = 0.01
"""Smallest probability of an example."""
_BIN = 50
"""Number of examples with similar margins that share their statistics."""
_SIZES = 24
_OWN = 2.0
"""Number of chips after which an example's own statistics weigh as much as those of its neighbours."""
_SCALE = 0.25
"""Before the first chip, changes are expected at margins below this fraction of the median margin."""


@dataclass(frozen=True)
class Sample:
    """Examples that one chip runs.

    Attributes:
        indices: Indices of the examples, ascending, shape ``(n,)``.
        weights: Inverse probabilities, shape ``(n,)``.
    """

    indices: NDArray[np.int64]
    weights: Array


class ExampleDesign:
    """Predictions for all examples, updated from chip to chip, and samples based on them.

    Args:
        digital: Scores of the digital network, shape ``(N,)``.
        margins: Logit of the correct class minus the largest other logit, of the digital network, shape
            ``(N,)``; None: unknown.
        n_times: Number of times T.
    """

    def __init__(self, digital: Array, margins: Array | None, n_times: int) -> None:
        self.digital = digital
        n = len(digital)
        key = digital if margins is None else margins
        self._order = np.argsort(key, kind="stable")
        self._bins = np.empty(n, dtype=np.int64)
        self._bins[self._order] = np.arange(n) // _BIN
        shape = (n, n_times)
        self._counts, self._sums, self._squares = np.zeros((3, *shape))
        self._first = np.ones(n)
        if margins is not None:
            scale = _SCALE * float(np.median(np.abs(margins))) or 1.0
            self._first = np.exp(-np.abs(margins) / scale) + 1e-3
        self._first *= max(float(digital.var()), 1e-12)

    def predictions(self) -> tuple[Array, Array]:
        """Return predicted scores and their expected squared errors, shape ``(N, T)`` each."""
        change = self._sums - self._counts * self.digital[:, None]
        count, changed, squares = (self._pooled(x) for x in (self._counts, change, self._squares))
        near = self.digital[:, None] + changed / (count + 1.0)
        scores = (self._sums + _OWN * near) / (self._counts + _OWN)
        error = (squares + self._first[:, None]) / (count + 1.0)
        return scores, (self._squares + _OWN * error) / (self._counts + _OWN)

    def probabilities(self, errors: Array, spread: float | None = None) -> Array:
        """Return probabilities of all examples for samples of increasing size, shape ``(sizes, N)``.

        Args:
            errors: Expected squared errors at the measured times, shape ``(N, T)``.
            spread: Standard deviation from chip to chip, in scores; it limits how far a single unexpected
                example can move a chip. None: unknown.
        """
        least = LEAST_SHARE
        if spread is not None:
            least = min(max(1.0 / (len(errors) * max(spread, 1e-12)), FLOOR), LEAST_SHARE)
        size = np.sqrt((errors / errors.mean(axis=0)).mean(axis=1))
        factors = np.geomspace(least / size.max(), 1.0 / size.min(), _SIZES)
        result: Array = np.clip(factors[:, None] * size, least, 1.0)
        return result

    def draw(self, probabilities: Array, generator: np.random.Generator) -> Sample:
        """Return a systematic sample, ordered by margin, so that it covers all margins."""
        steps = np.cumsum(probabilities[self._order])
        points = np.arange(generator.random(), steps[-1])
        chosen = self._order[np.searchsorted(steps, points, side="right")]
        indices = np.sort(chosen)
        return Sample(indices, 1.0 / probabilities[indices])

    def estimate(self, sample: Sample, scores: Array, predicted: Array) -> tuple[Array, Array]:
        """Return a chip's mean scores and their variance due to sampling, shape ``(T,)`` each.

        Args:
            sample: The examples.
            scores: Scores of the sample, shape ``(n, T)``.
            predicted: Predicted scores of all examples, shape ``(N, T)``.

        The variance is that of independent draws; that of the systematic sample is smaller.
        """
        n = len(self.digital)
        residual = scores - predicted[sample.indices]
        w = sample.weights[:, None]
        means = predicted.mean(axis=0) + (w * residual).sum(axis=0) / n
        return means, (w * (w - 1.0) * residual**2).sum(axis=0) / n**2

    def learn(
        self, sample: Sample, scores: Array, predicted: Array, times: NDArray[np.bool_]
    ) -> None:
        """Update the statistics with the scores of a chip, at the measured times."""
        where = np.ix_(sample.indices, np.flatnonzero(times))
        self._counts[where] += 1.0
        self._sums[where] += scores[:, times]
        self._squares[where] += (scores - predicted[sample.indices])[:, times] ** 2

    def state(self) -> dict[str, Array]:
        """Return the state, by name."""
        return {"counts": self._counts, "sums": self._sums, "squares": self._squares}

    def load_state(self, state: dict[str, Array]) -> None:
        """Restore the state that :meth:`state` returned."""
        self._counts, self._sums, self._squares = (
            state[name] for name in ("counts", "sums", "squares")
        )

    def _pooled(self, values: Array) -> Array:
        """Return the sum over the bin of each example."""
        starts = np.arange(0, len(values), _BIN)
        return np.add.reduceat(values[self._order], starts, axis=0)[self._bins]
