"""Cross-validated quality of surrogates on a measured table; `surrogate_quality.py --table` calls it."""

import numpy as np
from scipy.stats import kendalltau, spearmanr
from xgboost import XGBRanker, XGBRegressor

from analognas.core import get_metric
from analognas.core.metric_words import head_of
from analognas.evaluators import (
    GraphEnsembleEvaluator,
    MLPEvaluator,
    TableEvaluator,
    XGBoostEvaluator,
)
from analognas.evaluators.calibration import normal_quantile
from analognas.evaluators.fit_default_weights import ENCODING
from analognas.evaluators.normal_scores import NormalScores
from analognas.report import save_figure
from analognas.report.style import COLOURS, GREY, new_figure
from analognas.spaces import encode_features
from analognas.tables import MeasuredTable

LEVELS = (0.5, 0.68, 0.8, 0.9, 0.95)
TOP = 10
_KNOTS = 200
OPEN = {}


def analognas_own(space, rows, values, others):
    """AnalogNAS's 22 columns and settings: its ranker, or for AVM its regressor, as in its `xgboost.py`."""
    known, new = (encode_features(space, part, "published") for part in (rows, others))
    (metric, column), *_ = values.items()
    if metric == "avm":
        return XGBRegressor(n_jobs=1).fit(known, column).predict(new), None
    ranker = XGBRanker(
        booster="gbtree", objective="rank:pairwise", random_state=42, learning_rate=0.05, colsample_bytree=0.9,
        max_depth=6, n_estimators=110, subsample=0.75, tree_method="hist", n_jobs=1,
    )  # fmt: skip
    # Its grades must be small integers for other objectives; a pairwise ranker takes any order.
    ranker.fit(known, np.argsort(np.argsort(column)), group=[len(column)])
    # Scores of two folds have no common unit: each becomes the training value of equal rank.
    shares = np.linspace(0, 1, min(_KNOTS, len(column)))
    knots, first = np.unique(np.quantile(ranker.predict(known), shares), return_index=True)
    mapped = NormalScores(knots, np.quantile(column, shares)[first])
    return mapped.to_values(ranker.predict(new)), None


def evaluator(kind, *, calibrate=False, digital=False, joint=False, **settings):
    """Return a function that fits a surrogate and predicts; with digital accuracies as inputs, or all metrics jointly."""

    def fit_and_predict(space, rows, values, others):
        further = dict(settings)
        if digital:
            further |= {
                "inputs": TableEvaluator(OPEN["table"]),
                "input_metrics": ["baseline_accuracy"],
            }
        (metric,) = values
        if joint:
            table = OPEN["table"]
            names = [metric, *(name for name in table.rows.metrics if name not in (metric, "avm"))]
            values = table.query(rows, names)
            further["joint"] = True
        surrogate = kind(space, **further).fit(rows, values)
        if calibrate:
            surrogate.calibrate(repeats=2)
        found = surrogate.evaluate(others, [metric])
        return found.means[metric], found.sems.get(metric)

    return fit_and_predict


MODELS = {
    "AnalogNAS's columns and settings": analognas_own,
    "XGBoostEvaluator": evaluator(XGBoostEvaluator, encoding=ENCODING, load_weight=False),
    "MLPEvaluator": evaluator(MLPEvaluator, encoding=ENCODING),
    "GraphEnsembleEvaluator": evaluator(GraphEnsembleEvaluator, encoding=ENCODING),
    "  calibrated": evaluator(GraphEnsembleEvaluator, encoding=ENCODING, calibrate=True),
    "  joint": evaluator(GraphEnsembleEvaluator, encoding=ENCODING, joint=True),
    "  digital accuracy as input": evaluator(
        GraphEnsembleEvaluator, encoding=ENCODING, digital=True
    ),
    "  structure alone": evaluator(GraphEnsembleEvaluator, encoding="structure"),
    "  AnalogNAS's columns": evaluator(GraphEnsembleEvaluator, encoding="published"),
}


def held_out(table, metric, model, *, folds, repeats):
    """Held-out predictions and standard errors (None without), shape (repeats, n), on equal folds for all models."""
    values = table.query(table.population, [metric])[metric]
    n = len(values)
    means, sems = np.empty((repeats, n)), np.full((repeats, n), np.nan)
    for repeat in range(repeats):
        order = np.random.default_rng(repeat).permutation(n)
        for fold in range(folds):
            missed = order[fold::folds]
            kept = np.setdiff1d(order, missed)
            mean, sem = model(
                table.full_space,
                table.population[kept],
                {metric: values[kept]},
                table.population[missed],
            )
            means[repeat, missed] = mean
            if sem is not None:
                sems[repeat, missed] = sem
    return values, means, None if np.isnan(sems).all() else sems


