"""Tables of networks that were measured: any space, any data, one row an architecture and seed.

``analognas bench build`` makes them; ``measured_rows.py`` says what is in the file. Several seeds of an
architecture count as one measurement of it, with a mean and a standard error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    InvalidArgumentError,
    Metric,
    OutOfSpaceError,
    check_choice,
    current_metric_name,
    get_metric,
    parse_constraints,
    total_violation,
)
from ..core.text_tables import hanging
from ..spaces import Population, Space, architecture_text, count_networks, restricted
from .analognasbench import AnalogNASBench
from .measured_quality import (
    MeasuredQuality,
    assess_measured,
    find_rising,
    followed_in_time,
)
from .measured_rows import ENDINGS, network_input, read_rows
from .true_values import LabelNoiseModel, TrueValues

__all__ = ["MeasuredTable", "find_table"]

_COUNTED = ("params", "macs")


class MeasuredTable:
    """A table that ``analognas bench`` has written, opened for queries.

    Wherever an architecture is taken it may be in any form of the space. A metric has one value for each
    architecture: the mean over the seeds it was measured with. Beside it, ``<metric>_std`` is the spread from
    chip to chip, and ``<metric>_sem`` the standard error of the mean: from the spread between seeds where there
    are several, and never smaller than what chips and test examples alone leave open. With one seed it does not
    contain the noise of training again; :meth:`quality` says how large that is.

    Args:
        path: The file.

    Raises:
        TableIntegrityError: If it is missing, damaged or not a measured table.

    Attributes:
        metadata: Metadata of the file.
        checksum: SHA-256 of its content.
        full_space: The space that the architectures are from.
        complete: Whether the build had ended when the table was merged.
        rows: Rows of the file, one an architecture and seed.
        population: Architectures in the order of their codes, shape ``(n, n_genes)``.
        places: Which of them each row of the file is about, shape ``(n_rows,)``.

    Example:
        >>> table = MeasuredTable("my-build/table.parquet")
        >>> table.metrics[0], len(table)
        ('baseline_accuracy', 6)
        >>> cell, accuracy = table.find_best("baseline_accuracy")
        >>> table.query([cell], ["baseline_accuracy", "params"])["params"].shape
        (1,)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        table, self.full_space, rows = read_rows(path)
        self.metadata = table.metadata
        self.checksum = table.checksum
        self.path: str | None = os.path.abspath(path)
        self.complete = bool(self.metadata.get("complete", True))
        self.rows = rows
        codes = self.full_space.codes(rows.population)
        # Architectures in the order of their codes; where each row of the file belongs.
        self._codes, first, self.places = np.unique(codes, return_index=True, return_inverse=True)
        self.population: Population = rows.population[first]
        self._columns: dict[str, NDArray[Any]] = {}

    @property
    def name(self) -> str:
        """Name of the table."""
        return str(self.metadata["name"])

    @cached_property
    def space(self) -> Space:
        """The space restricted to the architectures of the table (:func:`.restricted`), at least two."""
        return restricted(self.full_space, self.population)

    @property
    def network_input(self) -> Mapping[str, Any]:
        """What the networks were built for; see :func:`.network_input`."""
        return network_input(self.full_space, self.rows.fidelity, self._network)

    @property
    def _network(self) -> Mapping[str, Any]:
        """Options of the space with which the networks were built."""
        measurement = self.metadata.get("measurement")
        return measurement.get("network", {}) if isinstance(measurement, Mapping) else {}

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics that can be queried, measured ones first."""
        options = self._network.keys() <= {*self.full_space.counted_options}
        counted = [name for name in _COUNTED if options and name in self.full_space.counts()]
        spread = [
            name
            for metric in self.rows.metrics
            for name in (f"{metric}_std", f"{metric}_sem")
            if name in self.rows.values
        ]
        return [*self.rows.metrics, *spread, *counted]

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the metrics that have a standard error."""
        return [name for name in self.rows.metrics if f"{name}_sem" in self.rows.values]

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Name, unit and direction of the metrics, without standard errors."""
        measured = {entry["name"]: Metric.from_dict(entry) for entry in self.metadata["metrics"]}
        return tuple(
            measured.get(name)
            or (get_metric(name) if name in _COUNTED else _spread(name, measured))
            for name in self.metrics
            if not name.endswith("_sem")
        )

    def standard_errors(
        self, population: Any, metrics: Sequence[str]
    ) -> dict[str, NDArray[np.float64]]:
        """Return the standard errors of metrics, ``<metric>_sem`` by metric, shape ``(n,)`` each.

        Raises:
            OutOfSpaceError: If an architecture is not in the table.
            UnknownNameError: If a metric has no standard error.
        """
        columns = self.query(population, [f"{name}_sem" for name in metrics])
        return {name: columns[f"{name}_sem"] for name in metrics}

    def query(self, population: Any, metrics: str | Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return metrics of many architectures at once.

        Args:
            population: Integer matrix of shape ``(n, n_genes)``, or architectures in any form.
            metrics: One name or several.

        Returns:
            For each metric, under the name it was asked by, its values, shape ``(n,)``; NaN where measuring
            failed.

        Raises:
            OutOfSpaceError: If an architecture is not in the table.
            UnknownNameError: If a metric is not in the table.
        """
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        columns = [self._column(name) for name in names]
        places = self._places(self.full_space.population(population))
        return {name: column[places] for name, column in zip(names, columns, strict=True)}

    def query_metric(self, architecture: Any, metric: str) -> float | int:
        """Return one metric of one architecture.

        Raises:
            OutOfSpaceError: If the architecture is not in the table.
            UnknownNameError: If the metric is not in the table.
        """
        row = self.full_space.encode(architecture)
        value: float | int = self._column(metric)[self._places(row[None])[0]].item()
        return value

    def find_best(self, metric: str, constraints: Any = ()) -> tuple[Any, float]:
        """Return the architecture with the best value of ``metric``, and that value.

        Args:
            metric: Name of the metric; its own direction says whether the largest or smallest is best.
            constraints: Bounds such as ``"params<=1e6"``, one or several.

        Raises:
            InvalidArgumentError: If no architecture meets the constraints, or one cannot be read.
        """
        values = self._column(metric)
        bounds = parse_constraints(constraints)
        limited = {bound.metric: self._column(bound.metric) for bound in bounds}
        violation = total_violation(bounds, limited, len(self))
        violation[np.isnan(values)] = np.inf
        if violation.min() > 0:
            raise InvalidArgumentError(
                f"No architecture of {self.name!r} meets {' and '.join(map(str, bounds))}; loosen a bound."
            )
        signed = values if self._is_better_when_higher(metric) else -values
        best = int(np.where(violation > 0, -np.inf, signed).argmax())
        return self.full_space.decode(self.population[best]), float(values[best])

    def true_values(self, population: Any, metric: str) -> TrueValues | None:
        """Return what the seeds of a metric say about the true values of architectures.

        Args:
            population: Architectures of the table, as :meth:`query` takes them.
            metric: Name of the metric.

        Returns:
            Estimates with intervals; None where the metric was not measured, or too few seeds repeat others.

        Raises:
            OutOfSpaceError: If an architecture is not in the table.
        """
        if metric not in self.rows.metrics:
            return None
        model = LabelNoiseModel(self.rows.values[metric], self.places)
        if not model.knows_noise:
            return None
        return model.estimate(self._places(self.full_space.population(population)))

    def seeds(self, architecture: Any) -> tuple[int, ...]:
        """Return the seeds that an architecture was measured with.

        Raises:
            OutOfSpaceError: If it is not in the table.
        """
        place = self._places(self.full_space.encode(architecture)[None])[0]
        return tuple(sorted(self.rows.seeds[self.places == place].tolist()))

    def by_seed(self, metric: str) -> list[NDArray[np.float64]]:
        """Return the values of a metric over the seeds, for each architecture of :attr:`population`.

        Raises:
            UnknownNameError: If the metric is not in the table.
        """
        values = self.rows.values[check_choice("metric", metric, self.rows.metrics)]
        order = np.argsort(self.places, kind="stable")
        ends = np.cumsum(np.bincount(self.places, minlength=len(self)))[:-1]
        return np.split(values[order], ends)

    def isomorphic(self, architecture: Any) -> Population:
        """Return the architectures of the table that are the same network, itself included."""
        row = self.full_space.encode(architecture)[None]
        mine = self.full_space.isomorphism_class(row)
        every = self.full_space.isomorphism_class(self.population)
        if mine is None or every is None:
            return self.population[self._places(row)]
        same: Population = self.population[every == mine[0]]
        return same

    def get_architecture_details(self, architecture: Any) -> str:
        """Return everything known of one architecture as text.

        Raises:
            OutOfSpaceError: If it is not in the table.
        """
        row = self.full_space.encode(architecture)
        arch = self.full_space.decode(row)
        seeds = ", ".join(map(str, self.seeds(row)))
        lines = [
            hanging("Architecture", architecture_text(arch, space=self.full_space), 22),
            f"Seeds                 {seeds}",
        ]
        known = set(self.metrics)
        for metric in self.metric_definitions:
            name = metric.name
            if name.endswith(ENDINGS):
                continue
            value = self.query_metric(row, name)
            spread = ""
            if f"{name}_sem" in known:
                spread = f" ± {self.query_metric(row, f'{name}_sem'):.2f}"
            shown = f"{value:,.0f}" if name in _COUNTED else f"{value:.2f}"
            text = f"{name:<22}{shown}{spread} {metric.unit}".rstrip()
            lines.append(hanging(text, metric.description, 50))
        return "\n".join(lines)

    def show(self, architecture: Any) -> None:
        """Print everything known of one architecture."""
        print(self.get_architecture_details(architecture))

    def quality(self) -> MeasuredQuality:
        """Examine the table: failures, impossible rows, and the noise that repeated seeds show."""
        groups = followed_in_time([n for n in self.rows.metrics if n in self.metrics_with_sem])
        names = [name for group in groups for name in group]
        columns = self.query(self.population, [*names, *(f"{name}_sem" for name in names)])
        rising = self.population[find_rising(columns, groups)] if names else ()
        return assess_measured(
            self.rows,
            self.places,
            rising=[self.full_space.decode(row) for row in rising],
            complete=self.complete,
        )

    def to_pandas(self) -> Any:
        """Return the rows of the file, one architecture and seed each, as a ``pandas.DataFrame``.

        Raises:
            InvalidArgumentError: If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise InvalidArgumentError("to_pandas() needs pandas: pip install pandas.") from None
        named = {
            "architecture": [self.full_space.decode(row) for row in self.rows.population],
            "seed": self.rows.seeds,
        }
        return pd.DataFrame({**named, **self.rows.values, "error": list(self.rows.errors)})

    def __len__(self) -> int:
        return len(self.population)

    def __iter__(self) -> Iterator[Any]:
        return map(self.full_space.decode, self.population)

    def __contains__(self, architecture: object) -> bool:
        try:
            self._places(self.full_space.encode(architecture)[None])
        except OutOfSpaceError:
            return False
        return True

    def __repr__(self) -> str:
        return (
            f"MeasuredTable({self.name!r}, {len(self)} architectures, {len(self.rows)} rows, "
            f"sha256:{self.checksum[:12]})"
        )

    def _places(self, rows: Population) -> NDArray[np.int64]:
        """Where rows are in the table, shape ``(n,)``."""
        codes = self.full_space.codes(rows)
        places = np.minimum(np.searchsorted(self._codes, codes), len(self) - 1)
        absent = self._codes[places] != codes
        if absent.any():
            row = rows[int(absent.argmax())]
            raise OutOfSpaceError(
                f"{self.full_space.decode(row)} is not among the {len(self)} architectures of the table "
                f"{self.name!r}."
            )
        return places

    def _is_better_when_higher(self, metric: str) -> bool:
        named = {entry.name: entry.higher_is_better for entry in self.metric_definitions}
        return named.get(current_metric_name(metric), False)

    def _column(self, metric: str) -> NDArray[Any]:
        name = current_metric_name(metric) if isinstance(metric, str) else metric
        check_choice("metric", name, self.metrics)
        if name not in self._columns:
            self._columns[name] = self._aggregated(name)
        return self._columns[name]

    def _aggregated(self, name: str) -> NDArray[Any]:
        if name in _COUNTED:
            return count_networks(self.full_space, name, self.population, self.network_input)
        if name.endswith("_std"):
            return np.sqrt(self._mean(self.rows.values[name] ** 2))
        if not name.endswith("_sem"):
            return self._mean(self.rows.values[name])
        known = ~np.isnan(self.rows.values[name])
        n = np.bincount(self.places[known], minlength=len(self))
        with np.errstate(divide="ignore", invalid="ignore"):
            alone = self._mean(self.rows.values[name] ** 2) / n
            values = self.rows.values[name.removesuffix("_sem")]
            residuals = values - self._mean(values)[self.places]
            between = self._sum(residuals**2) / (n - 1) / n
        return np.sqrt(np.fmax(alone, np.where(n > 1, between, 0.0)))

    def _mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the seeds of each architecture; NaN where there is no value."""
        known = ~np.isnan(values)
        n = np.bincount(self.places[known], minlength=len(self))
        with np.errstate(invalid="ignore"):
            return self._sum(values) / n

    def _sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        total: NDArray[np.float64] = np.zeros(len(self))
        np.add.at(total, self.places, np.nan_to_num(values))
        return total


def _spread(name: str, measured: Mapping[str, Metric]) -> Metric:
    """The definition of a ``_std``."""
    metric = name.removesuffix("_std")
    unit = measured[metric].unit
    return Metric(
        name, "pp" if unit == "%" else unit, False, f"spread from chip to chip of {metric}"
    )


def find_table(name: str | os.PathLike[str] | None) -> AnalogNASBench | MeasuredTable:
    """Return a table by name, ``analognasbench``, or from the file of a measured table.

    Raises:
        TableIntegrityError: If the file is missing, damaged or not a measured table.

    Example:
        >>> find_table("analognasbench").space.name, len(find_table("my-table.parquet"))
        ('nasbench201', 69)
    """
    if name is None or name == "analognasbench":
        return AnalogNASBench()
    return MeasuredTable(name)
