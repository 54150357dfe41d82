import math

import numpy as np
import pytest
from scipy import stats

from analognas.drift.intervals import estimate, slope, t_quantile


def test_one_part_is_student_s_interval():
    values = np.random.default_rng(0).normal(size=7)
    found = estimate(values.mean(), [(values.var(ddof=1) / 7, 6.0)])
    low, high = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.sem == pytest.approx(stats.sem(values), rel=1e-12)


def test_two_parts_have_welch_s_degrees_of_freedom():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=5), 3.0 * rng.normal(size=9)
    found = estimate(a.mean() - b.mean(), [(a.var(ddof=1) / 5, 4.0), (b.var(ddof=1) / 9, 8.0)])
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_a_single_chip_has_no_error_that_could_be_known():
    found = estimate(90.0, [(math.inf, 0.0), (0.1, 99.0)])
    assert found.value == 90.0
    assert all(map(math.isnan, (found.sem, found.low, found.high)))


def test_no_spread_is_an_interval_of_no_length():
    found = estimate(1.0, [(0.0, 4.0)])
    assert (found.low, found.sem, found.high) == (1.0, 0.0, 1.0)


def test_transforms_go_through_the_interval():
    found = estimate(2.0, [(0.01, 1e9)], transform=math.exp)
    assert (found.low, found.high) == pytest.approx((math.exp(1.804), math.exp(2.196)), rel=1e-3)
    assert found.sem == pytest.approx(0.1 * math.exp(2.0), rel=1e-6)
    down = estimate(2.0, [(0.01, 1e9)], transform=lambda x: -x)
    assert down.low < down.value < down.high


def test_widened():
    plain, wide = (estimate(0.0, [(1.0, 10.0)], widen=w) for w in (1.0, 1.5))
    assert wide.half_width == pytest.approx(1.5 * plain.half_width)
    assert plain.half_width == pytest.approx(t_quantile(0.95, 10.0))


def test_slope():
    assert slope(math.exp, 3.0) == pytest.approx(math.exp(3.0), rel=1e-8)
