"""Base of optimizers with a model: initial design, candidates and feasibility."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core import Constraint, InvalidArgumentError, check_choice, check_float, check_int
from ..core.threads import one_blas_thread
from ..evaluators import Evaluation, GraphEnsemble, KnownBounds, Problem, distinct_rows
from ..spaces import Population, Space, default_encoding, encode_features
from .acquisitions import ACQUISITIONS, EI_PER_COST
from .base import Optimizer
from .candidate_predictions import counts_alike
from .class_choice import BEST_OF_CLASS
from .listed_candidates import ListedCandidates
from .observations import Observations

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

LISTED = 2**15
"""Spaces up to this size are their own candidates; in larger ones candidates are bred and drawn."""

N_CANDIDATES = 2000
"""Number of candidates in a larger space: three quarters are children of the best, the rest is random."""

_DRAWING_ROUNDS, _FURTHER_ROUNDS = 50, 8
"""Most rounds of random draws for the first candidates within the known bounds, and for later ones."""
_MOST_KEPT = 2000
_DRAWN_AT_ONCE = 200

_PARENTS = 20
LEAST_MEASURED = 6
"""Results that a model needs."""

_LARGEST_BATCH = 20


class ModelBased(Optimizer):
    """Base of optimizers that fit a model after every batch and propose its best candidates.

    Constraints on metrics that the space counts (parameters, MACs) are exact. In spaces that are too large to
    list, all proposals meet the bounds that are known without measuring, such as that on extrapolation, if such
    architectures are found. Metrics of other constraints are modelled like objectives, and the acquisition
    function is multiplied by the probability that they are met.

    Args:
        n_initial: Number of random architectures before the first model.
        acquisition: Name of the acquisition function, one of :attr:`acquisitions`.
        kappa: Factor of the standard deviation in ``"ucb"``.
        temperature: Factor of the standard deviations of draws.
        batch_size: Architectures of a batch; None: the fraction ``batch_share`` of the measured architectures,
            from 1 to 20.
        batch_share: See ``batch_size``.
        encoding: Name of the feature encoding; None: the default encoding of the space.

    Attributes:
        acquisitions: Names of the supported acquisition functions.

    Raises:
        UnknownNameError: If there is no such acquisition function.
        InvalidArgumentError: If a number is out of range.
    """

    observations: Observations
    _within_bounds: Population
    any_order = True
    acquisitions: ClassVar[Sequence[str]] = (BEST_OF_CLASS, *ACQUISITIONS, EI_PER_COST)

    def __init__(
        self,
        *,
        n_initial: int = 10,
        acquisition: str = BEST_OF_CLASS,
        kappa: float = 1.0,
        temperature: float = 0.5,
        batch_size: int | None = None,
        batch_share: float = 0.1,
        encoding: str | None = None,
    ) -> None:
        super().__init__(batch_size=_LARGEST_BATCH if batch_size is None else batch_size)
        self._batch_grows = batch_size is None
        self._list: tuple[tuple[Space, str], ListedCandidates] | None = None
        self._listed: ListedCandidates | None = None
        self.n_initial = check_int("n_initial", n_initial, minimum=1)
        self.acquisition = check_choice("acquisition", acquisition, self.acquisitions)
        self.kappa = check_float("kappa", kappa, minimum=0.0)
        self.temperature = check_float("temperature", temperature, minimum=0.0)
        self.batch_share = check_float("batch_share", batch_share, minimum=0.0, maximum=1.0)
        self.encoding = encoding

    def hyperparameters(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "n_initial": self.n_initial,
            "acquisition": self.acquisition,
            "kappa": self.kappa,
            "temperature": self.temperature,
            "batch_size": None if self._batch_grows else self.batch_size,
            "batch_share": self.batch_share,
            "encoding": self.encoding,
        }

    def check(self, problem: Problem) -> None:
        """Check that the objectives are supported, and that the cost is known that the acquisition needs.

        Raises:
            InvalidArgumentError: If not.
        """
        super().check(problem)
        if self.acquisition == EI_PER_COST and problem.cost_metric is None:
            raise InvalidArgumentError(
                f"`acquisition` {EI_PER_COST!r} needs `cost_metric`, the metric that says what an evaluation "
                "cost."
            )

    def start_from(self, population: Population) -> None:
        """Take architectures in place of random initial ones."""
        super().start_from(population)
        self._proposed += len(population)

    def ask(self) -> Population:
        """Propose random architectures, then the best candidates of the model."""
        n = self.batch_size
        if self._proposed < self.n_initial:
            return self._proposal(self._initial(min(n, self.n_initial - self._proposed)))
        if self._batch_grows:
            n = min(n, max(1, int(len(self.observations) * self.batch_share)))
        if np.isfinite(self.observations.costs).all(axis=1).sum() < LEAST_MEASURED:
            return self._proposal(self._random(n))
        pool = self._pool()
        if not len(pool):
            return self._proposal(self._random(n))
        with one_blas_thread():
            chosen = pool[self._choose(pool, self._features(pool), n)]
        self.seen.update(self.space.codes(chosen).tolist())
        return self._proposal(chosen)

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Record the results for the next model."""
        for code in self.space.codes(population).tolist():
            self._pending.pop(code, None)
        self.observations.add(population, evaluation)

    def revise(self, population: Population, evaluation: Evaluation) -> None:
        """Use the better values in the next model."""
        self.observations.revise(population, evaluation)

    def _initial(self, n: int) -> Population:
        """Draw architectures of the initial design."""
        return self._random(n)

    def _random(self, n: int) -> Population:
        """Draw unseen architectures; in large spaces, such that meet the known bounds if possible."""
        if self._known_bounds is None:
            return self._unseen(n)
        found = self._take_new(self._drawn_within_bounds(n), n)
        return np.concatenate([found, self._unseen(n - len(found))])

    @property
    def _known_bounds(self) -> KnownBounds | None:
        """Bounds that candidates are checked for. In a list, the model knows them too."""
        return None if self._listed is not None else self.problem.known_bounds

    def _drawn_within_bounds(self, n: int) -> Population:
        """Draw up to ``n`` architectures that meet the known bounds; without any, ``n`` of the space."""
        bounds = self._known_bounds
        if bounds is None:
            return self.space.sample(n, generator=self.generator)
        found: Population = np.empty((0, self.space.n_genes), dtype=self.space.dtype)
        for _ in range(_FURTHER_ROUNDS if len(self._within_bounds) else _DRAWING_ROUNDS):
            drawn = self.space.sample(max(n, _DRAWN_AT_ONCE), generator=self.generator)
            found = np.concatenate([found, drawn[bounds.met(drawn)]])
            if len(found) >= n:
                return found[:n]
        # Few meet the bounds: those of earlier calls are candidates again.
        kept = self._within_bounds
        self._within_bounds = np.concatenate([found, kept])[:_MOST_KEPT]
        again = self.generator.permutation(len(kept))[: n - len(found)]
        return np.concatenate([found, kept[again]])

    @abstractmethod
    def _choose(self, pool: Population, features: Features, n: int) -> list[int]:
        """Return the positions of one to ``n`` candidates to propose.

        Called after the initial design with the candidates, shape ``(m, n_genes)``, and their features, shape
        ``(m, d)``.
        """

    def _start(self) -> None:
        self.observations = Observations(self.space, self.problem)
        self._encoding = default_encoding(self.space) if self.encoding is None else self.encoding
        self._proposed = 0
        # Proposed architectures without results, by code: in an asynchronous search there are some.
        self._pending: dict[Any, NDArray[np.signedinteger[Any]]] = {}
        # Random architectures that met the known bounds, where few of them do.
        self._within_bounds = np.empty((0, self.space.n_genes), dtype=self.space.dtype)
        self._listed = None
        if self.space.n_genotypes <= LISTED:
            # The runs of a search share the list.
            key = (self.space, self._encoding)
            if self._list is None or self._list[0] != key:
                self._list = (key, ListedCandidates.of(*key))
            self._listed = self._list[1]

    def _features(self, population: Population) -> Features:
        if self._listed is None:
            return encode_features(self.space, population, self._encoding)
        features: Features = self._listed.features[self.space.codes(population)]
        return features

    def _proposal(self, rows: Population) -> Population:
        self._proposed += len(rows)
        self._pending.update(zip(self.space.codes(rows).tolist(), rows, strict=True))
        return rows

    def _pool(self) -> Population:
        """Return distinct candidates that were not proposed yet, shape ``(m, n_genes)``."""
        space = self.space
        if space.n_genotypes <= LISTED:
            return space.from_codes(self._left())
        best = self.observations.population[self.observations.best_first()[:_PARENTS]]
        n = N_CANDIDATES // 4
        mothers, fathers = (best[self.generator.integers(len(best), size=n)] for _ in range(2))
        once = space.mutate(mothers, generator=self.generator)
        twice = space.mutate(
            space.mutate(fathers, generator=self.generator), generator=self.generator
        )
        mixed = space.crossover(mothers, fathers, generator=self.generator)
        bred = np.concatenate([once, twice, mixed])
        if self._known_bounds is not None:
            bred = bred[self._known_bounds.met(bred)]
        rows = np.concatenate([bred, self._drawn_within_bounds(n)])
        codes = space.codes(rows)
        rows = rows[np.sort(np.unique(codes, return_index=True)[1])]
        new = [code not in self.seen for code in space.codes(rows).tolist()]
        unseen: Population = rows[np.array(new, dtype=bool)]
        return unseen

    def _feasibility(self, pool: Population, features: Features) -> Floats:
        """Return the probability that each candidate meets all constraints, shape ``(m,)``."""
        total = np.ones(len(pool))
        exact = () if self._known_bounds is None else self._known_bounds.constraints
        for constraint in self.problem.constraints:
            if constraint in exact:
                continue  # All candidates meet it.
            total *= self._chance(constraint, pool, features)
        return total

    def _chance(self, constraint: Constraint, pool: Population, features: Features) -> Floats:
        values = self.observations.values[constraint.metric]
        if not counts_alike(self.space, constraint.metric, self.observations.population, values):
            return self._learnt_chance(constraint, values, features)
        counted = self.space.counts()[constraint.metric](pool)
        return constraint.satisfied(np.asarray(counted, dtype=np.float64)).astype(float)

    def _log_costs(self, pool: Population, features: Features) -> Floats:
        """Return the logarithm of the cost of measuring each candidate, counted or predicted, shape ``(m,)``.

        Zeros while the costs of too few architectures are known, and for other acquisition functions.
        """
        name = self.problem.cost_metric
        if name is None or self.acquisition != EI_PER_COST:
            return np.zeros(len(pool))
        observations = self.observations
        values = observations.values[name]
        if counts_alike(self.space, name, observations.population, values):
            return np.log(np.asarray(self.space.counts()[name](pool), dtype=np.float64))
        known = np.isfinite(values) & (values > 0)
        if known.sum() < LEAST_MEASURED or np.ptp(values[known]) == 0:
            return np.zeros(len(pool))
        learnt = self._features(observations.population[known])
        model = GraphEnsemble.fit(learnt, np.log(values[known]))
        distinct, classes = distinct_rows(features)
        means, _ = model.predict(distinct)
        logs: Floats = model.target.to_values(means)[classes]
        return logs

    @abstractmethod
    def _learnt_chance(self, constraint: Constraint, values: Floats, features: Features) -> Floats:
        """Return the probability of meeting a bound on a metric that is modelled from measured values.

        Args:
            constraint: The bound.
            values: The metric of all observations, NaN where it is unknown, shape ``(n,)``.
            features: Features of the candidates, shape ``(m, d)``.
        """

    def _worth(self, acquired: Floats, feasibility: Floats) -> Floats:
        """Return acquisition values above their minimum, times the probability of feasibility.

        Of ``"ei"`` and ``"ei_per_cost"``, whose values are logarithms, the sum with the logarithm of the
        probability. Before the
        first feasible result, return that probability alone.
        """
        if not np.isfinite(self.observations.best_feasible):
            return feasibility
        if self.acquisition in ("ei", EI_PER_COST):
            with np.errstate(divide="ignore"):
                return acquired + np.log(feasibility)
        # Where acquisition values underflow, feasibility still decides.
        worth: Floats = (acquired - acquired.min() + np.finfo(float).tiny) * feasibility
        return worth
