import numpy as np
import pytest

from analognas.core import InvalidArgumentError, NotFittedError
from analognas.evaluators import GraphEnsembleEvaluator
from analognas.evaluators.calibration import conformal_factor, held_out_predictions, normal_quantile

DAY = "analog_drift_86400"


def test_the_factor_makes_up_for_wrong_standard_errors():
    generator = np.random.default_rng(0)
    n = 40_000
    truth = generator.normal(0, 1, n)
    sems = np.full((2, n), 0.5)
    means = np.stack([truth + generator.normal(0, 1, n) for _ in range(2)])
    factor = conformal_factor(truth, means, sems)
    # Errors are twice their standard errors. The 90 % quantile has the standard error sqrt(.9 * .1 / n) / density.
    tolerance = 5 * np.sqrt(0.09 / n) / (2 * np.exp(-(1.645**2) / 2) / np.sqrt(2 * np.pi)) / 0.8
    assert abs(factor - 2.0) < 2 * tolerance
    assert abs(conformal_factor(truth, means, sems * 1.05) - 2.0) > tolerance
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=1e-6)


def test_held_out_rows_are_never_fitted_to():
    seen = []

    def fit(kept):
        return lambda missed, name: (
            seen.append((kept, missed)) or np.zeros(len(missed)),
            np.ones(len(missed)),
        )

    held_out_predictions(fit, ["a"], 11, folds=3, repeats=2, seed=0)
    assert len(seen) == 6
    for kept, missed in seen:
        assert not np.intersect1d(kept, missed).size
        assert len(kept) + len(missed) == 11


def test_intervals_cover_new_measurements(bench, every_cell):
    """90 % intervals from 40 noisy networks contain 85 to 95 % of the values of others, on average."""
    values = bench.query(every_cell, [DAY])[DAY]
    covered = []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(every_cell))
        rows, others = order[:40], order[40:2040]
        surrogate = GraphEnsembleEvaluator().fit(every_cell[rows], {DAY: values[rows]})
        surrogate.calibrate(repeats=2)
        low, high = surrogate.intervals(every_cell[others], DAY)
        covered.append(np.mean((low <= values[others]) & (values[others] <= high)))
    assert 0.85 <= np.mean(covered) <= 0.95
    wide_low, wide_high = surrogate.intervals(every_cell[others], DAY, level=0.99)
    assert (wide_low <= low).all()
    assert (wide_high >= high).all()


def test_calibration_that_cannot_be_done(bench, every_cell):
    with pytest.raises(NotFittedError):
        GraphEnsembleEvaluator().calibrate()
    surrogate = GraphEnsembleEvaluator().fit(every_cell[::3000], bench, DAY)
    with pytest.raises(InvalidArgumentError, match="2 folds of 6 do"):
        surrogate.calibrate(folds=2)
    with pytest.raises(InvalidArgumentError, match="`folds` must be"):
        surrogate.calibrate(folds=1)
    with pytest.raises(InvalidArgumentError, match="`level` must be between 0 and 1"):
        surrogate.intervals(every_cell[:2], DAY, level=90)
