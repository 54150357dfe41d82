"""The base of optimizers: they propose populations and are told the results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_int
from ..evaluators import Evaluation, Problem
from ..spaces import Population, Space

if TYPE_CHECKING:
    from .prior import Prior

ENUMERABLE = 2**20
"""Spaces up to this size are enumerated to draw new architectures; larger ones use rejection."""

_REJECTION_ROUNDS = 100
_BREEDING_ROUNDS = 5


class Optimizer(ABC):
    """Base of all search algorithms, with ask and tell on populations.

    The constructor sets the hyperparameters, and :meth:`reset` the state of a run, so one object serves any
    number of runs. Equal space, problem and generator give equal proposals on any back end.

    Args:
        batch_size: Largest number of architectures of one :meth:`ask`.

    Attributes:
        name: Its name in the registry.
        several_objectives: Whether it supports several objectives.
        any_order: Whether it accepts results in the order of their completion while other proposals are still
            being measured (asynchronous search).
        fidelities: Fidelities at which it has architectures measured, ascending; the last is the full one.
            Empty if it only uses the full one.

    Raises:
        InvalidArgumentError: If ``batch_size`` is below 1.

    Example:
        >>> from analognas import Worker
        >>> class Draws(Optimizer):
        ...     name = "draws"
        ...     def hyperparameters(self):
        ...         return {}
        ...     def _start(self):
        ...         pass
        ...     def ask(self):
        ...         return self._unseen(self.batch_size)
        ...     def tell(self, population, evaluation):
        ...         pass
        >>> Worker(optimizer=Draws(batch_size=5), runs=1, budget=20).search().runs[0].n_distinct
        20
    """

    name: ClassVar[str]
    several_objectives: ClassVar[bool] = False
    any_order: bool = False
    fidelities: tuple[float, ...] = ()

    def __init__(self, *, batch_size: int) -> None:
        self.batch_size = check_int("batch_size", batch_size, minimum=1)

    def reset(self, space: Space, problem: Problem, *, generator: np.random.Generator) -> None:
        """Start a new run.

        Called once before the first :meth:`ask` of every run.

        Raises:
            InvalidArgumentError: If the optimizer does not support the problem.
        """
        self.check(problem)
        self.space = space
        self.problem = problem
        self.generator = generator
        self.seen: set[Any] = set()
        listed = space.n_genotypes <= ENUMERABLE
        # In an enumerated space: codes that are left, as of the last update, and codes taken since.
        self._open = space.is_architecture() if listed else np.empty(0, dtype=bool)
        self._n_closed = 0
        self._taken: list[Any] = []
        self._start()

    def check(self, problem: Problem) -> None:
        """Check that the optimizer supports a problem.

        Raises:
            InvalidArgumentError: If there are several objectives and the optimizer supports one.
        """
        if len(problem.objectives) > 1 and not self.several_objectives:
            raise InvalidArgumentError(
                f"{type(self).__name__} takes one objective, but got {len(problem.objectives)}: "
                f"{', '.join(problem.objectives)}; use ParetoEvolution, PredictorGuided, NSGA2 or NSGA3, or "
                f"make all but one of them constraints."
            )

    def remark(self, problem: Problem) -> str:
        """Return a warning about such a search; empty by default.

        Called once by a search, which shows it.
        """
        return ""

    def search_defaults(self) -> dict[str, Any]:
        """Return default settings of a search: any of evaluator, objectives, constraints and budget.

        Called when a search is set up. The constraints always apply, in addition to those of the search.
        """
        return {}

    @abstractmethod
    def hyperparameters(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON types; they are part of a trial log's identity."""

    def start_from(self, population: Population) -> None:
        """Take architectures as if they had been proposed; they count as initial ones.

        Called after :meth:`reset` and before the first :meth:`ask`, if a search starts from given ones.
        Their results follow by :meth:`tell`.

        Args:
            population: Distinct architectures, shape ``(n, n_genes)``.
        """
        codes = self.space.codes(population).tolist()
        self.seen.update(codes)
        self._taken.extend(codes)

    def use_prior(self, prior: Prior | None) -> None:
        """Use results of another table as a prior in all runs, or none.

        Called before :meth:`reset` where a search has a prior.

        Raises:
            InvalidArgumentError: If the optimizer does not support one.
        """
        if prior is not None:
            raise InvalidArgumentError(
                f"`prior` is for the optimizer bayesian, but the optimizer is {self.name}; omit it."
            )

    @abstractmethod
    def ask(self) -> Population:
        """Propose the next architectures, shape ``(n, n_genes)`` with ``n`` up to :attr:`batch_size`.

        Called while the search has budget left. An empty population means that no new architecture is left.
        """

    def asked_fidelities(self) -> NDArray[np.float64] | None:
        """Return the fidelity of each row of the last :meth:`ask`, shape ``(n,)``; None: the full one.

        Called by the worker after every :meth:`ask`.
        """
        return None

    @abstractmethod
    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Record the results of proposed architectures.

        Called after every :meth:`ask` with the proposed rows; with the first of them at the end of a budget.
        """

    def revise(self, population: Population, evaluation: Evaluation) -> None:  # noqa: B027
        """Replace values of earlier architectures by better estimates.

        Called by :class:`.NoiseAware` after further readings. Optimizers that keep no values can ignore it.
        """

    @abstractmethod
    def _start(self) -> None:
        """Set up the state of a new run; called by :meth:`reset`."""

    def _take_new(self, population: Population, n: int) -> Population:
        """Return the first ``n`` distinct unseen rows, and mark them as seen."""
        seen, taken = self.seen, self._taken
        rows = []
        for row, code in enumerate(self.space.codes(population).tolist()):
            if code not in seen:
                seen.add(code)
                taken.append(code)
                rows.append(row)
                if len(rows) == n:
                    break
        return population[rows]

    def _offspring(self, n: int, breed: Callable[[int], Population]) -> Population:
        """Return ``n`` new architectures from ``breed``, which is called again for rows that were seen before.

        Random unseen architectures fill up the rest after some rounds.
        """
        parts, missing = [], n
        for _ in range(_BREEDING_ROUNDS):
            parts.append(self._take_new(breed(missing), missing))
            missing -= len(parts[-1])
            if not missing:
                break
        else:
            parts.append(self._unseen(missing))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _unseen(self, n: int) -> Population:
        """Draw up to ``n`` unseen architectures, and mark them as seen.

        Enumerable spaces are drawn from uniformly, larger ones by :meth:`.Space.sample`.
        """
        space = self.space
        if space.n_genotypes <= ENUMERABLE:
            return self._unseen_of_all(n)
        found = np.empty((0, space.n_genes), dtype=space.dtype)
        for _ in range(_REJECTION_ROUNDS):
            draws = space.sample(n - len(found), generator=self.generator)
            found = np.concatenate([found, self._take_new(draws, n - len(found))])
            if len(found) == n:
                break
        return found

    def _unseen_of_all(self, n: int) -> Population:
        """Draw from all architectures that are left."""
        left = self._left()
        codes = self.generator.choice(left, min(n, len(left)), replace=False)
        self.seen.update(codes.tolist())
        self._taken.extend(codes.tolist())
        return self.space.from_codes(codes)

    def _left(self) -> NDArray[np.int64]:
        """Return the codes of all unseen architectures of an enumerable space.

        Codes are positions in the list of all genotypes.
        """
        # Subclasses may have changed `seen`; then all of it is marked again.
        known = len(self.seen) == self._n_closed + len(self._taken)
        self._open[self._taken if known else list(self.seen)] = False
        self._n_closed = len(self.seen)
        self._taken.clear()
        return np.flatnonzero(self._open)