def ranking(values, means, higher, rows):
    """Mean over repeats of tau-b, Spearman's rho and the regret of the predicted ten best, on some rows."""
    sign = 1.0 if higher else -1.0
    found = []
    for prediction in means:
        chosen = np.argsort(-sign * prediction[rows])[: min(TOP, len(rows) // 3)]
        regret = (sign * values[rows]).max() - (sign * values[rows][chosen]).max()
        found.append(
            [
                kendalltau(prediction[rows], values[rows]).statistic,
                spearmanr(prediction[rows], values[rows]).statistic,
                regret,
            ]
        )
    return np.mean(found, axis=0)


def with_intervals(values, means, higher, *, resamples=200):
    """The three numbers of `ranking` with 95 % bootstrap intervals over networks, shape (3, 3)."""
    n, generator = len(values), np.random.default_rng(0)
    drawn = [
        ranking(values, means, higher, generator.integers(n, size=n)) for _ in range(resamples)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    return np.stack([ranking(values, means, higher, np.arange(n)), low, high], axis=1)


def ceiling(table, metric, values):
    """Tau-b of a predictor that knows the true values, for normal values and the table's label noise."""
    noise = {entry.metric: entry.pooled_std for entry in table.quality().noise}.get(metric)
    if noise is None:
        return np.nan
    share = max(0.0, 1.0 - noise**2 / np.var(values, ddof=1))
    return 2 / np.pi * np.arcsin(np.sqrt(share))


def coverage(values, means, sems):
    """Share of held-out values within the intervals of each level."""
    ratios = np.abs(values - means) / sems
    return [float((ratios <= normal_quantile(level)).mean()) for level in LEVELS]


def draw(curves, path):
    """Reliability figure: observed against nominal coverage, in percent."""
    figure, (axes,) = new_figure(4.8, 4.4)
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1)
    axes.fill_between([87, 93], 85, 95, color="0.9", label="goal: 85 to 95 % at 90 %")
    for colour, (name, observed) in zip(COLOURS, curves.items(), strict=False):
        percent = [100 * level for level in LEVELS], [100 * share for share in observed]
        axes.plot(*percent, marker="o", color=colour, label=head_of(get_metric(name)))
    axes.set(xlim=(40, 100), ylim=(40, 100))
    axes.set_xlabel("level of the interval (%)")
    axes.set_ylabel("held-out networks within it (%)")
    at_90 = [100 * observed[LEVELS.index(0.9)] for observed in curves.values()]
    axes.set_title(
        f"Intervals of 90 % contain {min(at_90):.0f} to {max(at_90):.0f} % of held-out networks",
        fontsize=9,
    )
    axes.legend(fontsize=7, frameon=False, loc="lower right")
    save_figure(figure, path)


def main(file, metrics, *, folds, repeats, figure, models=None):
    """Print the tables of one measured table, and draw the reliability figure."""
    table = OPEN["table"] = MeasuredTable(file)
    print(
        f"{table.name}: {len(table)} networks, {len(table.rows)} rows, sha256:{table.checksum[:12]}"
    )
    print(f"{repeats} x {folds}-fold cross-validation; 95 % bootstrap intervals over networks")
    higher = {metric.name: metric.higher_is_better for metric in table.metric_definitions}
    curves = {}
    for metric in metrics:
        limit = ceiling(table, metric, table.query(table.population, [metric])[metric])
        print(f"\n{metric}; ceiling of tau by label noise {limit:.2f}")
        print("| | tau-b | Spearman | top-10 regret | within 90 % |")
        print("|---|---|---|---|---|")
        for name in MODELS if models is None else models:
            model = MODELS[name]
            values, means, sems = held_out(table, metric, model, folds=folds, repeats=repeats)
            shown = " | ".join(
                f"{value:.2f} [{low:.2f}, {high:.2f}]"
                for value, low, high in with_intervals(values, means, higher[metric])
            )
            observed = None if sems is None else coverage(values, means, sems)
            within = "" if observed is None else f"{observed[LEVELS.index(0.9)]:.0%}"
            print(f"| {name} | {shown} | {within} |", flush=True)
            if observed is not None and name == "  calibrated":
                curves[metric] = observed
    if figure is not None:
        draw(curves, figure)
