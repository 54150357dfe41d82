"""Ranking of architectures whose values have standard errors: pooled readings, intervals, rivals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evaluators import Evaluation, Problem, pooled_evaluation
from ...optimizers import Posterior
from ...spaces import Population, Space

LEVEL = 0.95
"""Probability of intervals, and of the winner and its rivals to hold the best."""

N_RIVALS = 20
"""Rivals that a result lists; all of them are counted."""


@dataclass(frozen=True)
class PosteriorEstimate:
    """Posterior estimate of one true value.

    Attributes:
        estimate: Its expectation, in the light of all architectures measured.
        low: Lower bound of its interval of level :data:`LEVEL`.
        high: Upper bound.
        mean: Mean of its own readings, by the inverse of their variances.
        sem: Standard error of that mean.
        n_readings: Number of readings.
        probability_best: Probability to be the best of all that were measured.

    Example:
        >>> from analognas import Worker
        >>> from analognas.evaluators import NoisyTableEvaluator
        >>> evaluator = NoisyTableEvaluator()
        >>> result = Worker(optimizer="random_search", evaluator=evaluator, runs=1, budget=50).search()
        >>> winner = result.comparison.winner
        >>> winner.n_readings, 0 < winner.probability_best < 1
        (1, True)
    """

    estimate: float
    low: float
    high: float
    mean: float
    sem: float
    n_readings: int
    probability_best: float


@dataclass(frozen=True)
class Comparison:
    """The winner, and the rivals that cannot be distinguished from it.

    Attributes:
        winner: The winner's true value.
        rivals: The likeliest rivals first, at most :data:`N_RIVALS`: architecture, estimate, and
            ``probability_better`` than the winner, JSON types.
        n_rivals: Number of all rivals. With the winner they hold the best of all that were measured with
            probability ``level``.
        level: Level of intervals and of the set of rivals.
        reading: What the table says of the winner, where intervals contain the table's label noise; None where
            they are those of measurement errors.

    Example:
        >>> from analognas import Worker
        >>> from analognas.evaluators import NoisyTableEvaluator
        >>> evaluator = NoisyTableEvaluator()
        >>> result = Worker(optimizer="random_search", evaluator=evaluator, runs=1, budget=50).search()
        >>> winner = result.comparison.winner
        >>> winner.low < winner.estimate < winner.high
        True
    """

    winner: PosteriorEstimate
    rivals: tuple[dict[str, Any], ...]
    n_rivals: int
    level: float = LEVEL
    reading: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON types."""
        return {
            "level": self.level,
            "label_noise": self.reading is not None,
            "winner": asdict(self.winner),
            "n_rivals": self.n_rivals,
            "rivals": list(self.rivals),
        }

    def summary(self, name: Callable[[Any], str], unit: str) -> str:
        """One line of text; ``name`` makes an architecture readable."""
        winner = self.winner
        readings = f"{winner.n_readings} reading{'s' if winner.n_readings > 1 else ''}"
        interval = f"{winner.low:.2f} to {winner.high:.2f} {unit}".rstrip()
        if self.reading is None:
            about = "interval for errors of measurement"
        else:
            about = "interval, label noise included"
            readings += " of this network"
        line = f"{100 * self.level:.0f} % {about}, from {readings}: {interval}"
        if not self.n_rivals:
            return f"{line}; no rival may be better"
        likeliest = self.rivals[0]
        return (
            f"{line}; it cannot be distinguished from {self.n_rivals} "
            f"rival{'s' if self.n_rivals > 1 else ''}, the likeliest {name(likeliest['architecture'])}, better "
            f"with a probability of {100 * likeliest['probability_better']:.0f} %"
        )


