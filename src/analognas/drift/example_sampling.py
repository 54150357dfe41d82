r"""Which examples each chip is asked, so that few of them say as much as all.

Most of what a chip does to a network happens to the few examples near a decision. Example :math:`i` is
predicted, from earlier chips, to score :math:`f_i` with a squared error :math:`v_i`; the next chip is asked
a random sample in which :math:`i` stands with probability :math:`\pi_i \propto \sqrt{v_i}`, and its mean
over all :math:`N` examples is estimated by

.. math:: \hat y = \frac1N \sum_i f_i + \frac1N \sum_{i \in S} \frac{y_i - f_i}{\pi_i}

Predictions and probabilities are fixed before the chip is looked at, so the estimate is unbiased whatever
they are, and the errors of different chips are uncorrelated: their spread tells the error of their mean.
Better predictions only make it smaller.

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
"""Least probability of an example while nothing is known of the chips: one that surprises counts for ten."""
FLOOR = 0.01
"""Least probability ever."""
_BIN = 50
"""Examples of similar margin that share what was learned of them."""
_SIZES = 24
_OWN = 2.0
"""Chips after which an example's own record counts as much as its neighbours'."""
_SCALE = 0.25
"""Before any chip: changes are expected at margins below this share of the median."""


@dataclass(frozen=True)
class Sample:
    """Examples that one chip is asked.

    Attributes:
        indices: Which, ascending, shape ``(n,)``.
        weights: One over their probability, shape ``(n,)``.
    """

    indices: NDArray[np.int64]
    weights: Array


class ExampleDesign:
    """Predictions for all examples, learned from chip to chip, and samples drawn by them.

    Args:
        digital: Scores of the digital network, shape ``(N,)``.
        margins: How far each answer of the digital network is from changing, positive where it is right;
            None: not known.
        n_times: T.
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
        """Return expected scores and their expected squared errors, shape ``(N, T)`` each."""
        change = self._sums - self._counts * self.digital[:, None]
        count, changed, squares = (self._pooled(x) for x in (self._counts, change, self._squares))
        near = self.digital[:, None] + changed / (count + 1.0)
        scores = (self._sums + _OWN * near) / (self._counts + _OWN)
        error = (squares + self._first[:, None]) / (count + 1.0)
        return scores, (self._squares + _OWN * error) / (self._counts + _OWN)

    def probabilities(self, errors: Array, spread: float | None = None) -> Array:
        """Return probabilities of all examples for samples of rising size, shape ``(sizes, N)``.

        Args:
            errors: Expected squared errors at the times of interest, shape ``(N, T)``.
            spread: Standard deviation from chip to chip, in scores: an example that surprises should not
                move a chip by more. None: not known.
        """
        least = LEAST_SHARE
        if spread is not None:
            least = min(max(1.0 / (len(errors) * max(spread, 1e-12)), FLOOR), LEAST_SHARE)
        size = np.sqrt((errors / errors.mean(axis=0)).mean(axis=1))
        factors = np.geomspace(least / size.max(), 1.0 / size.min(), _SIZES)
        result: Array = np.clip(factors[:, None] * size, least, 1.0)
        return result

    def draw(self, probabilities: Array, generator: np.random.Generator) -> Sample:
        """Return a systematic sample along the margins, so that all kinds of examples are in it."""
        steps = np.cumsum(probabilities[self._order])
        points = np.arange(generator.random(), steps[-1])
        chosen = self._order[np.searchsorted(steps, points, side="right")]
        indices = np.sort(chosen)
        return Sample(indices, 1.0 / probabilities[indices])

    def estimate(self, sample: Sample, scores: Array, predicted: Array) -> tuple[Array, Array]:
        """Return a chip's mean scores, and the variance that the sampling of examples gave them, ``(T,)``.

        Args:
            sample: The examples.
            scores: Their scores, shape ``(n, T)``.
            predicted: Predicted scores of all examples, shape ``(N, T)``.

        The variance is that of independent draws; along the margins it is smaller.
        """
        n = len(self.digital)
        residual = scores - predicted[sample.indices]
        w = sample.weights[:, None]
        means = predicted.mean(axis=0) + (w * residual).sum(axis=0) / n
        return means, (w * (w - 1.0) * residual**2).sum(axis=0) / n**2

    def learn(
        self, sample: Sample, scores: Array, predicted: Array, times: NDArray[np.bool_]
    ) -> None:
        """Take the scores of a chip into the record, at the times where it was asked."""
        where = np.ix_(sample.indices, np.flatnonzero(times))
        self._counts[where] += 1.0
        self._sums[where] += scores[:, times]
        self._squares[where] += (scores - predicted[sample.indices])[:, times] ** 2

    def state(self) -> dict[str, Array]:
        """Return everything learned, by name."""
        return {"counts": self._counts, "sums": self._sums, "squares": self._squares}

    def load_state(self, state: dict[str, Array]) -> None:
        """Go on from what :meth:`state` returned."""
        self._counts, self._sums, self._squares = (
            state[name] for name in ("counts", "sums", "squares")
        )

    def _pooled(self, values: Array) -> Array:
        """Return the sum over the bin of each example."""
        starts = np.arange(0, len(values), _BIN)
        return np.add.reduceat(values[self._order], starts, axis=0)[self._bins]
