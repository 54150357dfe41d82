"""Ranking of architectures by their true values, for tables with label noise of known size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...optimizers import Posterior
from ...tables import TrueValues
from .standings import LEVEL, N_RIVALS, Comparison, PosteriorEstimate, rival_entries


class TrueStandings:
    """Estimates of distinct architectures, and which of them cannot be distinguished from the winner.

    Equal networks count once: they share one true value.

    Args:
        values: What is known of the true values of ``n`` architectures.
        readings: What the table says of them, shape ``(n,)``.
        eligible: Which of them meet the constraints, shape ``(n,)``.
        sign: 1 if larger is better, -1 if smaller is.
    """

    def __init__(
        self,
        values: TrueValues,
        readings: NDArray[np.float64],
        eligible: NDArray[np.bool_],
        sign: float,
    ) -> None:
        self._values, self._readings, self._sign = values, readings, sign
        known = np.flatnonzero(eligible & (values.n_readings > 0)[values.network_of])
        by_reading = known[np.argsort(-sign * readings[known], kind="stable")]
        networks, first = np.unique(values.network_of[by_reading], return_index=True)
        self._shown = by_reading[first]  # of each network the architecture that reads best
        self._contender = {network: place for place, network in enumerate(networks.tolist())}
        grid, masses = values.grid, values.masses[networks]
        if sign < 0:
            grid, masses = -grid[::-1], masses[:, ::-1]
        self._posterior = Posterior(np.arange(len(networks)), grid, masses)
        self._estimates, bounds = values.estimates, values.intervals
        self._low, self._high = bounds
        self._chances = self._posterior.best() if len(networks) else np.empty(0)

    def best_first(self) -> NDArray[np.int64]:
        """Return one architecture of each network, that with the best reading; the best estimate first.

        Architectures without an estimate and those that break a constraint are not among them.
        """
        estimates = np.round(self._sign * self._estimates[self._shown], 9)
        return self._shown[np.lexsort((self._shown, -estimates))]

    def estimate(self, position: int) -> PosteriorEstimate | None:
        """Return the estimate of one architecture; None where it is not a candidate."""
        network = int(self._values.network_of[position])
        contender = self._contender.get(network)
        if contender is None:
            return None
        masses, grid = self._values.masses[network], self._values.grid
        estimate = float(self._estimates[position])
        return PosteriorEstimate(
            estimate=_rounded(estimate),
            low=_rounded(self._low[position]),
            high=_rounded(self._high[position]),
            mean=_rounded(self._values.readings[network]),
            sem=_rounded(np.sqrt((masses * (grid - estimate) ** 2).sum())),
            n_readings=int(self._values.n_readings[network]),
            probability_best=_rounded(self._chances[contender]),
        )

    def comparison(self, winner: int, describe: Callable[[int], Any]) -> Comparison | None:
        """Compare the winner with its rivals; None where its true value is not known.

        Args:
            winner: Position of the winner.
            describe: Makes the architecture at a position JSON types.
        """
        known = self.estimate(winner)
        if known is None:
            return None
        contender = self._contender[int(self._values.network_of[winner])]
        rivals = self._posterior.indistinguishable(contender, LEVEL)
        better = self._posterior.better_than(contender)
        first = rivals[:N_RIVALS]
        probabilities = np.array([_rounded(x) for x in better[first]])
        shown = rival_entries(self._shown[first], probabilities, self.estimate, describe)
        reading = float(self._readings[winner])
        return Comparison(known, shown, len(rivals), reading=reading)


def _rounded(value: float) -> float:
    """A number without the digits that depend on the place of arrays in memory."""
    return round(float(value), 9)
