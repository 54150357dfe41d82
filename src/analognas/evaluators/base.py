"""What an evaluator is: it turns a population into arrays of metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import METRICS, InvalidArgumentError, Metric
from ..spaces import Population, Space
from ..tables.true_values import TrueValues
from .fidelity import Fidelity

COUNTED = ("params", "macs")
"""Metrics that spaces count themselves: those among the names of :meth:`.Space.counts`."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a population.

    Attributes:
        means: Metric name to values, shape ``(n,)`` each.
        sems: Metric name to standard errors of those values, shape ``(n,)``; only where they are known.
    """

    means: dict[str, NDArray[np.float64]]
    sems: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def take(self, rows: Any) -> Evaluation:
        """Return the evaluation of some rows only (indices, mask or slice)."""
        return Evaluation(
            {name: values[rows] for name, values in self.means.items()},
            {name: values[rows] for name, values in self.sems.items()},
        )

    def __len__(self) -> int:
        return len(next(iter(self.means.values()), ()))


class Evaluator(ABC):
    """Scores architectures of one space.

    Attributes:
        space: The space whose architectures it can score.
        costly: Whether scoring an architecture takes time that is worth saving, such as a training does. False
            where a table or a formula answers: a search then has no reason to check anything beforehand.
        stochastic: Whether measuring an architecture again is a new measurement: another chip, another
            training, another reading. A search then counts every reading against the budget, keeps each as a
            trial of its own, and pools the readings of an architecture by their standard errors.
            :class:`.StochasticEvaluator` is the base for your own.
    """

    space: Space
    costly: bool = True
    stochastic: bool = False

    @property
    @abstractmethod
    def metrics(self) -> list[str]:
        """Names of the metrics it knows."""

    @property
    @abstractmethod
    def metrics_with_sem(self) -> list[str]:
        """Names of the metrics that come with a standard error."""

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """What its metrics are: name, unit and direction; by default the vocabulary's entries.

        Override it where :attr:`metrics` has names of your own, for example with
        ``(Metric("naswot", "", True), Metric("latency_us", "us", False))``. A search, its log and its figures
        then know them.
        """
        return tuple(METRICS[name] for name in self.metrics if name in METRICS)

    @property
    def cheap_metrics(self) -> tuple[str, ...]:
        """Metrics that :meth:`evaluate_cheaply` knows, exactly and in microseconds.

        By default those that the space counts. A search checks constraints on them before it pays for the
        others. Override it, for example with ``()``, where your metric of such a name is something else.
        """
        own, counted = self.metric_definitions, self.space.counts()
        return tuple(name for name in COUNTED if METRICS[name] in own and name in counted)

    def evaluate_cheaply(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Score a population by some of :attr:`cheap_metrics`, without measuring anything.

        Called by a search with every batch before :meth:`evaluate`, which must return the same values.
        """
        counts = self.space.counts()
        return Evaluation({name: counts[name](population).astype(np.float64) for name in metrics})

    @abstractmethod
    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Score a population.

        Called by the worker with every batch that the optimizer proposes.

        Args:
            population: Shape ``(n, n_genes)``.
            metrics: Names of the metrics wanted, some of :attr:`metrics`.

        Returns:
            All of these metrics, and the standard errors of those in :attr:`metrics_with_sem`. NaN stands for
            what an architecture has no value of; a search takes infinite values for failures.
        """

    def measure(
        self, population: Population, metrics: Sequence[str], *, seeds: NDArray[np.uint64]
    ) -> Evaluation:
        """Take one reading of each row; where nothing is stochastic, that is :meth:`evaluate`.

        Called by the worker instead of :meth:`evaluate` where the evaluator is :attr:`stochastic`. A reading
        depends on its row and its seed alone, not on the other rows nor on earlier calls, and errors of
        readings of different seeds are independent.

        Args:
            population: Shape ``(n, n_genes)``; an architecture may be in several rows.
            metrics: Names of the metrics wanted, some of :attr:`metrics`.
            seeds: What all randomness of a row follows from, shape ``(n,)``.
        """
        return self.evaluate(population, metrics)

    @property
    def fidelity(self) -> Fidelity | None:
        """With how much effort it can measure; None where there is only one way.

        Override it together with :meth:`evaluate_at`, so that a search can measure many architectures with
        little effort and the best of them in full (:class:`.SuccessiveHalving`).
        """
        return None

    def evaluate_at(
        self,
        population: Population,
        metrics: Sequence[str],
        *,
        fidelities: NDArray[np.float64],
    ) -> Evaluation:
        """Score each row with its own effort; with the full one, as :meth:`evaluate` does.

        Called by a search at several fidelities instead of :meth:`evaluate`. A value depends on its row and its
        fidelity alone.

        Args:
            population: Shape ``(n, n_genes)``.
            metrics: Names of the metrics wanted, some of :attr:`metrics`.
            fidelities: In the unit of :attr:`fidelity`, shape ``(n,)``.
        """
        raise InvalidArgumentError(f"{type(self).__name__} measures at one fidelity only.")

    def true_values(self, population: Population, metric: str) -> TrueValues | None:
        """Return what is known of true values, where readings have label noise; None by default.

        Called at the end of a search, so that its result is not a lucky reading.

        Args:
            population: Shape ``(n, n_genes)``.
            metric: Name of the metric.
        """
        return None

    def free_metrics(self, metrics: Sequence[str]) -> list[str]:
        """Return further metrics that come with ``metrics`` at no cost, such as other times of a chip.

        Called once by a search, which then logs them beside those that it was asked for. None by default.
        """
        return []

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be said beside every result, such as a low fidelity; one line each."""
        return ()

    def use_folder(self, folder: Path | None) -> None:
        """Called by a search before it evaluates, with a folder for files of the evaluator's own.

        An evaluation that takes long may keep there what it continues from after an interruption; the folder
        is made by whoever writes to it. None: the search writes no files. Nothing is kept by default.
        """
        return

    def clean_up(self) -> None:
        """Called by a search that has ended and written its result: remove what is no longer needed."""
        return

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Return what its values depend on, as JSON types.

        Called when a search starts or resumes: a trial log only continues with an equal evaluator.
        """

    def definition(self) -> dict[str, Any] | None:
        """Return what an equal evaluator can be made of, as JSON types; None where that cannot be said.

        Called when a search with a log starts. Classes that say it are registered in :data:`.EVALUATORS`, and
        have :meth:`from_definition`; for others, whoever resumes gives the evaluator again.
        """
        return None

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any], space: Space | None) -> Evaluator:
        """Return the evaluator that :meth:`definition` has described.

        Args:
            definition: The definition.
            space: The space that is searched; None where only the evaluator knows it.

        Raises:
            InvalidArgumentError: If the class has no definitions.
        """
        raise InvalidArgumentError(f"{cls.__name__} cannot be made of a definition.")

    @abstractmethod
    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return all that is known of one architecture without new measurements, as JSON types.

        Called at the end of a search for the best architectures. The key ``metrics`` is always there.
        """
