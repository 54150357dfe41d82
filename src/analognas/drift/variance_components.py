r"""Variance components of scores of every chip on every example.

.. math:: Y_{ki} = \mu + a_k + b_i + e_{ki}

with independent effects of chips, of examples, and of both together (including read noise). The spread of chip
means does not contain :math:`b`: intervals from it hold for this test set. For the population of examples,
:math:`\sigma_b^2 / N` is added.

Source: Searle, Casella and McCulloch, Variance Components, Wiley, 1992, ch. 4 (crossed random model without
replication); Owen, Ann. Appl. Stat. 1:386, 2007 (resampling only chips, or only examples, underestimates the
error).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Covariances of scores between times, shape ``(T, T)`` each.

    Attributes:
        chips: Effects of chips.
        examples: Effects of examples.
        residual: Effects of a chip on a single example, besides both.
    """

    chips: Array
    examples: Array
    residual: Array


class CrossedSums:
    """Sums for means and variance components.

    Memory holds one number for each example and time, one for each chip and time, and a matrix between times.

    Args:
        fixed: Scores without a chip, such as those of the digital network, shape ``(N, F)``. They are
            additional "times" of the covariance of examples.
        n_times: Number of times T.
    """

    def __init__(self, fixed: Array, n_times: int) -> None:
        self.fixed = fixed
        self.n_times = n_times
        self.chip_means = np.empty((0, n_times))
        # Scores minus the first fixed ones: small numbers, whose squares are accurate.
        self.example_sums = np.zeros((len(fixed), n_times))
        self.gram = np.zeros((n_times, n_times))

    @property
    def n_chips(self) -> int:
        """Number of chips."""
        return len(self.chip_means)

    def add(self, scores: Array) -> None:
        """Add the scores of one chip, shape ``(N, T)``."""
        shifted = scores - self.fixed[:, :1]
        self.chip_means = np.vstack([self.chip_means, scores.mean(axis=0)])
        self.example_sums += shifted
        self.gram += shifted.T @ shifted

    def components(self) -> Components:
        """Return the variance components by analysis of variance; variances may be negative.

        Needs at least two chips and two examples.
        """
        k, n = self.n_chips, len(self.fixed)
        chips = self.chip_means - self.fixed[:, 0].mean()
        examples = self.example_sums / k
        mean = chips.mean(axis=0)
        of_chips = n * _scatter(chips - mean)
        of_examples = k * _scatter(examples - mean)
        total = self.gram - k * n * np.outer(mean, mean)
        residual = (total - of_chips - of_examples) / ((k - 1) * (n - 1))
        # The shift changed the examples' effects; these are the effects of the scores themselves.
        whole = examples + self.fixed[:, :1]
        of_whole = k * _scatter(whole - whole.mean(axis=0))
        return Components(
            (of_chips / (k - 1) - residual) / n, (of_whole / (n - 1) - residual) / k, residual
        )

    def covariance_of_examples(self) -> Array:
        """Return the covariance of the examples' effects and fixed scores, shape ``(T + F, T + F)``."""
        joined = np.hstack([self.example_sums / self.n_chips + self.fixed[:, :1], self.fixed])
        joined = joined - joined.mean(axis=0)
        result = _scatter(joined) / (len(joined) - 1)
        if self.n_chips > 1:
            result[: self.n_times, : self.n_times] -= self.components().residual / self.n_chips
        return result

    def state(self) -> dict[str, Array]:
        """Return the state, by name."""
        return {
            "chip_means": self.chip_means,
            "example_sums": self.example_sums,
            "gram": self.gram,
        }

    def load_state(self, state: dict[str, Array]) -> None:
        """Restore the state that :meth:`state` returned."""
        self.chip_means = state["chip_means"]
        self.example_sums = state["example_sums"]
        self.gram = state["gram"]


def _scatter(rows: Array) -> Array:
    result: Array = rows.T @ rows
    return result
