"""Base of surrogates: evaluators that are fitted to measured architectures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core import (
    METRICS,
    InvalidArgumentError,
    Metric,
    NotFittedError,
    TableIntegrityError,
    check_choice,
    check_definitions,
    check_int,
)
from ..core.foreign_numbers import as_integers
from ..spaces import Population, Space, default_encoding, encode_features, equal_spaces, made_space
from ..tables import MeasuredTable
from .base import COUNTED, Evaluation, Evaluator
from .costs import known_space
from .measured_region import EXTRAPOLATION, MeasuredRegion
from .provenance import Provenance
from .shipped_weights import how_to_measure
from .training_data import (
    LEAST_ROWS,
    Features,
    Floats,
    QueriedTable,
    bounded,
    check_varying,
    checked_columns,
    distinct_rows,
    measured_rows,
)

UNBOUND_SPACE = "nasbench201"
"""Space of a surrogate that was made without one, until it is fitted or used in a search."""

Self = TypeVar("Self", bound="Surrogate")


class Surrogate(Evaluator):
    """Base of evaluators that predict metrics from features of architectures after a fit.

    Args:
        space: The space, or its name. None: that of the first search or fit; before, ``nasbench201``.
        encoding: Name of the encoding that features come from; the space's best one by default.
        seed: Seed of everything random in a fit.

    Raises:
        UnknownNameError: If a name is not known, or the space has no such encoding.
        InvalidArgumentError: If ``seed`` is negative or not an integer.

    Attributes:
        bound: Whether the space is final: it was given, or a fit or a search has set it.
        provenance: Facts about the measured table of the fit; None for a fit to other values.

    Example:
        >>> from analognas import AnalogNASBench, XGBoostEvaluator
        >>> bench = AnalogNASBench()
        >>> surrogate = XGBoostEvaluator().fit(bench.space.from_indices(range(40)), bench, "avm")
        >>> isinstance(surrogate, Surrogate), surrogate.metrics
        (True, ['avm', 'params', 'macs'])
    """

    costly = False
    bound: bool
    provenance: Provenance | None
    _region: MeasuredRegion | None
    _measured: Population | None
    _may_be_missing = False
    """Whether training values may be NaN."""
    _values_example = "{'analog_drift_86400': accuracies, ...}"
    """Example of training values, for error messages."""
    _may_be_constant = False
    """Whether all training values of a metric may be equal."""

    def __init__(
        self, space: Space | str | None = None, *, encoding: str | None = None, seed: int = 0
    ) -> None:
        self.seed = check_int("seed", seed, minimum=0)
        self._asked_encoding = encoding
        self._declared: dict[str, Metric] = {}
        # Training data: architectures, and values by metric.
        self._training: tuple[Population, dict[str, Floats]] | None = None
        self._space_given = self.bound = space is not None
        self._bind(made_space(UNBOUND_SPACE if space is None else space))

    def adapt_to(self, space: Space) -> None:
        """Use another space, unless the own one is final.

        Called when a search is set up.
        """
        if not self.bound:
            self.bound = True
            if not equal_spaces(space, self.space):
                self._bind(space)

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
                finite, all equal, of the wrong number, or impossible for their metric, such as a negative
                latency or an accuracy as a fraction; or if a table is of another space than the given one.
        """
        table = architectures if isinstance(architectures, MeasuredTable) else None
        if table is not None:
            self._check_space_of(table, space)
            usual = self._default_metrics()
            architectures, values = measured_rows(table, metrics, usual, self._may_be_missing)
            metrics, space = None, table.full_space if space is None else space
            own = [metric for metric in table.metric_definitions if metric.name not in METRICS]
            definitions = [*definitions, *own]
        if values is None:
            raise InvalidArgumentError(
                "`values` must be given: measured values by metric, or a table with a `query` method."
            )
        if space is not None:
            self.bound = True
            self._bind(made_space(space))
        population = self.space.population(architectures)
        if len(population) < LEAST_ROWS:
            raise InvalidArgumentError(
                f"A fit needs at least {LEAST_ROWS} architectures, but got {len(population)}."
            )
        declared = check_definitions(definitions)
        columns = checked_columns(
            population, values, metrics, self._default_metrics(), self._may_be_missing, declared
        )
        if not self._may_be_constant:
            check_varying(columns)
        self._declared = declared
        self._fit(self._features(population), columns)
        self._training, self.bound = (population, columns), True
        self._rest_on(None if table is None else Provenance.of(table, len(population)), population)
        return self

    @property
    def metrics(self) -> list[str]:
        """Names of the learnt metrics, of those that the space counts, and ``extrapolation`` with a region."""
        self._prepare()
        found = [*self._learnt(), *(name for name in COUNTED if name in self.space.counts())]
        return list(dict.fromkeys(found if self.region is None else [*found, EXTRAPOLATION.name]))

    @property
    def region(self) -> MeasuredRegion | None:
        """The region of the measured networks; None unless the fit was to a measured table.

        Outside of it, standard errors grow, and the metric ``extrapolation`` is positive.
        """
        self._prepare()
        if self._region is None and self._measured is not None:
            self._region = MeasuredRegion.of(self.space, self._measured)
        return self._region

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the predictions rest on, if that is a measured table."""
        self._prepare()
        known = self.provenance
        return () if known is None else (f"{type(self).__name__} {known.text}.",)

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Definitions of its metrics, including those declared in :meth:`fit`."""
        return tuple(self._definition(name) for name in self.metrics)

    @property
    def cheap_metrics(self) -> tuple[str, ...]:
        """What the space counts, and ``extrapolation`` with a region."""
        counted = super().cheap_metrics
        return counted if self.region is None else (*counted, EXTRAPOLATION.name)

    def evaluate_cheaply(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Compute some of :attr:`cheap_metrics`, without predictions."""
        return self.evaluate(population, metrics)

    def _definition(self, name: str) -> Metric:
        known = {**METRICS, EXTRAPOLATION.name: EXTRAPOLATION, **self._declared}
        return known[name]

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

        Outside of :attr:`region`, standard errors are multiplied by one plus the extrapolation.

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
            features, inverse = distinct_rows(self._features(rows))
            for name in learnt:
                mean, sem = self._predict(name, features)
                means[name] = bounded(self._definition(name), mean)[inverse]
                if sem is not None:
                    sems[name] = sem[inverse]
        if self.region is not None and (sems or EXTRAPOLATION.name in names):
            beyond = self.region.extrapolation(self.space, rows)
            sems = {name: sem * (1.0 + beyond) for name, sem in sems.items()}
            if EXTRAPOLATION.name in names:
                means.setdefault(EXTRAPOLATION.name, beyond)
        for name in names:
            if name not in means:
                means[name] = np.asarray(self.space.counts()[name](rows))
        return Evaluation({name: means[name] for name in names}, sems)

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return all predictions for one architecture, with standard errors if there are any."""
        evaluation = self.evaluate(np.asarray(row)[None], self.metrics)
        means, sems = (
            {name: values[0].item() for name, values in columns.items()}
            for columns in (evaluation.means, evaluation.sems)
        )
        report: dict[str, Any] = {"metrics": means, **({"standard_errors": sems} if sems else {})}
        if report["metrics"].get(EXTRAPOLATION.name, 0.0) > 0 and self.region is not None:
            report["extrapolated"] = True
        return {**report, "predicted": self._learnt()}

    def definition(self) -> dict[str, Any] | None:
        """Return the training data and arguments; None if they are unknown."""
        self._prepare()
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
            **self._provenance_json(),
        }

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any], space: Space | None) -> Surrogate:
        """Rebuild the surrogate by fitting it again."""
        made = cls(known_space(space, cls), **definition["arguments"])
        made._fit_definition(definition)
        return made

    def _fit_definition(self, definition: Mapping[str, Any]) -> None:
        """Fit to the training data of a definition."""
        population = as_integers("Architectures of a surrogate", definition["population"])
        declared = [Metric.from_dict(entry) for entry in definition.get("metrics", ())]
        rows = population.reshape(-1, self.space.n_genes)
        self.fit(rows, definition["values"], definitions=declared)
        if "provenance" in definition:
            known = Provenance.from_dict(definition["provenance"], "a surrogate")
            self._rest_on(known, self.space.population(rows))

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
        if self.bound:  # the space of an unbound one may still change
            encode_features(space, np.empty((0, space.n_genes), dtype=space.dtype), encoding)
        self.space, self.encoding, self._training = space, encoding, None
        self._rest_on(None, None)
        self._forget()

    def _prepare(self) -> None:
        """Load models that come with the package; called before anything that depends on the fit."""
        return

    def _rest_on(self, provenance: Provenance | None, measured: Population | None) -> None:
        """Set provenance and measured networks of the fit; both None without a measured table."""
        self.provenance, self._region = provenance, None
        self._measured = None if provenance is None else measured

    def _provenance_json(self) -> dict[str, Any]:
        """Return the entry of a file or definition for the provenance; empty if there is none."""
        return {} if self.provenance is None else {"provenance": self.provenance.to_dict()}

    def _check_space_of(self, table: MeasuredTable, space: Space | str | None) -> None:
        if space is None and self._space_given and not equal_spaces(table.full_space, self.space):
            raise InvalidArgumentError(
                f"The evaluator is of the space {self.space.name!r}, but the table {table.name!r} is about "
                f"{table.full_space.name!r}; pass space={table.full_space.name!r}."
            )

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
            **({} if self.provenance is None else {"table": f"sha256:{self.provenance.sha256}"}),
        }

    def _features(self, rows: Population) -> Features:
        """Return the features of a population, shape ``(n, d)``."""
        return encode_features(self.space, rows, self.encoding)

    def check_fitted(self) -> None:
        """Raise an error without a fitted model; called before predictions, and when a search is set up.

        Raises:
            NotFittedError: If there is no model.
        """
        self._prepare()
        if not self._learnt():
            kind = type(self).__name__
            raise NotFittedError(
                f"{kind} was not fitted for the space {self.space.name!r} yet; first call fit(architectures, "
                f"{self._values_example}) with measured architectures{how_to_measure(self.space.name)}."
            )

    def __repr__(self) -> str:
        self._prepare()
        space = self.space.name + ("" if self.bound else ", until it is used with another space")
        if self.provenance is not None:
            state = self.provenance.text
        elif self._training is not None:
            state = f"fitted to {len(self._training[0])} architectures"
        else:
            state = "fitted" if self._learnt() else "not fitted"
        return f"{type(self).__name__}({space}; {state})"

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
