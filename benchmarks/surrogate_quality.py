"""How well surrogates rank the architectures of AnalogNAS-Bench that they were not fitted on, and what a fit costs.

Run ``python benchmarks/surrogate_quality.py``: Kendall tau-b on all other architectures, mean over five random training
sets (seeds 0-4), with fit and prediction times in process CPU seconds. Settings were chosen on seeds 1000 and up.

With ``--table FILE``, repeated cross-validation on a measured table instead: tau-b, Spearman's rho, top-10 regret and
coverage, beside AnalogNAS's own encoding and settings on the same folds; ``--figure`` draws the reliability.
"""

import argparse
import time

import numpy as np
from scipy.stats import kendalltau

from analognas import AnalogNASBench, GraphEnsembleEvaluator, TableEvaluator
from analognas.evaluators.boosted_trees import fit_trees, predict_trees
from analognas.evaluators.normal_scores import NormalScores
from analognas.evaluators.xgboost_evaluator import RANKED, XGBoostEvaluator
from analognas.spaces import encode_features

METRICS = ("analog_accuracy", "analog_drift_86400", "analog_drift_2592000", "avm")
JOINT = (
    "baseline_accuracy",
    "analog_accuracy",
    "analog_drift_60",
    "analog_drift_3600",
    "analog_drift_86400",
    "analog_drift_2592000",
)
PUBLISHED = {
    100: "XGBoost .66 .68 .68 .53, ensemble .65 .68 .68 .53",
    500: "XGBoost .753 .770 .767 .626, ensemble .753 .769 .767 .626, one-hot XGBoost .524 .606 .627 .489",
    1000: "XGBoost .760 .776 .772 .623, ensemble .767 .780 .776 .632, one-hot XGBoost .603 .674 .684 .508",
    5000: "XGBoost .794 .810 .806 .669, ensemble .796 .811 .806 .671, one-hot XGBoost .691 .748 .753 .600",
}


def boosted(encoding):
    """XGBoost alone on normal scores."""

    def fit_and_predict(space, rows, values, metric, others):
        features = encode_features(space, rows, encoding)
        start = time.process_time()
        scores = NormalScores.of(values[metric]).to_scores(values[metric])
        model = fit_trees(features, scores, seed=0)
        fitted = time.process_time()
        return (
            predict_trees(model, encode_features(space, others, encoding)),
            None,
            fitted - start,
            time.process_time() - fitted,
        )

    return fit_and_predict


def evaluator(kind, **settings):
    """A surrogate as its users call it."""

    def fit_and_predict(space, rows, values, metric, others):
        start = time.process_time()
        surrogate = kind(space, **settings).fit(rows, {metric: values[metric]})
        fitted = time.process_time()
        evaluation = surrogate.evaluate(others, [metric])
        return (
            evaluation.means[metric],
            evaluation.sems.get(metric),
            fitted - start,
            time.process_time() - fitted,
        )

    return fit_and_predict


MODELS = {
    "one-hot, XGBoost": boosted("one_hot"),
    "canonical, XGBoost": boosted("canonical"),
    "canonical + one-hot, XGBoost": boosted("canonical+one_hot"),
    "XGBoostEvaluator": evaluator(XGBoostEvaluator, load_weight=False),
    "GraphEnsembleEvaluator": evaluator(GraphEnsembleEvaluator),
    "  canonical + one-hot": evaluator(GraphEnsembleEvaluator, encoding="canonical+one_hot"),
}


def informed(*, digital=False):
    """GraphEnsembleEvaluator that learns all accuracies jointly, or with digital accuracies as inputs."""

    def fit_and_predict(space, rows, values, metric, others):
        start = time.process_time()
        if digital:
            inputs = {"inputs": TableEvaluator(), "input_metrics": ["baseline_accuracy"]}
            surrogate = GraphEnsembleEvaluator(space, **inputs).fit(rows, {metric: values[metric]})
        else:
            names = dict.fromkeys([metric, *JOINT])
            columns = AnalogNASBench().query(rows, list(names))
            surrogate = GraphEnsembleEvaluator(space, joint=True).fit(rows, columns)
        fitted = time.process_time()
        evaluation = surrogate.evaluate(others, [metric])
        seconds = fitted - start, time.process_time() - fitted
        return evaluation.means[metric], evaluation.sems[metric], *seconds

    return fit_and_predict


FURTHER = {"joint": informed(), "digital": informed(digital=True)}
"""Models that run only if they are named: `--models joint digital`."""


def measure(table, model, n, seeds):
    """Mean tau of each metric, coverage of one and 1.96 standard errors, median seconds of a fit and a prediction."""
    taus, within, seconds = [], [], []
    cells = table.space.from_codes(np.arange(len(table)))
    values = table.query(cells, METRICS)
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(table))
        rows, others = order[:n], order[n:]
        row = []
        for metric in METRICS:
            training = {metric: values[metric][rows]}
            mean, sem, *cost = model(table.space, cells[rows], training, metric, cells[others])
            row.append(kendalltau(mean, values[metric][others]).statistic)
            seconds.append(cost)
            if sem is not None:
                errors = np.abs(values[metric][others] - mean) / sem
                within.append([(errors < 1).mean(), (errors < 1.96).mean()])
        taus.append(row)
    return (
        np.mean(taus, axis=0),
        np.mean(within, axis=0) if within else None,
        np.median(seconds, axis=0),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(PUBLISHED))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--models", nargs="+", help="[default: all]")
    parser.add_argument("--table", help="file of a measured table")
    parser.add_argument(
        "--metrics", nargs="+", default=["analog_drift_86400", "analog_drift_2592000", "avm"]
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--figure", help="with --table: file of the reliability figure")
    arguments = parser.parse_args()
    if arguments.table:
        from table_surrogates import main as main_of_table

        main_of_table(
            arguments.table,
            arguments.metrics,
            folds=arguments.folds,
            repeats=arguments.repeats,
            figure=arguments.figure,
            models=arguments.models,
        )
        return
    table = AnalogNASBench()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    print(
        "tau-b: "
        + ", ".join(METRICS)
        + f"; XGBoostEvaluator ranks {RANKED} and regresses the others"
    )
    for n in arguments.sizes:
        print(f"\nn = {n}; published: {PUBLISHED.get(n, '-')}")
        for name in arguments.models or MODELS:
            tau, within, (fit, predict) = measure(table, {**MODELS, **FURTHER}[name], n, seeds)
            shown = " ".join(f"{value:.3f}" for value in tau)
            coverage = (
                "" if within is None else f"  within 1 / 1.96 sem {within[0]:.1%} {within[1]:.1%}"
            )
            print(
                f"{name:<30}{shown}  fit {fit:.3f} s, predict {predict * 1e3:.0f} ms{coverage}",
                flush=True,
            )


if __name__ == "__main__":
    main()
