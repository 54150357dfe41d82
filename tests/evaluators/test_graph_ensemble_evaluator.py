import numpy as np
import pytest

from analognas.core import UnknownNameError
from analognas.evaluators import GraphEnsembleEvaluator

MONTH = "analog_drift_2592000"


@pytest.fixture(scope="module")
def rows(every_cell):
    return every_cell[np.random.default_rng(0).permutation(len(every_cell))[:300]]


@pytest.fixture(scope="module")
def fitted(rows, bench):
    return GraphEnsembleEvaluator().fit(rows, bench)


def test_a_table_teaches_the_default_metrics(fitted):
    learnt = ["analog_accuracy", "analog_drift_86400", MONTH, "avm"]
    assert fitted.metrics_with_sem == learnt
    assert fitted.metrics == [*learnt, "params", "macs"]


def test_standard_errors_in_units_of_the_metric_cover(fitted, bench, every_cell):
    for metric in fitted.metrics_with_sem:
        evaluation = fitted.evaluate(every_cell, [metric])
        measured = bench.query(every_cell, metric)[metric]
        errors = np.abs(evaluation.means[metric] - measured) / evaluation.sems[metric]
        # 95 % within 1.96, give or take what one training set of 300 makes of it.
        assert (errors < 1.96).mean() == pytest.approx(0.95, abs=0.03), metric


def test_scores_are_what_evaluate_turns_into_values(fitted, every_cell):
    rows = every_cell[::501]
    means, stds = fitted.scores(rows, MONTH)
    evaluation = fitted.evaluate(rows, [MONTH])
    expected, errors = fitted.model(MONTH).target.moments(means, stds)
    np.testing.assert_allclose(evaluation.means[MONTH], np.clip(expected, 0, 100), rtol=1e-12)
    np.testing.assert_allclose(evaluation.sems[MONTH], errors, rtol=1e-12)
    with pytest.raises(UnknownNameError, match="Unknown metric 'ptq_accuracy'"):
        fitted.scores(rows, "ptq_accuracy")


def test_percentages_stay_percentages(rows):
    high = 100 - np.random.default_rng(0).exponential(0.05, len(rows))
    surrogate = GraphEnsembleEvaluator().fit(rows, {MONTH: high})
    assert surrogate.evaluate(rows, [MONTH]).means[MONTH].max() <= 100


def test_joined_encodings(rows, bench):
    surrogate = GraphEnsembleEvaluator(encoding="canonical+one_hot").fit(rows, bench, MONTH)
    assert surrogate.identity()["encoding"] == "canonical+one_hot"
    assert surrogate.evaluate(rows[:3], [MONTH]).means[MONTH].shape == (3,)
