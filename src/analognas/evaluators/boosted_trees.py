"""Gradient-boosted trees (XGBoost), fitted on one thread with a seed, so that fits are reproducible."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from xgboost import Booster

Features = NDArray[np.float32]

SMALL_SAMPLE = {
    "rounds": 300,
    "max_depth": 4,
    "eta": 0.04,
    "subsample": 0.7,
    "colsample_bytree": 0.4,
    "min_child_weight": 2,
}
"""Settings for fewer than :data:`LARGE` rows; all were chosen on AnalogNAS-Bench, seeds 1000 and up."""

LARGE_SAMPLE = {**SMALL_SAMPLE, "rounds": 200, "max_depth": 5, "eta": 0.06, "min_child_weight": 4}
"""Settings for at least :data:`LARGE` rows."""

QUICK = {**SMALL_SAMPLE, "rounds": 80, "eta": 0.12}
"""As good as :data:`SMALL_SAMPLE` where several models are averaged, in a quarter of the time."""

LARGE = 2000

_ALWAYS = {"nthread": 1, "tree_method": "hist", "verbosity": 0}


def fit_trees(
    features: Features,
    targets: NDArray[Any],
    *,
    seed: int,
    settings: dict[str, Any] | None = None,
) -> Booster:
    """Fit boosted trees.

    Args:
        features: Shape ``(n, d)``.
        targets: Shape ``(n,)``; for a ranking objective, larger is more relevant, and all rows are one group.
        seed: Seed of the subsampling.
        settings: Parameters of XGBoost, and ``rounds``, the number of trees, that replace the defaults for this
            number of rows.
    """
    import xgboost

    data = xgboost.DMatrix(features, label=targets, nthread=1)
    defaults = LARGE_SAMPLE if len(features) >= LARGE else SMALL_SAMPLE
    chosen: dict[str, Any] = {**defaults, **(settings or {}), **_ALWAYS, "seed": seed}
    if str(chosen.get("objective", "")).startswith("rank:"):
        data.set_group([len(features)])
    rounds = int(chosen.pop("rounds"))
    # The same trees as xgboost.train(), whose callbacks and final copy take a quarter of the time of a small
    # fit.
    booster = xgboost.Booster(chosen, [data])
    for number in range(rounds):
        booster.update(data, number)
    return booster


def predict_trees(booster: Booster, features: Features) -> NDArray[np.float64]:
    """Return predictions, shape ``(n,)``."""
    return np.asarray(booster.inplace_predict(features), dtype=np.float64)


def relevances(booster: Booster, n_features: int) -> NDArray[np.float64]:
    """Return the importance of each feature: its share in the total gain of all splits; the sum is 1.

    All are equal if no tree has a split.
    """
    gains = np.zeros(n_features)
    for name, gain in booster.get_score(importance_type="total_gain").items():
        gains[int(name[1:])] = gain
    total = gains.sum()
    return gains / total if total > 0 else np.full(n_features, 1 / n_features)


def trees_to_json(booster: Booster) -> Any:
    """Return the model in XGBoost's JSON format, parsed."""
    return json.loads(bytes(booster.save_raw("json")))


def trees_from_json(model: Any) -> Booster:
    """Inverse of :func:`trees_to_json`."""
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(json.dumps(model).encode()))
    return booster
