"""What an optimizer is: it proposes populations and is told how they did."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_int
from ..evaluators import Evaluation, Problem
from ..spaces import Population, Space

ENUMERABLE = 2**20
"""Spaces up to this size are enumerated to draw what has not been seen; larger ones by rejection."""

_REJECTION_ROUNDS = 100
_BREEDING_ROUNDS = 5


class Optimizer(ABC):
    """Base of all search algorithms: ask and tell, vectorised over a population.

    An optimizer holds its hyperparameters from construction and its state from :meth:`reset` on, so one
    object serves any number of runs. Same space, problem and generator: same proposals, on any back end.

    Args:
        batch_size: Architectures proposed by one :meth:`ask`.

    Attributes:
        name: Its name in the registry.
        several_objectives: Whether it takes more than one objective.
        fidelities: Fidelities at which it has architectures measured, rising, the full one last; empty where it
            knows the full one only.

    Raises:
        InvalidArgumentError: If ``batch_size`` is below 1.
    """

    name: ClassVar[str]
    several_objectives: ClassVar[bool] = False
    fidelities: tuple[float, ...] = ()

    def __init__(self, *, batch_size: int) -> None:
        self.batch_size = check_int("batch_size", batch_size, minimum=1)

    def reset(self, space: Space, problem: Problem, *, generator: np.random.Generator) -> None:
        """Forget the last run and prepare for a new one.

        Called once before the first :meth:`ask` of every run.

        Raises:
            InvalidArgumentError: If the optimizer cannot handle the problem.
        """
        self.check(problem)
        self.space = space
        self.problem = problem
        self.generator = generator
        self.seen: set[Any] = set()
        listed = space.n_genotypes <= ENUMERABLE
        # Of a space that is listed: which codes are left, as of the last look, and what was taken since.
        self._open = space.is_architecture() if listed else np.empty(0, dtype=bool)
        self._n_closed = 0
        self._taken: list[Any] = []
        self._start()

    def check(self, problem: Problem) -> None:
        """Refuse a problem that the optimizer cannot handle.

        Raises:
            InvalidArgumentError: If it has several objectives and the optimizer takes one.
        """
        if len(problem.objectives) > 1 and not self.several_objectives:
            raise InvalidArgumentError(
                f"{type(self).__name__} takes one objective, but got {len(problem.objectives)}: "
                f"{', '.join(problem.objectives)}; several are for ParetoEvolution, PredictorGuided, NSGA2 and "
                "NSGA3, or make all but one of them constraints."
            )

    def remark(self, problem: Problem) -> str:
        """Return what a person had better know before such a search; nothing by default.

        Called by :class:`.Worker` once, which warns with it.
        """
        return ""

    def search_defaults(self) -> dict[str, Any]:
        """Return what a worker searches for unless it is told otherwise, by name of its argument.

        Called by :class:`.Worker`; any of ``evaluator``, ``objectives``, ``constraints`` and ``budget``.
        Constraints hold in any case, together with those that the worker is given.
        """
        return {}

    @abstractmethod
    def hyperparameters(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON types; part of a trial log's identity."""

    @abstractmethod
    def ask(self) -> Population:
        """Propose the next architectures, shape ``(n, n_genes)`` with ``n`` up to :attr:`batch_size`.

        Called whenever the worker has budget left. No row at all says that nothing new is left.
        """

    def asked_fidelities(self) -> NDArray[np.float64] | None:
        """Return the fidelity of each row of the last :meth:`ask`, shape ``(n,)``; None: the full one.

        Called by the worker after every :meth:`ask`.
        """
        return None

    @abstractmethod
    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Take the results of proposed architectures.

        Called after every :meth:`ask` with the rows proposed, or the first of them at the end of a budget.
        """

    def revise(self, population: Population, evaluation: Evaluation) -> None:  # noqa: B027
        """Take better values of architectures that were told before.

        Called by :class:`.NoiseAware` when further readings have changed an estimate. Optimizers that keep no
        values need not care.
        """

    @abstractmethod
    def _start(self) -> None:
        """Set up the state of a new run; called by :meth:`reset`."""

    def _take_new(self, population: Population, n: int) -> Population:
        """Return the first ``n`` rows that were not seen, each once, and mark them as seen."""
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
        """Return ``n`` new architectures from ``breed``, which is asked anew while they were seen before.

        Where a neighbourhood is used up, random unseen architectures step in.
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
        """Draw up to ``n`` architectures that were not seen, and mark them as seen.

        Uniformly by architecture where the space can be listed, else as :meth:`.Space.sample` draws.
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
        """Draw from the list of what is left."""
        left = self._left()
        codes = self.generator.choice(left, min(n, len(left)), replace=False)
        self.seen.update(codes.tolist())
        self._taken.extend(codes.tolist())
        return self.space.from_codes(codes)

    def _left(self) -> NDArray[np.int64]:
        """Codes of all architectures that were not seen; only of a space that is listed.

        Codes are positions in the list of all genotypes.
        """
        # Subclasses may have added to `seen` by themselves; then all of it is marked anew.
        known = len(self.seen) == self._n_closed + len(self._taken)
        self._open[self._taken if known else list(self.seen)] = False
        self._n_closed = len(self.seen)
        self._taken.clear()
        return np.flatnonzero(self._open)
