"""Prediction of costs on a device from measurements of some architectures."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    METRICS,
    AnalogNASError,
    InvalidArgumentError,
    Metric,
    TableIntegrityError,
    UnknownNameError,
    check_choice,
    current_metric_name,
    device_metric,
)
from ..core.foreign_numbers import as_integers, measured
from ..core.limits import shown
from ..spaces import SPACES, Population, Space, cost_encoding, encode_features, feature_names
from ..tables import MeasuredTable, read_table, write_table
from ..tables.table_file import Table
from .closed_form import ClosedForm
from .cost_models import COST_MODELS, CostModel
from .cost_validation import CrossValidation, choose, errors
from .surrogate import Surrogate
from .training_data import Floats, QueriedTable, distinct_rows, training_digest

LEAST_MEASUREMENTS = 10
"""Least number of architectures of a fit: two for each of five folds."""

CLOSED_FORM = "closed form"
"""Name of the model if costs are exactly linear."""

_KIND = "cost predictor"
_GENE = "gene{}"


class CostPredictor(Surrogate):
    """Predicts latency, energy or any other cost from measurements of some architectures.

    Costs that are exactly linear in counts of operations or choices are recognised by leave-one-out errors
    (:meth:`formula`). All others are learnt by ridge regression, a Gaussian process, boosted trees or an
    ensemble, whichever has the least cross-validation error. If all measurements are positive, so are
    predictions. A metric named ``<device>_latency`` (ms) or ``<device>_energy`` (mJ) needs no declaration. A
    standard error says how far a new measurement may lie from its prediction.

    Args:
        space: The space, or its name.
        encoding: Encodings joined by ``+``, the most promising first: models are tried on the first, the first
            two and so on. By default ``operations+one_hot+canonical`` on NAS-Bench-201, else the same as for
            other surrogates.
        seed: Seed of everything random in a fit.

    Raises:
        UnknownNameError: If a name is not known, or the space has no such encoding.
        InvalidArgumentError: If ``seed`` is negative or not an integer.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> space = NASBench201Space()
        >>> cells = space.sample(60, generator=np.random.default_rng(0))
        >>> measured = 2.0 + 0.5 * (cells == 2).sum(axis=1)  # half a millisecond for each 3 x 3 convolution
        >>> predictor = CostPredictor().fit(cells, {"mine_latency": measured})
        >>> predictor.formula("mine_latency")
        '2 + 0.5 nor_conv_3x3'
        >>> predictor.evaluate([(2, 2, 2, 2, 2, 2)], ["mine_latency"]).means["mine_latency"].tolist()
        [5.0]
    """

    cross_validation: dict[str, CrossValidation]
    _models: dict[str, CostModel]
    _population: Population
    _values: dict[str, Floats]
    _digest: str
    _may_be_missing = True
    _may_be_constant = True
    _values_example = "{'mine_latency': milliseconds, ...}"

    def fit(
        self,
        architectures: Any,
        values: Mapping[str, Any] | QueriedTable | None = None,
        metrics: Sequence[str] | str | None = None,
        *,
        space: Space | str | None = None,
        definitions: Sequence[Metric] = (),
    ) -> CostPredictor:
        """Fit to measured architectures; like :meth:`Surrogate.fit`, with at least ten for each metric.

        Missing measurements are NaN, or -1 where an architecture did not compile. Afterwards
        ``cross_validation`` holds the errors on held-out measurements, by metric.
        """
        names = values if isinstance(values, Mapping) else ()
        declared = [*definitions, *_costs(names, {one.name for one in definitions})]
        super().fit(architectures, values, metrics, space=space, definitions=declared)
        given = (
            architectures.population if isinstance(architectures, MeasuredTable) else architectures
        )
        self._population = self.space.population(given)
        return self

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the learnt metrics."""
        return self._learnt()

    def formula(self, metric: str) -> str | None:
        """Return the exact formula of a metric as text; None if it has none.

        Raises:
            NotFittedError: If the predictor was not fitted yet.
            UnknownNameError: If the metric was not learnt.
        """
        self.check_fitted()
        model = self._models[check_choice("metric", metric, self._models)]
        if not isinstance(model, ClosedForm):
            return None
        return model.formula(feature_names(self.space, self.cross_validation[metric].encoding))

    def identity(self) -> dict[str, Any]:
        """Return space, encoding, seed and the checksum of the training data."""
        return self._training_identity(self._digest)

    def save(self, path: str | os.PathLike[str], *, new: bool = False) -> str:
        """Save measurements and choices of models to a Parquet file, atomically; return its checksum.

        :meth:`load` fits the chosen models again, which gives the same predictions.

        Args:
            path: The file.
            new: Whether an existing file is an error.

        Raises:
            NotFittedError: If the predictor was not fitted yet.
            OutputFolderError: If the file cannot be written, or exists although it must be new.
        """
        self.check_fitted()
        genes = {_GENE.format(i): column.copy() for i, column in enumerate(self._population.T)}
        described = {
            "name": _KIND,
            **self._space_identity(),
            "encoding": self.encoding,
            "seed": self.seed,
            **self._declared_json(),
            "chosen": {name: vars(found) for name, found in self.cross_validation.items()},
        }
        return write_table(path, {**genes, **self._values}, described, new=new)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, space: Space | None = None) -> CostPredictor:
        """Load a file written by :meth:`save`.

        Args:
            path: The file.
            space: The space; needed only for spaces without a registered name.

        Raises:
            TableIntegrityError: If the file is missing, damaged, of another kind, or made for another space.
            UnknownNameError: If its space is not registered and `space` is not given.
        """
        table = read_table(path)
        try:
            return cls._from_table(table, path, space)
        except AnalogNASError:
            raise
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise TableIntegrityError(
                f"{os.fspath(path)!r} is not as a {_KIND} is saved ({type(error).__name__}: {shown(error)}); "
                "save the predictor again."
            ) from None

    @classmethod
    def _from_table(
        cls, table: Table, path: str | os.PathLike[str], space: Space | None
    ) -> CostPredictor:
        about = table.metadata
        if about.get("name") != _KIND:
            raise TableIntegrityError(f"{os.fspath(path)!r} holds no {_KIND}.")
        for key in ("space", "space_fingerprint", "encoding", "seed", "chosen"):
            if key not in about:
                raise TableIntegrityError(
                    f"{os.fspath(path)!r} is incomplete: it has no {key!r}; save the predictor again."
                )
        found = SPACES.get(about["space"])() if space is None else space
        if (found.name, found.fingerprint()) != (about["space"], about["space_fingerprint"]):
            raise TableIntegrityError(
                f"{os.fspath(path)!r} was fitted in a space {about['space']!r} that differs from "
                f"{found.name!r} here; fit again."
            )
        predictor = cls(found, encoding=about["encoding"], seed=about["seed"])
        where = repr(os.fspath(path))
        genes = [table.columns[_GENE.format(i)] for i in range(predictor.space.n_genes)]
        population = predictor.space.population(
            as_integers(f"The architectures in {where}", np.stack(genes, axis=1))
        )
        chosen = {name: CrossValidation(**found) for name, found in about["chosen"].items()}
        predictor._declare_json(about.get("metrics", ()), os.fspath(path))
        known = predictor._declared
        known.update((one.name, one) for one in _costs(chosen, known))
        columns = {
            name: measured(
                known.get(name, name), table.columns[name], where=where, error=TableIntegrityError
            )
            for name in chosen
        }
        features = encode_features(predictor.space, population, predictor.encoding)
        predictor._learn(features, columns, chosen)
        predictor._population = population
        predictor._training = (population, columns)
        return predictor

    def _bind(self, space: Space) -> None:
        super()._bind(space)
        if self._asked_encoding is None:
            self.encoding = cost_encoding(space)

    def _default_metrics(self) -> Sequence[str]:
        return ()

    def _learnt(self) -> list[str]:
        return list(self._models)

    def _forget(self) -> None:
        self._models, self.cross_validation = {}, {}
        self._values, self._digest = {}, ""
        self._population = np.empty((0, 0), dtype=np.int8)

    def _fit(self, features: NDArray[np.float32], columns: dict[str, Floats]) -> None:
        for name, values in columns.items():
            n = len(distinct_rows(features[~np.isnan(values)])[0])
            if n < LEAST_MEASUREMENTS:
                raise InvalidArgumentError(
                    f"A cost predictor needs measurements of at least {LEAST_MEASUREMENTS} different "
                    f"architectures, but got {n} of {name!r}."
                )
        self._learn(features, columns, {})

    def _learn(
        self,
        features: NDArray[np.float32],
        columns: dict[str, Floats],
        chosen: Mapping[str, CrossValidation],
    ) -> None:
        """Fit each metric with its chosen model; choose one where there is none."""
        models: dict[str, CostModel] = {}
        validation: dict[str, CrossValidation] = {}
        for name, column in columns.items():
            known = ~np.isnan(column)
            rows, values = features[known], column[known]
            found = chosen.get(name)
            if found is None:
                found = self._proved(rows, values)
            if found is None:
                found = choose(rows, values, self._columns_of_prefixes(), seed=self.seed)
            seen = rows[:, self._columns(found.encoding)]
            fit = COST_MODELS.get(found.model)
            form = ClosedForm.find(seen, values) if fit is None else fit(seen, values, self.seed)
            assert form is not None
            models[name], validation[name] = form, found
        self._models, self.cross_validation = models, validation
        self._values, self._digest = columns, training_digest(features, columns)

    def _proved(self, features: NDArray[np.float32], values: Floats) -> CrossValidation | None:
        """Return the errors of a closed form in the features of one encoding; None if there is none."""
        for encoding in self.encoding.split("+"):
            form = ClosedForm.find(features[:, self._columns(encoding)], values)
            if form is not None:
                known = ~np.isnan(form.left_out)
                found = errors(values[known], form.left_out[known])
                return CrossValidation(
                    model=CLOSED_FORM,
                    encoding=encoding,
                    n=len(values),
                    factor=1.0,
                    tried={f"{CLOSED_FORM} in {encoding}": found["rmse"]},
                    **found,
                )
        return None

    def _columns(self, encoding: str) -> slice:
        """Return the columns of neighbouring encodings among all features."""
        before, rest = self.encoding.split("+"), encoding.split("+")
        start = before.index(rest[0])
        widths = [len(feature_names(self.space, part)) for part in before]
        return slice(sum(widths[:start]), sum(widths[: start + len(rest)]))

    def _columns_of_prefixes(self) -> dict[str, slice]:
        parts = accumulate(self.encoding.split("+"), "{}+{}".format)
        return {encoding: self._columns(encoding) for encoding in parts}

    def _predict(self, metric: str, features: NDArray[np.float32]) -> tuple[Floats, Floats | None]:
        found = self.cross_validation[metric]
        means, variances = self._models[metric].predict(features[:, self._columns(found.encoding)])
        sems = np.sqrt(found.factor * variances)
        lowest = float(np.nanmin(self._values[metric]))
        if lowest > 0:
            means = np.where(sems > 0, _not_free(means, lowest), means)
        if lowest >= 0:
            means = np.maximum(means, 0.0)
        return means, sems


