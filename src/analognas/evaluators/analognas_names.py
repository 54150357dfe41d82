"""Names of AnalogNAS's evaluators, and its files of XGBoost models."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core import InvalidArgumentError, TableIntegrityError, check_choice
from ..core.foreign_numbers import measured
from ..core.limits import parse_json, read_bytes, shown
from ..spaces import Population, Space, feature_names
from .boosted_trees import trees_from_json
from .surrogate import Surrogate
from .training_data import Floats

__all__ = ["RANKED", "STD", "AnalogNASNames", "MetricPredictor", "read_foreign_model"]

RANKED = "analog_drift_86400"
"""The metric of AnalogNAS's ranker: accuracy one day after programming."""

STD = f"{RANKED}_std"
"""The metric of its ``std_predictor``."""


class MetricPredictor:
    """One model of an evaluator, with the ``predict`` of AnalogNAS.

    Args:
        evaluator: The evaluator.
        metric: The metric that it predicts.
    """

    def __init__(self, evaluator: Surrogate, metric: str) -> None:
        self.evaluator, self.metric = evaluator, metric

    def predict(self, architectures: Any) -> Floats:
        """Return predictions, shape ``(n,)``.

        Args:
            architectures: In any form of the space; or, in AnalogNAS's spaces, a matrix of floats with its 22
                columns (``space.feature_names()``).

        Raises:
            OutOfSpaceError: If an architecture does not belong to the space.
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If the metric was not learnt.
        """
        rows = _rows(self.evaluator.space, architectures)
        return self.evaluator.evaluate(rows, [self.metric]).means[self.metric]

    def __repr__(self) -> str:
        return f"MetricPredictor({self.metric!r} of {self.evaluator!r})"


class AnalogNASNames(Surrogate):
    """Adds what AnalogNAS's evaluators have under its names."""

    @property
    def ranker(self) -> MetricPredictor:
        """The model of the accuracy after one day, %."""
        return MetricPredictor(self, RANKED)

    @property
    def avm_predictor(self) -> MetricPredictor:
        """The model of the accuracy variation over a month, points."""
        return MetricPredictor(self, "avm")

    @property
    def std_predictor(self) -> MetricPredictor:
        """The model of the standard deviation of readings after one day, points."""
        return MetricPredictor(self, STD)

    def query(self, architecture: Any) -> tuple[float, float]:
        """Return accuracy after one day (%) and AVM (points) of one architecture in any form.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If it was fitted without one of the two.
        """
        accuracies, avms = self.query_pop([architecture])
        return float(accuracies[0]), float(avms[0])

    def query_pop(self, population: Any) -> tuple[Floats, Floats]:
        """Return accuracies after one day (%) and AVM (points) of many architectures, shape ``(n,)`` each.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            UnknownNameError: If it was fitted without one of the two.
        """
        means = self.evaluate(self.space.population(population), [RANKED, "avm"]).means
        return means[RANKED], means["avm"]

    def get_correlation(self, x_test: Any, y_test: Any, metric: str = RANKED) -> float:
        """Return Kendall's tau-b between predicted and measured values.

        Args:
            x_test: Architectures, as for :meth:`MetricPredictor.predict`.
            y_test: Their measured values, shape ``(n,)``.
            metric: Name of the metric.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            InvalidArgumentError: If the numbers of architectures and values differ.
        """
        from scipy.stats import kendalltau

        predicted = MetricPredictor(self, metric).predict(x_test)
        values = measured(self._definition(metric), y_test)
        if values.shape != predicted.shape:
            raise InvalidArgumentError(
                f"`y_test` must be one value for each of the {len(predicted)} architectures, but got the "
                f"shape {values.shape}."
            )
        return float(kendalltau(predicted, values).statistic)

    def pre_process(self) -> None:
        """Load the models that come with the package; AnalogNAS calls it before a search."""
        self._prepare()

    def get_evaluator_stat(self) -> dict[str, Any]:
        """Return whether the evaluator needs a fit, in the form of AnalogNAS."""
        self._prepare()
        return {
            "requires_retraining": not self._learnt(),
            "test_accuracy": None,
            "requires_hyperparameters": False,
            "hyperparams": self.get_hyperparams(),
        }

    def get_hyperparams(self) -> dict[str, Any]:
        """Return the arguments of the constructor that the fit depends on."""
        return {"encoding": self.encoding, "seed": self.seed, **self._arguments()}

    def set_hyperparams(self, hyperparams: Mapping[str, Any]) -> None:
        """Change arguments of the constructor by name; the evaluator is then to be fitted again.

        Args:
            hyperparams: Some of those that :meth:`get_hyperparams` returns.

        Raises:
            UnknownNameError: If there is no such hyperparameter.
            InvalidArgumentError: If a value is wrong; then nothing changes.

        Example:
            >>> from analognas import MLPEvaluator
            >>> evaluator = MLPEvaluator()
            >>> evaluator.set_hyperparams({"layer_width": 20})
            >>> evaluator.get_hyperparams()["layer_width"]
            20
        """
        for name in hyperparams:
            check_choice("hyperparameter", name, self.get_hyperparams())
        arguments = {"encoding": self._asked_encoding, "seed": self.seed, **self._arguments()}
        changed = type(self)(self.space if self.bound else None, **{**arguments, **hyperparams})
        vars(self).clear()
        vars(self).update(vars(changed))


