"""A surrogate evaluator with standard errors."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    InvalidArgumentError,
    NotFittedError,
    RandomStreams,
    TableIntegrityError,
    check_choice,
    check_int,
)
from ..spaces import Population, Space, is_registered_space, made_space
from .base import Evaluator
from .calibration import LEVEL, Rows, conformal_factor, held_out_predictions, normal_quantile
from .cheap_columns import CheapColumns
from .definitions import definition_of
from .graph_ensemble import GraphEnsemble
from .joint_model import JointModel
from .shipped_weights import (
    content_checksum,
    how_to_measure,
    read_content,
    shipped_weights,
    write_content,
)
from .suggestions import CANDIDATES, check_candidates, choose_informative, draw_candidates
from .surrogate import Surrogate
from .training_data import Features, Floats, bounded, distinct_rows, training_digest

FORMAT, FORMAT_VERSION = "analognas-graph-ensemble", 1

_KIND = "graph_ensemble"

_SUGGESTED = "analog_drift_2592000"

DEFAULT_METRICS = ("analog_accuracy", "analog_drift_86400", "analog_drift_2592000", "avm")
"""Metrics that are learnt from a table by default."""


class GraphEnsembleEvaluator(Surrogate):
    """Predicts metrics with standard errors from a few dozen measured architectures or more.

    Each metric has its own :class:`GraphEnsemble`: boosted trees and a Gaussian process on the canonical
    features of NAS-Bench-201, or the features of any other space. A fit to 500 architectures takes about a
    tenth of a second per metric, so a search can refit after every batch.

    The standard error of a prediction is that of a new measurement: it includes label noise and is calibrated
    on held-out measurements. With fewer than about 200 architectures, :meth:`calibrate` makes it exact on
    average. :meth:`pretrained` returns an evaluator that comes with the package.

    Args:
        space: The space, or its name. None: that of the first search or fit; before, ``nasbench201``.
        joint: Whether metrics inform each other: predictions are the mean of those of each metric and of a
            :class:`.JointModel` of all.
        inputs: An evaluator of cheap metrics that are features, too, such as a :class:`.ZeroCostEvaluator`, or
            a table of digital accuracies. It is asked about every architecture, in fits and predictions.
        input_metrics: Names of its metrics that are used.
        encoding: Name of the encoding that features come from; the space's best one by default.
        seed: Seed of everything random in a fit.

    Raises:
        UnknownNameError: If a name is not known, or the space has no such encoding.
        InvalidArgumentError: If ``seed`` is negative or not an integer.

    Example:
        >>> from analognas import AnalogNASBench
        >>> bench = AnalogNASBench()
        >>> cells = bench.space.from_indices(range(200))
        >>> surrogate = GraphEnsembleEvaluator().fit(cells, bench, "analog_drift_86400")
        >>> prediction = surrogate.evaluate([(0, 0, 0, 4, 3, 2)], ["analog_drift_86400"])
        >>> measured = bench.query_metric((0, 0, 0, 4, 3, 2), "analog_drift_86400")
        >>> error = prediction.means["analog_drift_86400"][0] - measured
        >>> bool(abs(error) < 3 * prediction.sems["analog_drift_86400"][0])
        True
    """

    _models: dict[str, GraphEnsemble]
    _digest: str
    _factors: dict[str, float]
    _joint: JointModel | None

    def __init__(
        self,
        space: Space | str | None = None,
        *,
        joint: bool = False,
        inputs: Evaluator | Mapping[str, Any] | None = None,
        input_metrics: Sequence[str] = (),
        encoding: str | None = None,
        seed: int = 0,
    ) -> None:
        self.joint = bool(joint)
        self._columns: CheapColumns | None = None
        if space is None and isinstance(inputs, Evaluator):
            space = inputs.space
        super().__init__(space, encoding=encoding, seed=seed)
        if inputs is not None or input_metrics:
            self._columns = CheapColumns.of(inputs, input_metrics, self.space)

    @classmethod
    def pretrained(cls, space: Space | str) -> GraphEnsembleEvaluator:
        """Return the evaluator of a space that comes with the package, calibrated.

        :attr:`provenance` says which measured table it rests on. It is fitted again to the measurements in its
        file, in about half a second.

        Args:
            space: The space, or its name.

        Raises:
            NotFittedError: If there is none for this space; the message says how to build a table.
            TableIntegrityError: If the file is damaged.

        Example:
            >>> GraphEnsembleEvaluator.pretrained("resnet").provenance.table
            'resnet-cifar10'
        """
        chosen = made_space(space)
        found = cls.find_pretrained(chosen)
        if found is None:
            raise NotFittedError(
                f"No {cls.__name__} of the space {chosen.name!r} comes with the package; fit one to measured "
                f"architectures{how_to_measure(chosen.name)}."
            )
        return found

    @classmethod
    def find_pretrained(cls, space: Space) -> GraphEnsembleEvaluator | None:
        """Return the evaluator that comes with the package; None if there is none for this space."""
        file = shipped_weights(_KIND, space.name)
        if file is None or not is_registered_space(space):
            return None
        return cls(space).load(file[0], checksum=file[1])

    def calibrate(self, *, folds: int = 5, repeats: int = 4) -> GraphEnsembleEvaluator:
        """Scale standard errors so that intervals of 90 % have their coverage on held-out measurements.

        The factor of each metric follows from ``repeats`` cross-validations of the training set, which take
        ``folds * repeats`` times as long as the fit. Another fit resets it.

        Args:
            folds: Number of folds, at least 2.
            repeats: Number of random partitions into folds.

        Returns:
            The evaluator itself.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            InvalidArgumentError: If there are fewer than two folds, or too many for the training set.
        """
        self.check_fitted()
        assert (
            self._training is not None
        )  # every fitted evaluator of this class knows its training data
        population, columns = self._training
        check_int("folds", folds, minimum=2)
        if len(population) - -(-len(population) // folds) < 4:
            raise InvalidArgumentError(
                f"`folds` must leave four architectures to fit to, but {folds} folds of {len(population)} do "
                "not."
            )
        features = self._features(population)

        def fit(kept: Rows) -> Callable[[Rows, str], tuple[Floats, Floats]]:
            other = copy.copy(self)
            other._fit(features[kept], {name: values[kept] for name, values in columns.items()})
            return lambda missed, name: other._predict(name, features[missed])

        found = held_out_predictions(
            fit,
            list(columns),
            len(population),
            folds=folds,
            repeats=check_int("repeats", repeats, minimum=1),
            seed=self.seed,
        )
        self._factors = {
            name: conformal_factor(values, *found[name]) for name, values in columns.items()
        }
        return self

    def intervals(
        self, population: Population, metric: str, *, level: float = LEVEL
    ) -> tuple[Floats, Floats]:
        """Return bounds that contain new measurements with a probability, shape ``(n,)`` each.

        Args:
            population: Shape ``(n, n_genes)``.
            metric: Name of a learnt metric.
            level: The probability, between 0 and 1.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If the metric was not learnt.
            InvalidArgumentError: If ``level`` is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise InvalidArgumentError(f"`level` must be between 0 and 1, but got {level!r}.")
        self.model(metric)
        found = self.evaluate(population, [metric])
        half = normal_quantile(level) * found.sems[metric]
        definition = self._definition(metric)
        mean = found.means[metric]
        return bounded(definition, mean - half), bounded(definition, mean + half)

    def suggest(
        self,
        n: int,
        metric: str | None = None,
        *,
        candidates: Any = None,
        seed: int = 0,
    ) -> Population:
        """Return architectures to measure next, the most informative first, shape ``(n, n_genes)``.

        Each reduces the mean variance of all candidates most, given those before it
        (:func:`.choose_informative`).

        Args:
            n: Number of architectures.
            metric: Name of a learnt metric; the accuracy after a month, else the first one, by default.
            candidates: Architectures to choose from, in any form of the space; 1,000 random ones by default, in
                :attr:`region` if there is one. Measured ones are left out.
            seed: Seed of the random candidates.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If the metric was not learnt.
            InvalidArgumentError: If there are fewer than ``n`` candidates.
        """
        self.check_fitted()
        usual = _SUGGESTED if _SUGGESTED in self._models else self._learnt()[0]
        model = self.model(usual if metric is None else metric)
        assert self._training is not None
        known = self._training[0]
        if candidates is None:
            generator = RandomStreams(check_int("seed", seed, minimum=0)).numpy("suggest")
            rows = draw_candidates(self.space, known, self._n_drawn(n), generator=generator)
            if self.region is not None:
                rows = rows[self.region.extrapolation(self.space, rows) == 0][: max(n, CANDIDATES)]
        else:
            rows = self.space.population(candidates)
            rows = rows[~np.isin(self.space.codes(rows), self.space.codes(known))]
        n = check_candidates(n, rows)
        features = self._features(rows)
        order = choose_informative(model.covariance(features), model.noise_std**2, n)
        return np.asarray(rows[order])

    def _n_drawn(self, n: int) -> int:
        """Return how many candidates to draw; more where some will lie outside of the region."""
        return max(n, CANDIDATES) * (1 if self.region is None else 10)

    def save(self, path: str | os.PathLike[str]) -> str:
        """Save training data, calibration and provenance to one JSON file; return the checksum of its content.

        The file is written atomically, and compressed if its name ends in ``.gz``. :meth:`load` fits again.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            OutputFolderError: If the file cannot be written.
        """
        self.check_fitted()
        definition = self.definition()
        assert definition is not None
        heads = {"format": FORMAT, "format_version": FORMAT_VERSION, **self._space_identity()}
        return write_content(path, {**heads, "encoding": self.encoding, **definition})

    def load(
        self, path: str | os.PathLike[str], *, checksum: str | None = None
    ) -> GraphEnsembleEvaluator:
        """Fit to the training data of a file written by :meth:`save`, and return the evaluator.

        Args:
            path: The file.
            checksum: Expected checksum of the file, if known.

        Raises:
            TableIntegrityError: If the file is missing, damaged, of another kind, or made for another space.
        """
        kind, writer = FORMAT, f"{type(self).__name__}.save"
        content = read_content(
            path, kind=kind, version=FORMAT_VERSION, writer=writer, checksum=checksum
        )
        where = f"The surrogate {os.fspath(path)!r}"
        if any(content.get(key) != value for key, value in self._space_identity().items()):
            raise TableIntegrityError(
                f"{where} is of the space {content.get('space')!r}, but the evaluator is of "
                f"{self.space.name!r}."
            )
        try:
            arguments = content["arguments"]
            self.seed, self._asked_encoding = int(arguments["seed"]), str(content["encoding"])
            self._bind(self.space)
            self._fit_definition(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TableIntegrityError(f"{where} is incomplete: {error}") from None
        return self

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the learnt metrics."""
        return self._learnt()

    def scores(self, population: Population, metric: str) -> tuple[Floats, Floats]:
        """Return means and standard deviations on the scale of normal scores, shape ``(n,)`` each.

        Called by optimizers: on this scale errors are normal, so that acquisition functions have closed forms.
        The models of :meth:`model` map scores to values.

        Args:
            population: Shape ``(n, n_genes)``.
            metric: Name of a learnt metric.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If the metric was not learnt.
        """
        model = self.model(metric)
        features, inverse = distinct_rows(self._features(self.space.population(population)))
        means, stds = model.predict(features)
        return means[inverse], stds[inverse]

    def model(self, metric: str) -> GraphEnsemble:
        """Return the fitted model of one metric.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If the metric was not learnt.
        """
        self.check_fitted()
        return self._models[check_choice("metric", metric, self._models)]

    def identity(self) -> dict[str, Any]:
        """Return space, encoding, seed, the checksum of the training data and the calibration."""
        found = {**self._training_identity(self._digest), **self._arguments()}
        digest = content_checksum(self._factors)[:12]
        return {**found, "calibration": f"sha256:{digest}"} if self._factors else found

    def definition(self) -> dict[str, Any] | None:
        """Return the training data, arguments and calibration; None if they are unknown."""
        if self._columns is not None and definition_of(self._columns.evaluator) is None:
            return None
        found = super().definition()
        return None if found is None else {**found, **self._calibration_json()}

    def _fit_definition(self, definition: Mapping[str, Any]) -> None:
        super()._fit_definition(definition)
        factors = definition.get("calibration", {})
        self._factors = {name: float(factors[name]) for name in factors}

    def _arguments(self) -> dict[str, Any]:
        joint = {"joint": True} if self.joint else {}
        return joint if self._columns is None else {**joint, **self._columns.arguments()}

    def _features(self, rows: Population) -> Features:
        features = super()._features(rows)
        if self._columns is None:
            return features
        return np.concatenate([features, self._columns.of_rows(rows, self.space)], axis=1)

    def _calibration_json(self) -> dict[str, Any]:
        return {"calibration": self._factors} if self._factors else {}

    def _default_metrics(self) -> Sequence[str]:
        return DEFAULT_METRICS

    def _learnt(self) -> list[str]:
        return list(self._models)

    def _forget(self) -> None:
        self._models, self._digest, self._factors, self._joint = {}, "", {}, None

    def _fit(self, features: NDArray[np.float32], columns: dict[str, Floats]) -> None:
        models = {
            name: GraphEnsemble.fit(features, values, seed=self.seed)
            for name, values in columns.items()
        }
        self._models, self._digest = models, training_digest(features, columns)
        self._factors = {}
        several = self.joint and len(columns) > 1
        self._joint = JointModel.fit(features, columns, seed=self.seed) if several else None

    def _predict(self, metric: str, features: NDArray[np.float32]) -> tuple[Floats, Floats]:
        model = self._models[metric]
        scores, spreads = model.predict(features)
        if self._joint is not None:
            scores = (scores + self._joint.scores(metric, features)) / 2
        means, stds = model.target.moments(scores, spreads)
        return means, self._factors.get(metric, 1.0) * stds
