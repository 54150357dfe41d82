"""The readings of a table: one row per training of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError
from ..spaces import Population, Space
from ..tables import AnalogNASBench, LabelNoiseModel, MeasuredTable, TrueValues, find_table
from .effects import Floats, Networks

__all__ = ["DIGITAL", "Readings", "read_readings"]

DIGITAL = "baseline_accuracy"
"""The metric that robustness is compared at equal values of."""


@dataclass(frozen=True)
class Readings:
    """Readings of all metrics of a table.

    Attributes:
        table: Name of the table.
        space: Space of the architectures.
        population: Architecture of each reading, shape ``(n, n_genes)``.
        labels: Number of its network, shape ``(n,)``; equal for isomorphic architectures and further seeds.
        values: Readings by metric, shape ``(n,)`` each; NaN where there is none.
    """

    table: str
    space: Space
    population: Population
    labels: NDArray[np.int64]
    values: dict[str, Floats]
    _true: dict[str, TrueValues | None] = field(default_factory=dict, repr=False)

    def true_values(self, metric: str) -> TrueValues | None:
        """Return the true values of the rows' networks; None if the label noise is not known."""
        if metric not in self._true:
            model = LabelNoiseModel(self.values[metric], self.labels)
            self._true[metric] = model.estimate(self.labels) if model.knows_noise else None
        return self._true[metric]

    def digital(self) -> Floats:
        """Return the digital accuracy of each row's network, %, as well as it is known, shape ``(n,)``."""
        networks = Networks(self.labels)
        values = self.values[DIGITAL]
        true = self.true_values(DIGITAL)
        if true is not None:
            return true.estimates
        return np.asarray((networks.sums(values) / networks.sizes)[networks.number])

    def rows(self, chosen: NDArray[np.bool_]) -> Readings:
        """Return the readings of some rows, a mask of shape ``(n,)``."""
        values = {name: column[chosen] for name, column in self.values.items()}
        return Readings(
            self.table, self.space, self.population[chosen], self.labels[chosen], values
        )


def read_readings(path: str | None) -> Readings:
    """Read the readings of a table.

    Args:
        path: File of a measured table; None: AnalogNAS-Bench.

    Raises:
        InvalidArgumentError: If it has no digital accuracies, or no accuracies on chips.
        TableIntegrityError: If the file is damaged.
    """
    table = find_table(path)
    found = _of_measured(table) if isinstance(table, MeasuredTable) else _of_published(table)
    if DIGITAL not in found.values or not _has_chips(found.values):
        raise InvalidArgumentError(
            f"An analysis needs digital accuracies ({DIGITAL}) and accuracies on chips (such as "
            f"analog_drift_86400), but {found.table!r} has {', '.join(found.values)}."
        )
    return found


def _has_chips(names: Sequence[str] | dict[str, Floats]) -> bool:
    return any("_drift_" in name for name in names)


def _of_published(table: AnalogNASBench) -> Readings:
    population = table.space.every()
    metrics = [name for name in table.metrics if not name.endswith("_std")]
    values = {
        name: np.asarray(column, np.float64)
        for name, column in table.query(population, metrics).items()
    }
    labels = table.space.isomorphism_class(population)
    return Readings("AnalogNAS-Bench", table.space, population, labels, values)


def _of_measured(table: MeasuredTable) -> Readings:
    population = table.population[table.places]
    labels = table.full_space.isomorphism_class(population)
    counted = table.query(table.population, [n for n in ("params", "macs") if n in table.metrics])
    values = {name: np.asarray(table.rows.values[name], np.float64) for name in table.rows.metrics}
    values |= {
        name: np.asarray(column, np.float64)[table.places] for name, column in counted.items()
    }
    return Readings(
        table.name,
        table.full_space,
        population,
        table.places if labels is None else labels,
        values,
    )