class Standings:
    """Distinct architectures of a run or a search, in the order of their first evaluation.

    Where repeats are new measurements (:attr:`.Problem.stochastic`), all readings of an architecture are pooled
    and architectures are ranked by their estimates; else each counts with its value, and a standard error only
    tells how sure that is.

    Args:
        space: The space.
        problem: What was searched for.
        population: Trials, shape ``(r, n_genes)``.
        evaluation: Their metrics.
        errors_of_measurement: Whether standard errors are those of measurements. Those of predictions are not:
            they are no scatter about a true value.

    Attributes:
        first: Trial that first measured each architecture, shape ``(n,)``.
        of_trial: Position of each trial's architecture, shape ``(r,)``.
        evaluation: Metrics of each architecture; the objective as it is ranked.
        violation: Total violation of the constraints, shape ``(n,)``.
        score: First objective, larger is better; minus infinity where a constraint is broken, shape ``(n,)``.

    Example:
        >>> from analognas.search import read_trials
        >>> trials = read_trials("my-search")
        >>> evaluation = Evaluation(trials.values)
        >>> standings = Standings(trials.space, trials.problem, trials.genotypes, evaluation)
        >>> best = standings.best_first()[0]
        >>> bool(standings.score[best] == standings.score.max())
        True
    """

    def __init__(
        self,
        space: Space,
        problem: Problem,
        population: Population,
        evaluation: Evaluation,
        *,
        errors_of_measurement: bool = True,
    ) -> None:
        self._objective = objective = problem.objectives[0]
        self._sign = problem.sign
        positions: dict[Any, int] = {}
        codes = space.codes(population).tolist()
        groups = [positions.setdefault(code, len(positions)) for code in codes]
        self.of_trial = np.array(groups, dtype=np.int64)
        n = len(positions)
        self.first = np.unique(self.of_trial, return_index=True)[1]
        self._n_readings = np.ones(n, dtype=np.int64)
        if problem.stochastic:
            self._n_readings = np.bincount(self.of_trial, minlength=n)
            self.evaluation = pooled_evaluation([evaluation], self.of_trial, n)
        else:
            self.evaluation = evaluation.take(self.first)
        self._pooled = self.evaluation
        self.violation = problem.violation(self.evaluation)
        self._compared = np.empty(0, dtype=np.int64)
        comparable = errors_of_measurement and len(problem.objectives) == 1
        if comparable and objective in evaluation.sems:
            self._compare(problem.stochastic)
        score = self._sign * self.evaluation.means[objective]
        self.score = np.where(self.violation > 0, -np.inf, score)

    def _compare(self, ranks: bool) -> None:
        """Fit the posterior to all candidates; where it ranks, its means replace the values."""
        means, sems = self._pooled.means[self._objective], self._pooled.sems[self._objective]
        fit = np.flatnonzero((self.violation == 0) & np.isfinite(sems))
        if not len(fit):
            return
        self._posterior = Posterior.fit(self._sign * means[fit], sems[fit])
        self._compared = fit[self._posterior.contenders]
        if ranks:
            estimated = means.copy()
            estimated[self._compared] = self._sign * self._posterior.means()
            ranked = {**self._pooled.means, self._objective: estimated}
            self.evaluation = Evaluation(ranked, self._pooled.sems)

    def best_first(self) -> NDArray[np.int64]:
        """Positions from the best; of those that break a constraint, only where nothing meets all."""
        # lexsort is stable, so among equals the one found first wins.
        order = np.lexsort((-self.score, self.violation))
        feasible = self.violation[order] == 0
        return order[feasible] if feasible.any() else order

    def estimate(self, position: int) -> PosteriorEstimate | None:
        """What is known of one architecture's objective; None where it is out of the race or without error."""
        found = np.flatnonzero(self._compared == position)
        if not len(found):
            return None
        contender = int(found[0])
        bounds = sorted(self._sign * bound for bound in self._posterior.interval(contender, LEVEL))
        return PosteriorEstimate(
            estimate=self._sign * float(self._posterior.means()[contender]),
            low=bounds[0],
            high=bounds[1],
            mean=float(self._pooled.means[self._objective][position]),
            sem=float(self._pooled.sems[self._objective][position]),
            n_readings=int(self._n_readings[position]),
            probability_best=float(self._posterior.best()[contender]),
        )

    def comparison(self, winner: int, describe: Callable[[int], Any]) -> Comparison | None:
        """Compare the winner with its rivals; None where values have no errors.

        Args:
            winner: Position of the winner.
            describe: Makes the architecture at a position JSON types.
        """
        known = self.estimate(winner)
        if known is None:
            return None
        contender = int(np.flatnonzero(self._compared == winner)[0])
        rivals = self._posterior.indistinguishable(contender, LEVEL)
        better = self._posterior.better_than(contender)
        first = rivals[:N_RIVALS]
        shown = rival_entries(self._compared[first], better[first], self.estimate, describe)
        return Comparison(known, shown, len(rivals))


def rival_entries(
    positions: NDArray[Any],
    better: NDArray[Any],
    estimate: Callable[[int], Any],
    describe: Callable[[int], Any],
) -> tuple[dict[str, Any], ...]:
    """Return what is stored of the rivals of a winner, as JSON types.

    Args:
        positions: Positions of the rivals, shape ``(n,)``.
        better: Probability of each to be better than the winner, shape ``(n,)``.
        estimate: Returns the estimate of the architecture at a position, a dataclass.
        describe: Returns the architecture at a position as JSON types.
    """
    return tuple(
        {
            "architecture": describe(position),
            **asdict(estimate(position)),
            "probability_better": probability,
        }
        for position, probability in zip(positions.tolist(), better.tolist(), strict=True)
    )
