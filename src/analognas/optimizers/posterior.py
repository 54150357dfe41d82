r"""Posterior of true values from noisy readings: intervals, rivals, and the probability of being the best.

The best of many noisy values overestimates its true value (the winner's curse). An empirical-Bayes posterior
corrects this with the distribution of all values. With readings
:math:`m_i \sim N(\theta_i, s_i^2)` of known errors and true values :math:`\theta_i` from one distribution
:math:`g`,
the posterior of :math:`\theta_i` does not depend on which architecture was selected or why it was measured
again, because both follow from the data. It needs no further correction for selection or adaptive measurement.

:math:`g` is a mixture of normal distributions of equal width on a grid of centres. Its weights are fitted by
expectation maximisation. Each architecture uses the weights of the others, so that extremes do not confirm
themselves. A few uniform pseudo-observations represent values that were not seen yet.

Limitation: where many true values lie below an edge that is sharper than the errors, the mixture blurs the
    edge,
estimates stay too high, and intervals cover less often than stated. More readings of the contenders help, since
they reduce the influence of the prior.

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
"""Standard deviation of a component, in typical standard errors."""

PSEUDO_OBSERVATIONS = 4.0
"""Weight of the uniform part of the prior, in observations."""

_STEPS_OF_EM = 50
_GRID = 300
_LEARNT_FROM = 4096
_AMONG_THE_BEST = 10
# Contenders are within these numbers of standard errors of the best.
_REACH_UP, _REACH_DOWN = 4.0, 3.0


@dataclass(frozen=True)
class Posterior:
    """Posterior of the true values of all candidates for the best; larger is better.

    Attributes:
        contenders: Positions of the candidates among all values, shape ``(k,)``.
        grid: Grid of values, shape ``(m,)``.
        mass: Probability of each value for each contender, shape ``(k, m)``.

    Example:
        >>> posterior = Posterior.fit(np.array([90.0, 89.9, 80.0]), np.array([0.1, 0.4, 0.1]))
        >>> posterior.contenders
        array([0, 1])
    """

    contenders: NDArray[np.int64]
    grid: Floats
    mass: Floats

    @classmethod
    def fit(cls, means: Floats, sems: Floats) -> Posterior:
        """Fit the distribution of true values, and return the posterior of each contender.

        Args:
            means: Pooled readings, larger is better, finite, shape ``(n,)``.
            sems: Their standard errors, 0 where a value is exact, shape ``(n,)``.

        Raises:
            InvalidArgumentError: If there are no values, or one is not finite.

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
                "A posterior needs at least one value, and only finite values and standard errors."
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
        # An exact value between two grid points must not vanish.
        s = np.maximum(s, grid[1] - grid[0])
        mass = _bell((grid - m[:, None]) / s[:, None]) * prior
        return cls(contenders, grid, mass / mass.sum(axis=1, keepdims=True))

    def means(self) -> Floats:
        """Return the expected true value of each contender, shape ``(k,)``."""
        return self.mass @ self.grid

    def interval(self, contender: int, level: float = 0.95) -> tuple[float, float]:
        """Return the equal-tailed credible interval of one contender's true value.

        Raises:
            InvalidArgumentError: If ``level`` is not between 0 and 1.
        """
        tail = (1.0 - _checked(level)) / 2.0
        low, high = np.interp(
            [tail, 1.0 - tail], _middle_of_steps(self.mass[contender]), self.grid
        ).tolist()
        return low, high

    def better_than(self, contender: int) -> Floats:
        """Return the probability that each contender beats the given one, shape ``(k,)``; 0.5 for itself."""
        better = self.mass @ _middle_of_steps(self.mass[contender])
        better[contender] = 0.5
        return better

    def best(self) -> Floats:
        r"""Return the probability that each contender is the best, shape ``(k,)``.

        :math:`\int f_i(x) \prod_{j \ne i} F_j(x) \, dx`, on the grid.
        """
        below = np.log(np.maximum(_middle_of_steps(self.mass), np.finfo(float).tiny))
        chances: Floats = (self.mass * np.exp(below.sum(axis=0) - below)).sum(axis=1)
        chances /= chances.sum()
        return chances

    def indistinguishable(self, contender: int, level: float = 0.95) -> NDArray[np.int64]:
        """Return the rivals of a contender: the smallest set that contains the best with probability ``level``.

        The set is sorted by probability. ``contender`` counts as a member, but is not returned.

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
    """Return the probability of smaller values plus half of that of equal values."""
    return np.cumsum(mass, axis=-1) - 0.5 * mass


def _mixture(means: Floats, sems: Floats, centres: Floats, width: float) -> tuple[Floats, Floats]:
    """Return the weights of the components, in observations, and the shares of each observation, by EM."""
    spread = np.hypot(sems, width)[:, None]
    likelihood = _bell((means[:, None] - centres) / spread) / spread
    pseudo = PSEUDO_OBSERVATIONS / len(centres)
    weights = np.full(len(centres), 1.0 / len(centres))
    # The shares of an observation sum to one, so a component's total is one matrix product.
    for _ in range(_STEPS_OF_EM):
        observed = weights * (likelihood.T @ (1.0 / (likelihood @ weights))) + pseudo
        weights = observed / observed.sum()
    shares = likelihood * weights
    shares /= shares.sum(axis=1, keepdims=True)
    return shares.sum(axis=0) + pseudo, shares
