"""Evaluation by looking up a table of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import Metric
from ..spaces import Population, Space
from ..tables import ENDINGS, AnalogNASBench, MeasuredTable, TrueValues
from .base import Evaluation, Evaluator


class TableEvaluator(Evaluator):
    """Scores architectures by a table: AnalogNAS-Bench, or one made with ``analognas bench build``.

    If the table does not cover the whole space, the evaluator's space is restricted to the architectures of the
    table (:func:`.restricted`).

    Drift accuracies of AnalogNAS-Bench come with the standard error of their mean over 25 readings. Those
    readings are of one programmed chip, so the error does not include the spread between chips or between
    trainings. Standard errors of a measured table are those of :class:`.MeasuredTable`.

    Args:
        table: The table; AnalogNAS-Bench by default.

    Attributes:
        space_name: Name of the space of AnalogNAS-Bench.

    Example:
        >>> import numpy as np
        >>> evaluator = TableEvaluator()
        >>> row = evaluator.space.population(["No.5780"])
        >>> float(evaluator.evaluate(row, ["analog_drift_2592000"]).means["analog_drift_2592000"][0])
        90.0
    """

    space_name = "nasbench201"
    costly = False

    def __init__(self, table: AnalogNASBench | MeasuredTable | None = None) -> None:
        self.table = AnalogNASBench() if table is None else table
        self.space: Space = self.table.space
        self._spread = frozenset(self.metrics_with_sem)

    @property
    def metrics(self) -> list[str]:
        """Names of the table's metrics, without standard errors."""
        return [name for name in self.table.metrics if not name.endswith("_sem")]

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the metrics that have a standard error, such as the drift accuracies."""
        return self.table.metrics_with_sem

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Definitions of the table's metrics."""
        return self.table.metric_definitions

    @property
    def network_input(self) -> Mapping[str, Any]:
        """What the networks of a measured table were built for."""
        return self.table.network_input if isinstance(self.table, MeasuredTable) else {}

    def evaluate_cheaply(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Return parameters and MACs."""
        columns = self.table.query(population, list(metrics))
        return Evaluation({name: np.asarray(columns[name], np.float64) for name in metrics})

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Look up a population.

        Raises:
            OutOfSpaceError: If a row is not in the table.
            UnknownNameError: If a metric is not in the table.
        """
        spread = [name for name in metrics if name in self._spread]
        columns = self.table.query(population, metrics)
        return Evaluation(columns, self.table.standard_errors(population, spread))

    def true_values(self, population: Population, metric: str) -> TrueValues | None:
        """Return true values as estimated from the table's repeated readings."""
        return self.table.true_values(population, metric)

    def reads_once(self, metric: str) -> bool:
        """Return whether a metric has one training's label noise: all but the counts of AnalogNAS-Bench."""
        return isinstance(self.table, AnalogNASBench) and not (
            metric in ("params", "macs") or metric.endswith("_std")
        )

    def identity(self) -> dict[str, Any]:
        """Return name and checksum of the table."""
        return {"table": self.table.metadata["name"], "checksum": f"sha256:{self.table.checksum}"}

    def definition(self) -> dict[str, Any]:
        """Return the file of the table unless it is the shipped one, and whether it is a measured table."""
        measured = {"measured": True} if isinstance(self.table, MeasuredTable) else {}
        return {} if self.table.path is None else {"path": self.table.path, **measured}

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any], space: Space | None) -> TableEvaluator:
        """Rebuild the evaluator, opening the table again."""
        if definition.get("measured"):
            return cls(MeasuredTable(definition["path"]))
        return cls(AnalogNASBench(definition.get("path")))

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return all metrics of one architecture, and their means over its isomorphism class if there is one.

        Members of a class are the same network, trained and measured separately, so the class mean shows how
        much of a good value is luck.
        """
        metrics = {name: self.table.query_metric(row, name) for name in self.metrics}
        plain = {name: _plain(value) for name, value in metrics.items()}
        if self.space.isomorphism_class(np.asarray(row)[None]) is None:
            return {"metrics": plain}
        members = self.table.isomorphic(row)
        columns = self.table.query(members, [n for n in self.metrics if not n.endswith(ENDINGS)])
        means = {name: _plain(float(np.mean(values))) for name, values in columns.items()}
        return {"metrics": plain, "isomorphism_class": {"members": len(members), "means": means}}


def _plain(value: float) -> float | int | None:
    """Return a number for JSON; None if it is NaN."""
    if isinstance(value, int):
        return value
    return float(value) if value == value else None
