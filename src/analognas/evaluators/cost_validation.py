"""Cross-validation of cost models, and the choice of the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import RandomStreams
from .cost_models import COST_MODELS, ON_ALL_FEATURES
from .training_data import distinct_rows

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

N_FOLDS = 5
VALIDATED_ROWS = 3000
"""Largest number of measurements in cross-validation; the chosen model is fitted to all."""


@dataclass(frozen=True)
class CrossValidation:
    """Errors of the best model on held-out measurements.

    Each measurement is compared with the prediction of a model that was fitted without its fold; equal
    architectures are in one fold. As the best of several models was chosen, errors are slightly optimistic if
    measurements are few.

    Attributes:
        model: Name of the model; ``"closed form"`` if costs are exactly linear.
        encoding: Encoding of its features.
        n: Number of measurements.
        rmse: Root of the mean square error, in the unit of the cost.
        mape: Mean absolute error relative to the measurement, %; NaN where one is 0.
        median_ape: Median of the same, %, which a few tiny costs do not dominate.
        kendall_tau: Rank correlation (tau-b) of predictions and measurements.
        factor: Factor that calibrates the variances of the model to the held-out errors.
        tried: Root mean square error of every model, by name and features.

    Example:
        >>> found = CrossValidation("forest", "structure", 200, 0.3, 4.1, 2.7, 0.93, 1.4, {"forest": 0.3})
        >>> f"{found.model}: {found.median_ape} % off"
        'forest: 2.7 % off'
    """

    model: str
    encoding: str
    n: int
    rmse: float
    mape: float
    median_ape: float
    kendall_tau: float
    factor: float
    tried: dict[str, float]

    def __str__(self) -> str:
        return (
            f"{self.model}, {self.n} measurements: RMSE {self.rmse:.3g}, median error {self.median_ape:.3g} %, "
            f"Kendall tau {self.kendall_tau:.3f}"
        )


def errors(values: Floats, predictions: Floats) -> dict[str, float]:
    """Return ``rmse``, ``mape``, ``median_ape`` and ``kendall_tau`` of predictions, shape ``(n,)``.

    Example:
        >>> found = errors(np.array([1.0, 2.0, 4.0]), np.array([1.1, 2.0, 4.0]))
        >>> round(found["mape"], 3), found["median_ape"], found["kendall_tau"]
        (3.333, 0.0, 1.0)
    """
    from scipy.stats import kendalltau

    off = np.abs(predictions - values)
    relative = 100 * off / np.abs(values) if values.all() else np.full(len(values), np.nan)
    same = np.ptp(values) == 0 or np.ptp(predictions) == 0  # ranks are undefined
    return {
        "rmse": float(np.sqrt(np.mean(off**2))),
        "mape": float(relative.mean()),
        "median_ape": float(np.median(relative)),
        "kendall_tau": float("nan") if same else float(kendalltau(values, predictions).statistic),
    }


def choose(
    features: Features, values: Floats, parts: Mapping[str, slice], *, seed: int
) -> CrossValidation:
    """Return the errors of the model that predicts held-out measurements best.

    Args:
        features: Shape ``(n, d)``.
        values: Shape ``(n,)``.
        parts: Columns of the encodings to try, by name; the last is all of them.
        seed: Seed of folds and fits.
    """
    generator = RandomStreams(seed).numpy("cost validation")
    rows = np.sort(generator.permutation(len(values))[:VALIDATED_ROWS])
    features, known = features[rows], values[rows]
    distinct, group = distinct_rows(features)
    folds = (generator.permutation(len(distinct)) % N_FOLDS)[group]
    tried: dict[str, float] = {}
    best: dict[str, Any] = {}
    for name in COST_MODELS:
        for encoding in list(parts)[-1:] if name in ON_ALL_FEATURES else parts:
            columns = features[:, parts[encoding]]
            means, variances = _held_out(name, columns, known, folds, seed)
            found = errors(known, means)
            tried[f"{name} on {encoding}"] = found["rmse"]
            if not best or found["rmse"] < best["rmse"]:
                factor = float(np.mean(np.square(known - means) / variances))
                best = {"model": name, "encoding": encoding, "factor": factor, **found}
    return CrossValidation(n=len(values), tried=tried, **best)


def _held_out(
    name: str, features: Features, values: Floats, folds: NDArray[np.int64], seed: int
) -> tuple[Floats, Floats]:
    """Return prediction and variance of each row by a model fitted without its fold."""
    means, variances = np.empty(len(values)), np.empty(len(values))
    for fold in range(N_FOLDS):
        out = folds == fold
        if out.any():
            model = COST_MODELS[name](features[~out], values[~out], seed)
            means[out], variances[out] = model.predict(features[out])
    return means, np.maximum(variances, np.finfo(float).tiny)