def _rows(space: Space, architectures: Any) -> Population:
    """Return genotypes; a matrix of floats holds the 22 columns of AnalogNAS."""
    if not isinstance(architectures, np.ndarray) or architectures.dtype.kind != "f":
        return space.population(architectures)
    names = feature_names(space, "published")
    if architectures.ndim != 2 or architectures.shape[1] != len(names):
        raise InvalidArgumentError(
            f"A matrix of floats must have the {len(names)} columns {', '.join(names)}, but got the shape "
            f"{architectures.shape}."
        )
    listed = [
        {
            name: int(value) if value.is_integer() else value
            for name, value in zip(names, row, strict=True)
        }
        for row in architectures.astype(np.float64).tolist()
    ]
    return space.population(listed)


def read_foreign_model(path: str | os.PathLike[str], n_features: int) -> Any:
    """Return a model that XGBoost has written as JSON, as AnalogNAS ships it, with a warning.

    Args:
        path: The file.
        n_features: Number of columns that the model must have.

    Raises:
        TableIntegrityError: If the file is missing, damaged, in XGBoost's old binary format, or a model of
            other columns.
    """
    where = f"The model {os.fspath(path)!r}"
    if not os.path.lexists(path):
        raise TableIntegrityError(f"{where} does not exist.")
    data = read_bytes(path)
    if os.fspath(path).endswith(".bst") or not data.lstrip().startswith(b"{"):
        raise TableIntegrityError(
            f"{where} is in XGBoost's old binary format, which current versions cannot read; convert it with "
            "xgboost==2.1.4: xgboost.Booster(model_file='x.bst').save_model('x.json')."
        )
    model = parse_json(data, where=where, unique=False)
    try:
        found = trees_from_json(model).num_features()
    except Exception as error:
        # XGBoost's errors have many lines.
        raise TableIntegrityError(
            f"{where} is not a model that XGBoost reads: {shown(error)}."
        ) from None
    if found != n_features:
        raise TableIntegrityError(
            f"{where} was fitted to {found} columns, but AnalogNAS's encoding has {n_features}."
        )
    warnings.warn(
        f"{where} was fitted elsewhere, and does not say to what. The files that AnalogNAS ships were fitted "
        "to apparently random numbers; its ranker gives scores without a unit. Better fit a surrogate to "
        "measured networks.",
        stacklevel=2,
    )
    return json.loads(json.dumps(model))
