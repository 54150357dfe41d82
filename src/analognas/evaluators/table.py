"""Evaluation by looking up a measured table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..spaces import Population
from ..tables import AnalogNASBench, DriftReading
from .base import Evaluation, Evaluator

READINGS = 25
"""Evaluations behind each drift reading of AnalogNAS-Bench (arXiv:2506.18495)."""


class TableEvaluator(Evaluator):
    """Scores NAS-Bench-201 cells by the AnalogNAS-Bench table.

    Drift accuracies come with the standard error of their mean over 25 readings. Those readings share one
    programming draw, so the error does not cover the spread from chip to chip, nor that of training again.

    Args:
        table: The table; the shipped one by default.

    Attributes:
        space_name: Name of the space that the shipped table is about.
    """

    space_name = "nasbench201"
    costly = False

    def __init__(self, table: AnalogNASBench | None = None) -> None:
        self.table = AnalogNASBench() if table is None else table
        self.space = self.table.space
        self._spread = frozenset(self.metrics_with_sem)

    @property
    def metrics(self) -> list[str]:
        """Names of the table's metrics."""
        return self.table.metrics

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the drift accuracies."""
        known = set(self.metrics)
        return [name for name in self.metrics if f"{name}_std" in known]

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Look a population up.

        Raises:
            OutOfSpaceError: If a row is no cell of the space.
            UnknownNameError: If a metric is not in the table.
        """
        spread = [name for name in metrics if name in self._spread]
        columns = self.table.query(population, [*metrics, *(f"{name}_std" for name in spread)])
        sems = {name: columns[f"{name}_std"] / READINGS**0.5 for name in spread}
        return Evaluation({name: columns[name] for name in metrics}, sems)

    def identity(self) -> dict[str, Any]:
        """Name and checksum of the table."""
        return {"table": self.table.metadata["name"], "checksum": f"sha256:{self.table.checksum}"}

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """All metrics of one cell, and their means over its isomorphism class.

        The class mean tells how much of a good value is a lucky reading: its members are one network,
        trained and measured separately.
        """
        metrics = {name: self.table.query_metric(row, name) for name in self.metrics}
        plain = {
            name: float(value) if isinstance(value, DriftReading) else value
            for name, value in metrics.items()
        }
        members = self.table.isomorphic(row)
        columns = self.table.query(members, [n for n in self.metrics if not n.endswith("_std")])
        means = {name: float(np.mean(values)) for name, values in columns.items()}
        return {"metrics": plain, "isomorphism_class": {"members": len(members), "means": means}}
