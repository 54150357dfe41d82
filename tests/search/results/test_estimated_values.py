"""Estimates of true values from single readings: intervals cover the truth, and luck is taken back."""

import numpy as np
import pytest

from analognas import AnalogNASBench
from analognas.search.results.estimated_values import LEAST_READINGS, estimated_values
from analognas.spaces import restricted

NAME = "analog_drift_2592000"


@pytest.fixture(scope="module")
def table():
    bench = AnalogNASBench()
    every = bench.space.every()
    return every, bench.query(every, NAME)[NAME], bench.space


def simulated(table, seed, n=300):
    """Cells that a search might measure, their true values, and readings with the table's own noise."""
    every, values, space = table
    classes = space.isomorphism_class(every)
    sizes = np.bincount(classes)
    means = np.bincount(classes, weights=values) / sizes
    generator = np.random.default_rng(seed)
    several = np.flatnonzero(sizes[classes] >= 10)
    chosen = generator.choice(several, n, replace=False)
    truth = means[classes[chosen]]
    # Residuals of a neighbour in the order of class means, from which a class mean takes 1/n of the variance.
    order = several[np.argsort(means[classes[several]], kind="stable")]
    near = order[
        np.clip(
            np.searchsorted(means[classes[order]], truth) + generator.integers(-60, 60, n),
            0,
            len(order) - 1,
        )
    ]
    residual = (values - means[classes])[near] * np.sqrt(sizes / np.maximum(sizes - 1, 1))[
        classes[near]
    ]
    return space, every[chosen], truth, truth + residual


def test_intervals_cover_true_values(table):
    covered, apart = [], []
    for seed in range(4):
        space, rows, truth, readings = simulated(table, seed)
        found = estimated_values(space, rows, readings, 1.0)
        low, high = found.intervals
        best = truth > np.quantile(truth, 0.5)
        covered.append(np.mean((low <= truth) & (truth <= high))[None])
        apart.append(
            np.sqrt(
                [
                    np.mean((found.estimates - truth)[best] ** 2),
                    np.mean((readings - truth)[best] ** 2),
                ]
            )
        )
    assert 0.9 < np.mean(covered) <= 1.0
    estimate, reading = np.mean(apart, axis=0)
    assert estimate < 0.8 * reading


def test_the_best_reading_is_taken_back(table):
    space, rows, truth, readings = simulated(table, 9)
    found = estimated_values(space, rows, readings, 1.0)
    best = readings.argmax()
    assert truth[best] < found.estimates[best] + 1.0 < readings[best] + 1.0
    mirrored = estimated_values(space, rows, -readings, -1.0)
    np.testing.assert_allclose(mirrored.estimates, -found.estimates, atol=1e-6)


def test_unknown_readings_and_few_readings(table):
    space, rows, _, readings = simulated(table, 3, n=60)
    unknown = np.where(np.arange(60) < 30, np.nan, readings)
    found = estimated_values(space, rows, unknown, 1.0)
    assert found.n_readings.sum() == 30
    assert np.isfinite(found.estimates[30:]).all()
    few = np.where(np.arange(60) < LEAST_READINGS - 1, readings, np.nan)
    assert estimated_values(space, rows, few, 1.0) is None
    part = restricted(space, rows)
    np.testing.assert_allclose(
        estimated_values(part, rows, readings, 1.0).estimates,
        estimated_values(space, rows, readings, 1.0).estimates,
        atol=1e-6,
    )
