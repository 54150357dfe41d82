r"""Adaptive number of chips and examples, decided during the measurement, for a requested precision.

After :math:`K` chips with estimates :math:`\hat y_k` the interval of the mean is

.. math:: \bar y \pm t_{K-1} \sqrt{1 + 2/K}\; s / \sqrt K

A time is finished once half of its length is at most the tolerance. Stopping when the spread happens to be
small lowers the coverage of plain t intervals (93 % instead of 95 %). The root corrects this; it tends to one,
the value for a fixed number of chips. For normal chips with spreads from a fifth to four times the tolerance,
the coverage is 94.5 to 97.1 %.

Source: Chow and Robbins, Ann. Math. Stat. 36:457, 1965 (sequential intervals of fixed width, with a similar
correction).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .example_sampling import ExampleDesign, Sample
from .intervals import t_quantile
from .variance_components import Array

MIN_CHIPS = 6
"""Smallest number of chips of an adaptive evaluation: fewer do not estimate the spread well enough."""
CHIP_COST = 12
"""Cost of programming a chip and of moving it in time, in examples run at all times.

Measured with benchmarks/drift_speed.py: 6 for a WideResNet-16-4, about 15 for a small CNN. It is a constant, so
that an evaluation depends on its seed alone.
"""
_QUANTILE = 2.1  # for planning; intervals use the quantile of their degrees of freedom
_MORE = np.arange(1, 201)


def widening(n_chips: Array | NDArray[np.int64] | float) -> Array:
    """Return the factor that corrects for stopping when the spread happens to be small."""
    factor: Array = np.sqrt(1.0 + 2.0 / np.asarray(n_chips, dtype=float))
    return factor


def half_widths(means: Array, confidence: float, *, adaptive: bool = True) -> Array:
    """Return the half-width of each time's interval, in scores; infinite for fewer than two chips.

    Args:
        means: Mean scores of chips, NaN where missing, shape ``(K, T)``.
        confidence: Confidence level of the intervals.
        adaptive: Whether the number of chips was chosen by their spread.
    """
    n = np.isfinite(means).sum(axis=0)
    result = np.full(len(n), math.inf)
    for j in np.flatnonzero(n > 1):
        reach = t_quantile(confidence, n[j] - 1) * (float(widening(n[j])) if adaptive else 1.0)
        result[j] = reach * means[: n[j], j].std(ddof=1) / math.sqrt(n[j])
    return result


@dataclass(frozen=True)
class NextChip:
    """Examples and times of the next chip.

    Attributes:
        sample: The examples.
        times: Whether each time is measured, shape ``(T,)``.
        predicted: Predicted scores of all examples, shape ``(N, T)``.
    """

    sample: Sample
    times: NDArray[np.bool_]
    predicted: Array


class AdaptiveSampler:
    """Chooses examples and times from chip to chip; knows no networks or devices.

    Args:
        digital: Scores of the network without analog effects, shape ``(N,)``.
        margins: Margins as for :class:`~analognas.drift.example_sampling.ExampleDesign`.
        reference: Scores of the reference network, shape ``(N,)``.
        n_times: Number of times T.
        confidence: Confidence level of the intervals.
        whole: Always use all examples.
    """

    def __init__(
        self,
        digital: Array,
        margins: Array | None,
        reference: Array,
        n_times: int,
        *,
        confidence: float,
        whole: bool = False,
    ) -> None:
        self.design = ExampleDesign(digital, margins, n_times)
        self.reference = reference
        self.confidence, self.whole = confidence, whole
        self._moments, self._moment_counts = np.zeros((2, n_times + 1, n_times + 1))
        self.means = np.empty((0, n_times))
        self.sampling = np.empty((0, n_times))
        n = len(digital)
        self._first = n if whole else min(n, max(256, min(n // 4, 1024)))

    @property
    def n_chips(self) -> int:
        """Number of measured chips."""
        return len(self.means)

    def covariance_of_examples(self) -> Array:
        """Return the covariance of one example's scores at all times and of its reference score.

        It is the covariance on single chips and includes the residual, so it is slightly larger than that of
        the examples' effects, which can only be separated with all examples on the same chips.
        """
        mean = np.append(np.nanmean(self.means, axis=0), self.reference.mean())
        return self._moments / np.maximum(self._moment_counts, 1.0) - np.outer(mean, mean)

    def next(self, tolerance: Array, generator: np.random.Generator) -> NextChip | None:
        """Return examples and times of the next chip, or None if all intervals are short enough.

        Args:
            tolerance: Largest half-width at each time, in scores, shape ``(T,)``.
            generator: Source of the sample.
        """
        measured = np.isfinite(self.means).sum(axis=0)
        times = (half_widths(self.means, self.confidence) > tolerance) | (measured < MIN_CHIPS)
        # A finished time stays finished, so that each time has the first chips.
        times &= measured == self.n_chips
        if not times.any():
            return None
        predicted, errors = self.design.predictions()
        probabilities = self._probabilities(errors[:, times], tolerance[times], times)
        return NextChip(self.design.draw(probabilities, generator), times, predicted)

    def add(self, step: NextChip, scores: Array) -> None:
        """Add the scores of a chip, shape ``(n, T)``; NaN where it was not measured."""
        means, sampling = self.design.estimate(step.sample, scores, step.predicted)
        self.means = np.vstack([self.means, means])
        self.sampling = np.vstack([self.sampling, sampling])
        self.design.learn(step.sample, scores, step.predicted, step.times)
        self._add_moments(step.sample, scores)

    def _add_moments(self, sample: Sample, scores: Array) -> None:
        """Add the mean products of scores, estimated as changes from those of the digital network."""
        digital = self.design.digital
        base = np.column_stack(
            [np.repeat(digital[:, None], scores.shape[1], axis=1), self.reference]
        )
        here = base[sample.indices]
        asked = np.column_stack([scores, self.reference[sample.indices]])
        weighted = sample.weights[:, None]
        change = asked.T @ (weighted * asked) - here.T @ (weighted * here)
        moments = (base.T @ base + change) / len(digital)
        known = np.isfinite(moments)
        self._moments[known] += moments[known]
        self._moment_counts += known

    def _probabilities(self, errors: Array, tolerance: Array, times: NDArray[np.bool_]) -> Array:
        """Return the probabilities of the examples with the lowest expected cost of the remaining work."""
        n, k = len(errors), self.n_chips
        if self.whole:
            return np.ones(n)
        if k < 2:
            choices = self.design.probabilities(errors)
            row = int(np.abs(choices.sum(axis=1) - self._first).argmin())
            return np.asarray(choices[row])
        spread = self.means[:, times].var(axis=0, ddof=1)
        of_chips = np.maximum(spread - self.sampling[:, times].mean(axis=0), 0.1 * spread)
        least = None if k < MIN_CHIPS else math.sqrt(float(of_chips.min()))
        choices = self.design.probabilities(errors, least)
        of_sampling = (1.0 / choices - 1.0) @ errors / n**2
        total = k + _MORE
        variance = (k * spread + _MORE[:, None] * (of_chips + of_sampling)[:, None]) / total[
            :, None
        ] ** 2
        reach = _QUANTILE * widening(total)
        enough = (reach[:, None] * np.sqrt(variance) <= tolerance).all(axis=2) & (
            total >= MIN_CHIPS
        )
        each = CHIP_COST + choices.sum(axis=1)
        if enough.any():
            costs = np.where(enough.any(axis=1), _MORE[enough.argmax(axis=1)] * each, np.inf)
        else:  # far from the goal: the lowest variance for the cost
            costs = ((of_chips + of_sampling) / np.maximum(tolerance, 1e-9) ** 2).max(axis=1) * each
        return np.asarray(choices[int(costs.argmin())])

    def state(self) -> dict[str, Array]:
        """Return the state, by name."""
        return {
            "means": self.means,
            "sampling": self.sampling,
            "moments": self._moments,
            "moment_counts": self._moment_counts,
            **self.design.state(),
        }

    def load_state(self, state: dict[str, Array]) -> None:
        """Restore the state that :meth:`state` returned."""
        self.means, self.sampling = state["means"], state["sampling"]
        self._moments, self._moment_counts = state["moments"], state["moment_counts"]
        self.design.load_state(state)
