r"""What readings with errors say about true values: intervals, rivals, and the chance of each to be the best.

The best of many noisy values is too good to be true (the winner's curse). An empirical-Bayes posterior corrects
for it: the spread of all values tells how much of an extreme one is luck. With readings
:math:`m_i \sim N(\theta_i, s_i^2)` of known errors and true values :math:`\theta_i` from one distribution
:math:`g`,
the posterior of :math:`\theta_i` does not depend on which architecture was picked, nor on why it was read
again: both follow from the data. So it needs no further correction for selection or for adaptive reading.

:math:`g` is a mixture of normal laws of equal width on a grid of centres, its weights are found by expectation
maximisation, and each architecture sees the weights that the others gave (with its own, the extremes would
confirm themselves). A few pseudo-observations, spread evenly, stand for what was not seen yet.

The limit: where many true values crowd below an edge that is sharper than the errors, the mixture blurs the
edge, estimates stay too high, and intervals hold less often than they promise. Readings of one contender made
anew are the remedy: the more of them, the less the prior matters.

Sources: Robbins, "An Empirical Bayes Approach to Statistics", 1956; Efron, "Tweedie's Formula and Selection
Bias", Journal of the American Statistical Association 106, 2011; the mixture fitted by EM with pseudo-counts
as in Stephens, "False discovery rates: a new deal", Biostatistics 18, 2017. Width and pseudo-observations
were chosen by the coverage on seeds 1000 and up of ``benchmarks/noisy_search.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_float

Floats = NDArray[np.float64]

WIDTH = 1.5
"""Standard deviation of a component, in typical standard errors: what is finer, the errors hide."""

PSEUDO_OBSERVATIONS = 4.0
"""Observations that the even part of the prior is worth."""

_STEPS_OF_EM = 50
_GRID = 300
_LEARNT_FROM = 4096
_AMONG_THE_BEST = 10
# Beyond so many errors below the best, nothing is still in the race.
_REACH_UP, _REACH_DOWN = 4.0, 3.0


@dataclass(frozen=True)
class Posterior:
    """Posterior of the true values of all candidates for the best; larger is better.

    Attributes:
        contenders: Positions of these among all that were given, shape ``(k,)``.
        grid: Values, shape ``(m,)``.
        mass: Probability of each value for each contender, shape ``(k, m)``.
    """

    contenders: NDArray[np.int64]
    grid: Floats
    mass: Floats

    @classmethod
    def fit(cls, means: Floats, sems: Floats) -> Posterior:
        """Learn the distribution of true values, and what each reading means in its light.

        Args:
            means: Pooled readings, larger is better, finite, shape ``(n,)``.
            sems: Their standard errors, 0 where a value is exact, shape ``(n,)``.

        Raises:
            InvalidArgumentError: If there is nothing, or something is not finite.

        Example:
            >>> posterior = Posterior.fit(np.array([90.0, 89.9, 80.0]), np.array([0.1, 0.4, 0.1]))
            >>> posterior.contenders.tolist()
            [0, 1]
            >>> low, high = posterior.interval(0)
            >>> bool(89.7 < low < 90 < high < 90.3)
            True
        """
        if not len(means) or not (np.isfinite(means) & np.isfinite(sems)).all():
            raise InvalidArgumentError(
                "A posterior needs at least one value, and finite values and standard errors only."
            )
        sems = np.maximum(sems, 1e-6 * max(1.0, float(np.abs(means).max())))
        in_race = means + _REACH_UP * sems >= (means - _REACH_DOWN * sems).max()
        contenders = np.flatnonzero(in_race)
        m, s = means[contenders], sems[contenders]
        low, high = (m - _REACH_UP * s).min(), (m + _REACH_UP * s).max()
        width = WIDTH * float(np.median(s[np.argsort(-m)[:_AMONG_THE_BEST]]))
        centres = np.linspace(low, high, 1 + int(np.clip(np.ceil((high - low) / width), 1, _GRID)))
        width = max(width, float(centres[1] - centres[0]))
        learnt = np.flatnonzero(means >= low)
        learnt = learnt[np.argsort(-means[learnt], kind="stable")[:_LEARNT_FROM]]
        learnt = np.union1d(learnt, contenders)
        weights, shares = _mixture(means[learnt], sems[learnt], centres, width)
        of_others = weights - shares[np.searchsorted(learnt, contenders)]
        grid = np.linspace(low, high, _GRID)
        prior = np.maximum(of_others, 0.0) @ _bell((centres[:, None] - grid) / width)
        # An exact value lies between two points of the grid; it must not vanish there.
        s = np.maximum(s, grid[1] - grid[0])
        mass = _bell((grid - m[:, None]) / s[:, None]) * prior
        return cls(contenders, grid, mass / mass.sum(axis=1, keepdims=True))

    def means(self) -> Floats:
        """Expected true value of each contender, shape ``(k,)``."""
        return self.mass @ self.grid

    def interval(self, contender: int, level: float = 0.95) -> tuple[float, float]:
        """Bounds that hold the true value of one contender with probability ``level``, tails of equal size.

        Raises:
            InvalidArgumentError: If ``level`` is not between 0 and 1.
        """
        tail = (1.0 - _checked(level)) / 2.0
        low, high = np.interp(
            [tail, 1.0 - tail], _middle_of_steps(self.mass[contender]), self.grid
        ).tolist()
        return low, high

    def better_than(self, contender: int) -> Floats:
        """Probability of each contender to be better than one of them, shape ``(k,)``; 0.5 for itself."""
        better = self.mass @ _middle_of_steps(self.mass[contender])
        better[contender] = 0.5
        return better

    def best(self) -> Floats:
        r"""Probability of each contender to be the best of all, shape ``(k,)``.

        :math:`\int f_i(x) \prod_{j \ne i} F_j(x) \, dx`, on the grid.
        """
        below = np.log(np.maximum(_middle_of_steps(self.mass), np.finfo(float).tiny))
        chances: Floats = (self.mass * np.exp(below.sum(axis=0) - below)).sum(axis=1)
        chances /= chances.sum()
        return chances

    def indistinguishable(self, contender: int, level: float = 0.95) -> NDArray[np.int64]:
        """The fewest contenders that hold the best of all with probability ``level``, likeliest first.

        ``contender`` is not among them, but counts as held: what is left are the rivals that the readings do
        not tell apart from it.

        Raises:
            InvalidArgumentError: If ``level`` is not between 0 and 1.
        """
        chances = self.best()
        order = np.argsort(-chances, kind="stable")
        order = order[order != contender]
        held = chances[contender] + np.concatenate([[0.0], np.cumsum(chances[order])])
        rivals: NDArray[np.int64] = order[: int(np.argmax(held >= _checked(level) - 1e-12))]
        return rivals


def _checked(level: float) -> float:
    return check_float("level", level, minimum=0.0, maximum=1.0)


def _bell(z: Floats) -> Floats:
    bell: Floats = np.exp(-0.5 * z * z)
    return bell


def _middle_of_steps(mass: Floats) -> Floats:
    """Probability of less, and half of that of equal."""
    return np.cumsum(mass, axis=-1) - 0.5 * mass


def _mixture(means: Floats, sems: Floats, centres: Floats, width: float) -> tuple[Floats, Floats]:
    """Weights of the components, in observations, and the share of each observation in each, by EM."""
    spread = np.hypot(sems, width)[:, None]
    likelihood = _bell((means[:, None] - centres) / spread) / spread
    pseudo = PSEUDO_OBSERVATIONS / len(centres)
    weights = np.full(len(centres), 1.0 / len(centres))
    # The total share of a component is a product with the inverse of what each observation adds up to.
    for _ in range(_STEPS_OF_EM):
        observed = weights * (likelihood.T @ (1.0 / (likelihood @ weights))) + pseudo
        weights = observed / observed.sum()
    shares = likelihood * weights
    shares /= shares.sum(axis=1, keepdims=True)
    return shares.sum(axis=0) + pseudo, shares
