"""Base of surrogates: evaluators that are fitted to measured architectures."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..core import (
    METRICS,
    InvalidArgumentError,
    Metric,
    NotFittedError,
    TableIntegrityError,
    UnknownNameError,
    check_choice,
    check_definitions,
    check_int,
    current_metric_name,
)
from ..core.foreign_numbers import as_integers, measured
from ..spaces import SPACES, Population, Space, default_encoding, encode_features
from ..tables import MeasuredTable
from .base import COUNTED, Evaluation, Evaluator
from .costs import known_space

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

LEAST_ROWS = 4
"""Least number of architectures of a fit."""


@runtime_checkable
class QueriedTable(Protocol):
    """Anything with metrics of a population, such as :class:`AnalogNASBench`."""

    def query(self, population: Any, metrics: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        """Return metrics of architectures by name, shape ``(n,)`` each."""


def distinct_rows(features: Features) -> tuple[Features, NDArray[np.int64]]:
    """Return the distinct rows of a matrix, and the position of each row among them.

    Args:
        features: Shape ``(n, d)``.

    Returns:
        Distinct rows, shape ``(m, d)``, and the position of each row among them, shape ``(n,)``.

    Example:
        >>> rows, where = distinct_rows(np.array([[1, 2], [3, 4], [1, 2]], dtype=np.float32))
        >>> len(rows), bool(where[0] == where[2])
        (2, True)
    """
    # A random projection finds distinct rows much faster than sorting; the result is verified.
    direction = np.random.default_rng(0).standard_normal(features.shape[1])
    _, first, inverse = np.unique(features @ direction, return_index=True, return_inverse=True)
    distinct = features[first]
    if not np.array_equal(distinct[inverse], features):
        return features, np.arange(len(features))
    return distinct, inverse


def training_digest(features: Features, columns: Mapping[str, Floats]) -> str:
    """Return the SHA-256 (hexadecimal) of features and values that a surrogate is fitted to."""
    digest = hashlib.sha256(np.ascontiguousarray(features).tobytes())
    for name, values in columns.items():
        digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


Self = TypeVar("Self", bound="Surrogate")


class Surrogate(Evaluator):
    """Base of evaluators that predict metrics from features of architectures after a fit.

    Args:
        space: The space, or its name.
        encoding: Name of the encoding that features come from; the space's best one by default.
        seed: Seed of everything random in a fit.

    Raises:
        UnknownNameError: If a name is not known, or the space has no such encoding.
        InvalidArgumentError: If ``seed`` is negative or not an integer.
    """

    costly = False
    _may_be_missing = False
    """Whether training values may be NaN."""
    _values_example = "{'analog_drift_86400': accuracies, ...}"
    """Example of training values, for error messages."""

    def __init__(
        self, space: Space | str = "nasbench201", *, encoding: str | None = None, seed: int = 0
    ) -> None:
        self.seed = check_int("seed", seed, minimum=0)
        self._asked_encoding = encoding
        self._declared: dict[str, Metric] = {}
        # Training data: architectures, and values by metric.
        self._training: tuple[Population, dict[str, Floats]] | None = None
        self._bind(SPACES.get(space)() if isinstance(space, str) else space)

    def fit(
        self: Self,
        architectures: Any,
        values: Mapping[str, Any] | QueriedTable | None = None,
        metrics: Sequence[str] | str | None = None,
        *,
        space: Space | str | None = None,
        definitions: Sequence[Metric] = (),
    ) -> Self:
        """Fit to measured architectures, in place of any earlier fit.

        Args:
            architectures: Matrix of genotypes, shape ``(n, n_genes)``, or architectures in any form of the
                space; or a :class:`.MeasuredTable`, which provides values and space as well (only rows
                measured without an error are used).
            values: Metric name to measured values, shape ``(n,)`` each; or a table with a ``query`` method.
            metrics: Names of the metrics to learn; by default all of ``values``, and for a table the
                evaluator's default metrics.
            space: New space of the evaluator, if it changes.
            definitions: Definitions of metrics that are not in :data:`.METRICS`, such as
                ``[Metric("latency_us", "us", False)]``.

        Returns:
            The evaluator itself.

        Raises:
            OutOfSpaceError: If an architecture does not belong to the space.
            UnknownNameError: If a metric is neither declared nor known.
            InvalidArgumentError: If there are fewer than four architectures, or values are missing, not
                finite, of the wrong number, or impossible for their metric, such as a negative latency or an
                accuracy as a fraction.
        """
        if isinstance(architectures, MeasuredTable):
            table = architectures
            usual = self._default_metrics()
            architectures, values = _measured_rows(table, metrics, usual, self._may_be_missing)
            metrics, space = None, table.full_space if space is None else space
            own = [metric for metric in table.metric_definitions if metric.name not in METRICS]
            definitions = [*definitions, *own]
        if values is None:
            raise InvalidArgumentError(
                "`values` must be given: measured values by metric, or a table with a `query` method."
            )
        if space is not None:
            self._bind(SPACES.get(space)() if isinstance(space, str) else space)
        population = self.space.population(architectures)
        if len(population) < LEAST_ROWS:
            raise InvalidArgumentError(
                f"A fit needs at least {LEAST_ROWS} architectures, but got {len(population)}."
            )
        declared = check_definitions(definitions)
        columns = _columns(
            population, values, metrics, self._default_metrics(), self._may_be_missing, declared
        )
        self._declared = declared
        self._fit(encode_features(self.space, population, self.encoding), columns)
        self._training = (population, columns)
        return self

    @property
    def metrics(self) -> list[str]:
        """Names of the learnt metrics, and of those that the space counts."""
        counted = [name for name in COUNTED if name in self.space.counts()]
        return [*self._learnt(), *(name for name in counted if name not in self._learnt())]

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Definitions of its metrics, including those declared in :meth:`fit`."""
        return tuple(self._definition(name) for name in self.metrics)

    def _definition(self, name: str) -> Metric:
        return self._declared.get(name) or METRICS[name]

    def _declared_json(self) -> dict[str, Any]:
        """Return entries of a file for metrics that are not in :data:`.METRICS`; empty if there are none."""
        own = [self._declared[name].to_dict() for name in self._learnt() if name in self._declared]
        return {"metrics": own} if own else {}

    def _declare_json(self, entries: Any, file: str) -> None:
        """Read the entries of :meth:`_declared_json`."""
        try:
            self._declared = check_definitions(Metric.from_dict(entry) for entry in entries)
        except (InvalidArgumentError, TypeError) as error:
            raise TableIntegrityError(f"The metrics of {file!r} cannot be read: {error}") from None

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Predict metrics of a population; parameters and MACs are counted by the space.

        Raises:
            OutOfSpaceError: If a row is not in the space.
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If a metric is not one of :attr:`metrics`.
        """
        rows = self.space.population(population)
        self.check_fitted()
        names = [check_choice("metric", name, self.metrics) for name in metrics]
        learnt = [name for name in names if name in self._learnt()]
        means: dict[str, Floats] = {}
        sems: dict[str, Floats] = {}
        if learnt:
            features, inverse = self._distinct_features(rows)
            for name in learnt:
                mean, sem = self._predict(name, features)
                means[name] = _bounded(self._definition(name), mean)[inverse]
                if sem is not None:
                    sems[name] = sem[inverse]
        for name in names:
            if name not in means:
                means[name] = np.asarray(self.space.counts()[name](rows))
        return Evaluation({name: means[name] for name in names}, sems)

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return all predictions for one architecture, with standard errors if there are any."""
        evaluation = self.evaluate(np.asarray(row)[None], self.metrics)
        report: dict[str, Any] = {
            "metrics": {name: values[0].item() for name, values in evaluation.means.items()}
        }
        if evaluation.sems:
            report["standard_errors"] = {
                name: values[0].item() for name, values in evaluation.sems.items()
            }
        return {**report, "predicted": self._learnt()}

    def definition(self) -> dict[str, Any] | None:
        """Return the training data and arguments; None if they are unknown."""
        if self._training is None:
            return None
        population, columns = self._training
        values = {
            name: [None if value != value else value for value in column.tolist()]
            for name, column in columns.items()
        }
        return {
            "arguments": {"encoding": self._asked_encoding, "seed": self.seed, **self._arguments()},
            "population": population.tolist(),
            "values": values,
            **self._declared_json(),
        }

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any], space: Space | None) -> Surrogate:
        """Rebuild the surrogate by fitting it again."""
        made = cls(known_space(space, cls), **definition["arguments"])
        population = as_integers("Architectures of a surrogate", definition["population"])
        declared = [Metric.from_dict(entry) for entry in definition.get("metrics", ())]
        rows = population.reshape(-1, made.space.n_genes)
        return made.fit(rows, definition["values"], definitions=declared)

    def _arguments(self) -> dict[str, Any]:
        """Return further arguments of the constructor, as JSON types."""
        return {}

    def _bind(self, space: Space) -> None:
        """Set the space, and forget everything learnt in another one."""
        if not isinstance(space, Space):
            raise InvalidArgumentError(
                f"`space` must be a space or the name of one, but got {space!r}."
            )
        encoding = self._asked_encoding or default_encoding(space)
        encode_features(space, np.empty((0, space.n_genes), dtype=space.dtype), encoding)
        self.space, self.encoding, self._training = space, encoding, None
        self._forget()

    def _space_identity(self) -> dict[str, Any]:
        """Return the identity of the space, as JSON types."""
        return {"space": self.space.name, "space_fingerprint": self.space.fingerprint()}

    def _training_identity(self, digest: str) -> dict[str, Any]:
        """Return the identity for training data of the given digest, as JSON types."""
        return {
            "surrogate": type(self).__name__,
            **self._space_identity(),
            "encoding": self.encoding,
            "seed": self.seed,
            "training_data": f"sha256:{digest}",
        }

    def _distinct_features(self, rows: Population) -> tuple[Features, NDArray[np.int64]]:
        """Return distinct features of a population, and the position of each row among them."""
        return distinct_rows(encode_features(self.space, rows, self.encoding))

    def check_fitted(self) -> None:
        """Raise an error without a fitted model; called before predictions, and when a search is set up.

        Raises:
            NotFittedError: If there is no model.
        """
        if not self._learnt():
            kind = type(self).__name__
            raise NotFittedError(
                f"{kind} was not fitted for the space {self.space.name!r} yet; first call fit(architectures, "
                f"{self._values_example}) with measured architectures."
            )

    @abstractmethod
    def _default_metrics(self) -> Sequence[str]:
        """Return names of the metrics to learn from a table."""

    @abstractmethod
    def _learnt(self) -> list[str]:
        """Return names of the learnt metrics."""

    @abstractmethod
    def _fit(self, features: Features, columns: dict[str, Floats]) -> None:
        """Fit models to features, shape ``(n, d)``, and values by metric, shape ``(n,)``."""

    @abstractmethod
    def _forget(self) -> None:
        """Reset the models; called by the constructor and for a new space."""

    @abstractmethod
    def _predict(self, metric: str, features: Features) -> tuple[Floats, Floats | None]:
        """Return values of one metric and standard errors (None if unknown), shape ``(n,)`` each."""


