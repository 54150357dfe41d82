"""Noisy readings of the AnalogNAS-Bench table, to study searches under measurement noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import check_int
from ..spaces import Population, Space
from ..tables import AnalogNASBench
from .base import Evaluation
from .stochastic import Seeds, StochasticEvaluator, normal_draws

AVM_OF = ("analog_drift_60", "analog_drift_2592000")
"""AVM is the difference of these metrics, early minus late."""


class NoisyTableEvaluator(StochasticEvaluator):
    r"""Readings of the AnalogNAS-Bench table: its values plus normal errors of the reported spread.

    A drift accuracy is drawn from :math:`N(v, s^2 / n)` where :math:`v` is the table's value, :math:`s` its
    ``_std`` and :math:`n` is ``n_readings``; its standard error is :math:`s / \sqrt n`; ``avm`` is
    the difference of two such readings. Values without a spread are
    returned as they are. The table's values are the true values, so the result of a noisy search can be
    checked.

    Errors are those of evaluating one programmed chip again (each ``_std`` is from 25 evaluations): normal, and
    independent between metrics. They do not include the spread between chips or between trainings. Members of
    an isomorphism class, the same network trained and measured separately, differ by a standard deviation of
    2.3 points over the whole table.

    Args:
        table: The table; the shipped one by default.
        n_readings: Number of evaluations averaged in one reading.

    Raises:
        InvalidArgumentError: If ``n_readings`` is below 1.

    Example:
        >>> evaluator = NoisyTableEvaluator()
        >>> best = evaluator.space.population([(2, 2, 0, 4, 2, 1)])
        >>> seeds = np.arange(10_000, dtype=np.uint64)
        >>> name = "analog_drift_2592000"
        >>> readings = evaluator.measure(best.repeat(10_000, axis=0), [name], seeds=seeds).means[name]
        >>> print(f"{readings.mean():.2f} ± {readings.std():.2f}")
        89.99 ± 0.29
    """

    costly = False

    def __init__(self, table: AnalogNASBench | None = None, *, n_readings: int = 1) -> None:
        self.table = AnalogNASBench() if table is None else table
        self.space = self.table.space
        self.n_readings = check_int("n_readings", n_readings, minimum=1)
        known = set(self.table.metrics)
        self._spread = {name for name in known if f"{name}_std" in known}

    @property
    def metrics(self) -> list[str]:
        """Names of the table's metrics, without the spreads, which become standard errors."""
        return [name for name in self.table.metrics if not name.endswith("_std")]

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the drift accuracies, and AVM."""
        return [name for name in self.metrics if name in self._spread or name == "avm"]

    def measure(
        self, population: Population, metrics: Sequence[str], *, seeds: Seeds
    ) -> Evaluation:
        """Take one reading of each row.

        Raises:
            OutOfSpaceError: If a row is not in the space.
            UnknownNameError: If a metric is not in the table.
        """
        means, sems = {}, {}
        for name in metrics:
            if name in self._spread:
                means[name], sems[name] = self._reading(population, name, seeds)
            elif name == "avm":
                early, late = (self._reading(population, part, seeds) for part in AVM_OF)
                means[name] = early[0] - late[0]
                sems[name] = np.hypot(early[1], late[1])
            else:
                means[name] = self.table.query(population, name)[name]
        return Evaluation(means, sems)

    def identity(self) -> dict[str, Any]:
        """Return name and checksum of the table, and the number of evaluations in a reading."""
        return {
            "table": self.table.metadata["name"],
            "checksum": f"sha256:{self.table.checksum}",
            "n_readings": self.n_readings,
        }

    def definition(self) -> dict[str, Any]:
        """Return the number of evaluations in a reading, and the file of the table if it is not the default."""
        file = {} if self.table.path is None else {"path": self.table.path}
        return {"n_readings": self.n_readings, **file}

    @classmethod
    def from_definition(
        cls, definition: Mapping[str, Any], space: Space | None
    ) -> NoisyTableEvaluator:
        """Rebuild the evaluator, opening the table again."""
        table = AnalogNASBench(definition.get("path"))
        return cls(table, n_readings=definition["n_readings"])

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return what is known of one cell without readings; ``truth`` holds their expected values."""
        read = set(self.metrics_with_sem)
        values = {name: float(self.table.query_metric(row, name)) for name in self.metrics}
        return {
            "metrics": {name: value for name, value in values.items() if name not in read},
            "truth": {name: value for name, value in values.items() if name in read},
        }

    def _reading(
        self, population: Population, name: str, seeds: Seeds
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        columns = self.table.query(population, [name, f"{name}_std"])
        sems = columns[f"{name}_std"] / self.n_readings**0.5
        return columns[name] + sems * normal_draws(seeds, name), sems
