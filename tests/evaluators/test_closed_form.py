"""Exactly linear costs are found, and no others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.evaluators.closed_form import ClosedForm


def drawn(n, d, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 4, size=(n, d)).astype(np.float32)


@given(st.lists(st.floats(0.01, 10.0), min_size=1, max_size=6), st.integers(0, 99))
def test_coefficients_come_back(coefficients, seed):
    features = drawn(40, len(coefficients), seed)
    values = 1.5 + features @ np.array(coefficients)
    form = ClosedForm.find(features, values)
    # Coefficients of counts up to 3, from values of up to 200: far within nine digits.
    np.testing.assert_allclose(form.coefficients, coefficients, rtol=1e-9)
    assert form.constant == pytest.approx(1.5, rel=1e-9)
    means, variances = form.predict(features)
    # Rounded to twelve digits of the largest.
    np.testing.assert_allclose(means, values, rtol=0, atol=1e-11 * values.max())
    assert not variances.any()


@pytest.mark.parametrize("noise", [1e-7, 1e-2])
def test_noise_is_no_closed_form(noise):
    features = drawn(60, 4)
    values = 1.0 + features.sum(axis=1).astype(float)
    assert ClosedForm.find(features, values) is not None
    values[17] += noise  # a single measurement that deviates is enough
    assert ClosedForm.find(features, values) is None


def test_a_product_is_not_linear():
    features = drawn(60, 3)
    assert ClosedForm.find(features, (features[:, 0] * features[:, 1]).astype(float)) is None


def test_too_few_measurements_prove_nothing():
    features = drawn(6, 5)
    values = features.sum(axis=1).astype(float)
    assert np.linalg.matrix_rank(features) == 5
    assert ClosedForm.find(features, values) is None
    assert ClosedForm.find(drawn(9, 5), drawn(9, 5).sum(axis=1).astype(float)) is not None


def test_zeros_have_no_scale():
    assert ClosedForm.find(drawn(20, 2), np.zeros(20)) is None


def test_features_that_follow_from_others_count_nothing():
    features = drawn(30, 3)
    features = np.concatenate([features, features[:, :1] + features[:, 1:2]], axis=1)
    form = ClosedForm.find(features, 2.0 * features[:, 0] + features[:, 2])
    assert form.formula(["a", "b", "c", "a+b"]) == "0 + 2 a + 1 c"


def test_what_was_never_seen_is_uncertain():
    features = drawn(30, 3)
    features[:, 2] = 0
    values = 1.0 + features[:, 0]
    form = ClosedForm.find(features, values.astype(float))
    means, variances = form.predict(np.array([[2, 1, 0], [2, 1, 1]], dtype=np.float32))
    assert means.tolist() == [3.0, 3.0]
    assert variances.tolist() == [0.0, pytest.approx(values.var())]


def test_equal_costs_stay_equal():
    features = drawn(200, 3)
    counts = features.astype(float)
    form = ClosedForm.find(features, 0.1 * counts[:, 0] + 0.3 * counts[:, 1])
    means, _ = form.predict(features)
    assert len(np.unique(means)) == len(np.unique(features[:, 0] + 3 * features[:, 1]))