def _measured_rows(
    table: MeasuredTable,
    metrics: Sequence[str] | str | None,
    usual: Sequence[str],
    may_be_missing: bool,
) -> tuple[Population, dict[str, Floats]]:
    """Return the architectures of a measured table that have all metrics, and their values."""
    if metrics is None:
        names = list(usual) if {*usual} <= {*table.rows.metrics} else table.rows.metrics
    else:
        names = [metrics] if isinstance(metrics, str) else list(metrics)
    values = table.query(table.population, names)
    if may_be_missing:
        return table.population, values
    known = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    return table.population[known], {name: column[known] for name, column in values.items()}


def _columns(
    population: Population,
    values: Mapping[str, Any] | QueriedTable,
    metrics: Sequence[str] | str | None,
    of_table: Sequence[str],
    may_be_missing: bool,
    declared: Mapping[str, Metric],
) -> dict[str, Floats]:
    names = [metrics] if isinstance(metrics, str) else metrics
    if isinstance(values, Mapping):
        names = list(values) if names is None else list(names)
        found: Mapping[str, Any] = values
    elif isinstance(values, QueriedTable):
        names = list(of_table) if names is None else list(names)
        found = values.query(population, names)
    else:
        raise InvalidArgumentError(
            "`values` must map metric names to arrays, or be a table with a `query` method, but got "
            f"{values!r}."
        )
    if not names:
        raise InvalidArgumentError("A fit needs the values of at least one metric, but got none.")
    return {
        _known_name(check_choice("metric", name, found), declared): _column(
            declared.get(name, name), found[name], len(population), may_be_missing
        )
        for name in names
    }


def _known_name(name: str, declared: Mapping[str, Metric]) -> str:
    """Return the current name of a metric."""
    if name in declared:
        return name
    current = current_metric_name(name)
    if current not in METRICS:
        raise UnknownNameError(
            f"Unknown metric {name!r}; declare it: fit(..., definitions=[Metric({name!r}, unit, "
            "higher_is_better)])."
        )
    return current


def _column(metric: str | Metric, values: Any, n: int, may_be_missing: bool) -> Floats:
    column = measured(metric, values, missing=may_be_missing)
    if column.shape != (n,):
        name = metric.name if isinstance(metric, Metric) else metric
        raise InvalidArgumentError(
            f"The values of {name!r} must be one for each of the {n} architectures, but got the shape "
            f"{column.shape}."
        )
    return column


def _bounded(metric: Metric, values: Floats) -> Floats:
    """Clip percentages to 0 to 100, and spreads at 0."""
    if metric.unit == "%":
        return np.clip(values, 0.0, 100.0)
    return np.maximum(values, 0.0) if metric.name.endswith("_std") else values
