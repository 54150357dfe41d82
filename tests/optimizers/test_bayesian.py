"""Bayesian optimization finds the best network of the table, and its batches hold different networks."""

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.evaluators import Problem, TableEvaluator
from analognas.optimizers import BayesianOptimizer
from analognas.spaces import encode_features

EVALUATOR = TableEvaluator()


def search(optimizer, metric, *, seed, n, constraints=()):
    problem = Problem.of(metric, constraints, EVALUATOR.metrics)
    optimizer.reset(EVALUATOR.space, problem, generator=np.random.default_rng(seed))
    batches = []
    while sum(map(len, batches)) < n:
        batches.append(optimizer.ask())
        optimizer.tell(batches[-1], EVALUATOR.evaluate(batches[-1], problem.metrics))
    return batches


def test_finds_the_optimum_of_the_table():
    best = EVALUATOR.evaluate(EVALUATOR.space.every(), ["baseline_accuracy"]).means
    for seed in (1000, 1001, 1002):
        rows = np.concatenate(search(BayesianOptimizer(), "baseline_accuracy", seed=seed, n=90))
        found = EVALUATOR.evaluate(rows, ["baseline_accuracy"]).means["baseline_accuracy"]
        assert found.max() == best["baseline_accuracy"].max()


@pytest.mark.parametrize("acquisition", ["ei", "pi", "ucb", "thompson"])
def test_every_acquisition_beats_random_search(acquisition):
    optimizer = BayesianOptimizer(acquisition=acquisition, batch_size=10)
    rows = np.concatenate(search(optimizer, "analog_drift_2592000", seed=1003, n=50))
    late = EVALUATOR.evaluate(rows[20:], ["analog_drift_2592000"]).means["analog_drift_2592000"]
    every = EVALUATOR.evaluate(EVALUATOR.space.every(), ["analog_drift_2592000"])
    # A random cell is above this quantile with probability 0.1; two fifths of thirty never are.
    assert np.mean(late > np.quantile(every.means["analog_drift_2592000"], 0.9)) > 0.4


@pytest.mark.parametrize("acquisition", ["ei", "thompson"])
def test_batches_hold_one_cell_of_a_class(acquisition):
    optimizer = BayesianOptimizer(acquisition=acquisition, batch_size=20, n_initial=20)
    batches = search(optimizer, "analog_drift_2592000", seed=1004, n=60)
    for rows in batches[1:]:
        assert len(rows) == 20
        assert len(np.unique(encode_features(EVALUATOR.space, rows), axis=0)) == 20


def test_batches_grow_with_what_was_measured():
    sizes = [
        len(rows)
        for rows in search(BayesianOptimizer(batch_share=0.1), "baseline_accuracy", seed=0, n=45)
    ]
    assert sizes[0] == 10
    assert sizes[1:6] == [1] * 5
    assert max(sizes[1:]) == 4


def test_bad_arguments():
    with pytest.raises(UnknownNameError, match="acquisition"):
        BayesianOptimizer(acquisition="best")
    with pytest.raises(InvalidArgumentError, match="n_initial"):
        BayesianOptimizer(n_initial=0)


@pytest.mark.parametrize("name", ["bayesian", "predictor_guided"])
def test_improvement_per_cost_finds_cheap_ones(name):
    """Of cells that are about equally good, the cheaper ones are measured."""
    from analognas.search import Search

    def mean_cost(acquisition):
        optimizer = {"name": name, "acquisition": acquisition, "batch_size": 5}
        settings = {"optimizer": optimizer, "runs": 2, "budget": 40, "cost_metric": "macs"}
        runs = Search(settings).run().runs
        return np.mean([run.evaluation.means["macs"][10:].mean() for run in runs])

    assert mean_cost("ei_per_cost") < 0.8 * mean_cost("ei")


def test_improvement_per_cost_models_costs_that_nothing_counts():
    from analognas.evaluators import evaluator_from
    from analognas.search import Worker

    def measure(cell):
        return {"analog_accuracy": 80.0 + cell[5], "seconds": 1.0 + 50.0 * (cell[0] == 3)}

    metrics = {"analog_accuracy": "max", "seconds": "min"}
    evaluator = evaluator_from(measure, "nasbench201", metrics)
    worker = Worker(
        optimizer=BayesianOptimizer(acquisition="ei_per_cost", batch_size=5),
        evaluator=evaluator,
        objectives="analog_accuracy",
        cost_metric="seconds",
        runs=1,
        budget=60,
    )
    seconds = worker.search().runs[0].evaluation.means["seconds"]
    assert np.mean(seconds[20:] > 10) < 0.1  # a fifth of all cells


def test_improvement_per_cost_needs_a_cost():
    from analognas.core import InvalidArgumentError
    from analognas.search import Search

    with pytest.raises(InvalidArgumentError, match="cost_metric"):
        Search({"optimizer": {"name": "bayesian", "acquisition": "ei_per_cost"}})
