"""The base class of evaluators, and their results."""

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
"""Metrics that spaces may count; see :meth:`.Space.counts`."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a population.

    Attributes:
        means: Values by name of the metric, shape ``(n,)`` each.
        sems: Standard errors by name of the metric, shape ``(n,)`` each; only of metrics that have them.

    Example:
        >>> import numpy as np
        >>> Evaluation({"accuracy": np.array([90.0, 91.0])}).means["accuracy"].max().item()
        91.0
    """

    means: dict[str, NDArray[np.float64]]
    sems: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def take(self, rows: Any) -> Evaluation:
        """Return the evaluation of some rows (indices, mask or slice)."""
        return Evaluation(
            {name: values[rows] for name, values in self.means.items()},
            {name: values[rows] for name, values in self.sems.items()},
        )

    def __len__(self) -> int:
        return len(next(iter(self.means.values()), ()))


class Evaluator(ABC):
    """Scores architectures of one space.

    Attributes:
        space: The space of the architectures.
        costly: Whether an evaluation takes long, such as a training. False for tables and formulas: a search
            then checks nothing beforehand.
        stochastic: Whether repeated measurements of an architecture differ, for example by chip or training. In
            a search, each reading then counts against the budget and is a trial; readings of an architecture
            are pooled by their standard errors. Subclass :class:`.StochasticEvaluator` for your own.

    Example:
        >>> from analognas.core import Metric
        >>> from analognas.spaces import NASBench201Space
        >>> class Convolutions(Evaluator):
        ...     space, metrics, metrics_with_sem = NASBench201Space(), ["convolutions"], []
        ...     metric_definitions = (Metric("convolutions", "", False),)
        ...     def evaluate(self, population, metrics):
        ...         return Evaluation({"convolutions": np.isin(population, (2, 3)).sum(axis=1)})
        ...     def identity(self):
        ...         return {"evaluator": "convolutions"}
        ...     def report(self, row):
        ...         return {"metrics": {}}
        >>> rows = np.array([[2, 2, 0, 4, 2, 1]])
        >>> Convolutions().evaluate(rows, ["convolutions"]).means["convolutions"]
        array([3])
    """

    space: Space
    costly: bool = True
    stochastic: bool = False

    @property
    @abstractmethod
    def metrics(self) -> list[str]:
        """Names of the metrics."""

    @property
    @abstractmethod
    def metrics_with_sem(self) -> list[str]:
        """Names of the metrics with standard errors."""

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Definitions of the metrics: name, unit and direction; by default those of :data:`.METRICS`.

        Override it if :attr:`metrics` contains other names, for example with
        ``(Metric("naswot", "", True), Metric("latency_us", "us", False))``.
        """
        return tuple(METRICS[name] for name in self.metrics if name in METRICS)

    @property
    def network_input(self) -> Mapping[str, Any]:
        """What the evaluated networks are built for: ``input_shape``, ``n_classes`` and options of the space.

        Arguments with which the space counts them (:meth:`.Space.counts`, :meth:`.Space.layers`). Empty by
        default: counts are those of the space's own input.
        """
        return {}

    @property
    def cheap_metrics(self) -> tuple[str, ...]:
        """Metrics that :meth:`evaluate_cheaply` computes exactly, without measuring.

        By default those that the space counts. A search checks constraints on them before evaluating the
        others. Override it, for example with ``()``, if your metric of such a name has another meaning.
        """
        own, counted = self.metric_definitions, self.space.counts()
        return tuple(name for name in COUNTED if METRICS[name] in own and name in counted)

    def evaluate_cheaply(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Compute some of :attr:`cheap_metrics`, without measuring.

        A search calls it before :meth:`evaluate`, which must return the same values.
        """
        counts = self.space.counts()
        found = {name: counts[name](population, **self.network_input) for name in metrics}
        return Evaluation({name: values.astype(np.float64) for name, values in found.items()})

    @abstractmethod
    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Score a population.

        A search calls it with every batch that the optimizer proposes.

        Args:
            population: Shape ``(n, n_genes)``.
            metrics: Names of the requested metrics, of :attr:`metrics`.

        Returns:
            These metrics, and standard errors of those in :attr:`metrics_with_sem`. NaN means that an
            architecture has no value; infinite values are failures of the evaluation.
        """

    def measure(
        self, population: Population, metrics: Sequence[str], *, seeds: NDArray[np.uint64]
    ) -> Evaluation:
        """Take one reading of each row; by default the same as :meth:`evaluate`.

        A search calls it instead of :meth:`evaluate` if the evaluator is :attr:`stochastic`. A reading must
        only depend on its row and seed, and errors for different seeds must be independent.

        Args:
            population: Shape ``(n, n_genes)``; rows may be equal.
            metrics: Names of the requested metrics, of :attr:`metrics`.
            seeds: Seed of each row, shape ``(n,)``.
        """
        return self.evaluate(population, metrics)

    @property
    def fidelity(self) -> Fidelity | None:
        """Possible fidelities of measurements; None if there is only one.

        Override it together with :meth:`evaluate_at` for searches with :class:`.SuccessiveHalving`, which
        measure many architectures at low fidelity and the best of them at the full one.
        """
        return None

    def evaluate_at(
        self,
        population: Population,
        metrics: Sequence[str],
        *,
        fidelities: NDArray[np.float64],
    ) -> Evaluation:
        """Score each row at its own fidelity; at the full one, values are those of :meth:`evaluate`.

        A search at several fidelities calls it instead of :meth:`evaluate`. A value must only depend on row and
        fidelity.

        Args:
            population: Shape ``(n, n_genes)``.
            metrics: Names of the requested metrics, of :attr:`metrics`.
            fidelities: Fidelity of each row, in the unit of :attr:`fidelity`, shape ``(n,)``.
        """
        raise InvalidArgumentError(f"{type(self).__name__} has only one fidelity.")

    def true_values(self, population: Population, metric: str) -> TrueValues | None:
        """Return estimates of true values if readings have label noise; None by default.

        A search calls it at the end, to account for lucky readings in its result.

        Args:
            population: Shape ``(n, n_genes)``.
            metric: Name of the metric.
        """
        return None

    def reads_once(self, metric: str) -> bool:
        """Return whether each value of a metric is one reading with label noise; False by default.

        A search then ranks architectures by estimates from all of its readings, not by the readings.
        """
        return False

    def free_metrics(self, metrics: Sequence[str]) -> list[str]:
        """Return further metrics that are computed with ``metrics`` at no cost; none by default.

        A search calls it once and logs them too. Examples are other drift times of a chip.
        """
        return []

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks to report with all results, such as a low fidelity; one line each."""
        return ()

    def use_folder(self, folder: Path | None) -> None:
        """Set the folder for files of the evaluator, such as checkpoints; by default it has none.

        A search calls it before evaluations. The evaluator must create the folder when it writes to it. None:
        no files may be written.
        """
        return

    def clean_up(self) -> None:
        """Remove files that are no longer needed; a search calls it after writing its result."""
        return

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Return everything that values depend on, as JSON types.

        A search only resumes if it is equal.
        """

    def definition(self) -> dict[str, Any] | None:
        """Return the arguments to rebuild the evaluator, as JSON types; None if that is impossible.

        It is stored in the log of a search. Classes with definitions are registered in :data:`.EVALUATORS` and
        have :meth:`from_definition`; other evaluators must be passed again to resume a search.
        """
        return None

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any], space: Space | None) -> Evaluator:
        """Rebuild an evaluator from its :meth:`definition`.

        Args:
            definition: The definition.
            space: The space that is searched; None if only the evaluator knows it.

        Raises:
            InvalidArgumentError: If the class has no definitions.
        """
        raise InvalidArgumentError(f"{cls.__name__} cannot be rebuilt from a definition.")

    @abstractmethod
    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return everything known of an architecture without new measurements, as JSON types.

        A search calls it at the end for the best architectures. The key ``metrics`` is required.
        """