def _not_free(means: Floats, lowest: float) -> Floats:
    """Keep predictions above a quarter of the lowest measurement; their order stays.

    A line through measurements may fall below zero, and a search would exploit that. Predictions above half of
    the lowest measurement stay as they are; below, a hyperbola of the same slope takes over. The cheapest
    network of FBNet costs 0.23 to 0.86 of the cheapest of 100 drawn at random, on all devices of HW-NAS-Bench
    but the FPGA, whose skips are free.
    """
    half, quarter = lowest / 2, lowest / 4
    below: Floats = quarter + quarter**2 / (quarter + half - np.minimum(means, half))
    return np.where(means < half, below, means)


def _costs(names: Iterable[str], declared: Container[str]) -> list[Metric]:
    """Return definitions of latencies and energies of a user's devices, derived from their names.

    Raises:
        UnknownNameError: If a name is neither declared, nor in the vocabulary, nor of this form.
    """
    found = []
    for name in map(str, names):
        if name in declared or current_metric_name(name) in METRICS:
            continue
        cost = device_metric(name)
        if cost is None:
            raise UnknownNameError(
                f"Unknown metric {name!r}. Call a cost of your own <device>_latency (ms) or <device>_energy "
                "(mJ), in lower case, or declare it: fit(..., definitions=[Metric(name, unit, "
                "higher_is_better)])."
            )
        found.append(cost)
    return found
