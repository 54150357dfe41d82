"""Estimates of true values: known answers, coverage on planted truth, and on the table itself."""

import numpy as np
import pytest

from analognas.tables import AnalogNASBench, LabelNoiseModel

MONTH = "analog_drift_2592000"
BEST = (2, 2, 0, 4, 2, 1)


@pytest.fixture(scope="module")
def bench():
    return AnalogNASBench()


def covered(found, truth):
    low, high = found.intervals
    return np.mean((low < truth) & (truth < high))


@pytest.mark.parametrize("n_readings", [1, 4])
@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_intervals_cover_planted_truth(n_readings, factor):
    """With errors half as large as those that the repeats show, they would cover too much."""
    rng = np.random.default_rng(0)
    truth = rng.normal(80.0, 3.0, 1500)
    networks = np.concatenate(
        [np.repeat(np.arange(500), 4), np.repeat(np.arange(500, 1500), n_readings)]
    )
    noise = np.where(networks < 500, 2.0, 2.0 * factor) * rng.standard_normal(len(networks))
    found = LabelNoiseModel(truth[networks] + noise, networks).estimate(np.arange(500, 1500))
    share = covered(found, truth[500:])
    error = 5 * np.sqrt(0.95 * 0.05 / 1000)
    assert (abs(share - 0.95) < error) == (factor == 1.0)


def test_a_single_reading_shrinks_to_its_best_estimate():
    """Normal truth of variance 9 and noise of variance 4: the estimate is 80 + 9 / 13 (y - 80)."""
    rng = np.random.default_rng(1)
    truth = rng.normal(80.0, 3.0, 4001)
    networks = np.concatenate([np.repeat(np.arange(4000), 4), [4000]])
    values = truth[networks] + 2.0 * rng.standard_normal(len(networks))
    values[-1] = 84.0
    found = LabelNoiseModel(values, networks).estimate(np.array([4000]))
    assert found.estimates[0] == pytest.approx(80 + 9 / 13 * 4, abs=0.25)


def test_few_networks_have_a_normal_prior():
    rng = np.random.default_rng(2)
    truth = rng.normal(40.0, 3.0, 30)
    networks = np.concatenate([np.repeat(np.arange(8), 3), np.arange(8, 30)])
    values = truth[networks] + rng.standard_normal(len(networks))
    assert covered(LabelNoiseModel(values, networks).estimate(np.arange(30)), truth) > 0.8


def test_without_repeats_nothing_is_known():
    assert not LabelNoiseModel(np.array([1.0, 2.0, 3.0]), np.arange(3)).knows_noise
    assert not LabelNoiseModel(np.array([1.0, np.nan]), np.array([0, 0])).knows_noise


def test_a_network_without_a_reading_has_no_estimate():
    values = np.array([1.0, 2.0, 1.5, 1.0, 2.0, 3.0, np.nan])
    found = LabelNoiseModel(values, np.array([0, 0, 0, 1, 1, 1, 2])).estimate(np.array([0, 2]))
    low, high = found.intervals
    assert np.isfinite([found.estimates[0], low[0], high[0]]).all()
    assert np.isnan([found.estimates[1], low[1], high[1]]).all()


def test_the_best_reading_of_the_table_is_a_lucky_one(bench):
    found = bench.true_values([BEST], MONTH)
    assert bench.query_metric(BEST, MONTH) == 90.0
    assert found.readings[0] == pytest.approx(88.18, abs=0.005)
    assert found.n_readings[0] == 25
    (low,), (high,) = found.intervals
    assert low < found.estimates[0] < high < 89.0
    assert found.estimates[0] == pytest.approx(88.17, abs=0.05)


def test_avm_has_an_interval_and_counts_have_none(bench):
    low, high = bench.true_values([BEST], "avm").intervals
    assert 0.3 < high[0] - low[0] < 1.0
    assert bench.true_values([BEST], "params") is None
    assert bench.true_values([BEST], f"{MONTH}_std") is None


@pytest.mark.parametrize("metric", [MONTH, "avm", "baseline_accuracy"])
def test_intervals_cover_hidden_repeats(bench, metric):
    """Of each third large class all cells but one are hidden; their mean is the truth."""
    every = bench.space.from_codes(np.arange(len(bench)))
    classes = bench.space.isomorphism_class(every)
    values = bench.query(every, metric)[metric].copy()
    large = np.flatnonzero(np.bincount(classes) >= 8)[::3]
    truth = {}
    for name in large.tolist():
        members = np.flatnonzero(classes == name)
        truth[name] = values[members[1:]].mean()
        values[members[1:]] = np.nan
    found = LabelNoiseModel(values, classes).estimate(np.array(list(truth)))
    assert len(truth) > 50
    assert covered(found, np.array(list(truth.values()))) >= 0.85
