import math

import numpy as np
import torch

from analognas.physics.laws import (
    accumulated_noise,
    interpolate,
    log_conductance,
    log_linear,
    polynomial,
)

X = torch.linspace(0.0, 25.0, 1001, dtype=torch.float64)


def test_polynomial_is_numpys():
    for coeffs in (
        [0.3],
        [0.3, -1.2],
        [0.26348, 1.965, -1.1731],
        [0.348, 16.03, -43.9, 45.4, -16.8],
    ):
        expected = np.polynomial.polynomial.polyval(X.numpy() / 25.0, coeffs)
        got = polynomial(coeffs, X, 25.0).numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_log_linear_is_cut_to_its_range():
    log_g = log_conductance(X, 1e-7 * 25.0)
    expected = np.clip(-0.0155 * np.log(np.maximum(X.numpy() / 25.0, 1e-7)) + 0.0244, 0.049, 0.1)
    law = (-0.0155, 0.0244, 0.049, 0.1)
    np.testing.assert_allclose(log_linear(law, log_g, 25.0).numpy(), expected, rtol=1e-12)


def test_accumulated_noise():
    assert accumulated_noise(20.0, 250e-9) == math.sqrt(math.log((20.0 + 250e-9) / 500e-9))
    assert accumulated_noise(0.0, 250e-9) == 0.0


def test_interpolation_is_numpys():
    points, values = [1.0, 2.0, 7.0, 20.0], [0.1, 0.08, 0.05, 0.049]
    expected = np.interp(X.numpy(), points, values)
    np.testing.assert_allclose(interpolate(X, points, values).numpy(), expected, rtol=1e-12)


def test_laws_leave_their_arguments_alone():
    x = X.clone()
    polynomial([1.0, 2.0, 3.0], x, 25.0)
    log_conductance(x, 1e-7)
    log_linear((1.0, 0.0, 0.0, 1.0), x, 25.0)
    interpolate(x, [0.0, 25.0], [0.0, 1.0])
    assert torch.equal(x, X)
