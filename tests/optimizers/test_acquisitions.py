import numpy as np
import pytest

from analognas.core import UnknownNameError
from analognas.optimizers.acquisitions import acquire

MEANS, STDS, BEST = np.array([-1.0, 0.0, 0.5, 2.0]), np.array([0.5, 1.0, 2.0, 0.1]), 1.0


def acquired(name, kappa=1.0, seed=0, means=MEANS, stds=STDS):
    generator = np.random.default_rng(seed)
    return acquire(name, means, stds, best=BEST, kappa=kappa, generator=generator)


@pytest.mark.parametrize(
    ("name", "gain"), [("ei", lambda y: np.maximum(y - BEST, 0)), ("pi", lambda y: y > BEST)]
)
def test_expectations_match_draws(name, gain):
    n = 100_000
    draws = gain(np.random.default_rng(1).normal(MEANS, STDS, size=(n, 4))).astype(float)
    error = draws.std(axis=0) / np.sqrt(n)
    expected = np.exp(acquired(name)) if name == "ei" else acquired(name)
    assert (np.abs(draws.mean(axis=0) - expected) <= 5 * error + 1e-12).all()
    assert (np.abs(draws.mean(axis=0) - 1.05 * expected) > 5 * error)[1:].all()


def test_upper_confidence_bound():
    np.testing.assert_allclose(acquired("ucb", kappa=2), MEANS + 2 * STDS, rtol=1e-12)


def test_thompson_draws_from_the_prediction():
    n = 100_000
    draws = acquired("thompson", means=np.full(n, 3.0), stds=np.full(n, 2.0))
    assert abs(draws.mean() - 3) < 5 * 2 / np.sqrt(n)
    assert abs(draws.std() - 2) < 5 * 2 / np.sqrt(2 * n)
    assert not abs(draws.std() - 2.1) < 5 * 2 / np.sqrt(2 * n)


def test_log_improvement_where_the_improvement_underflows():
    # By 60 digits of mpmath: log(z Φ(z) + φ(z)).
    exact = {-5.0: -16.7443011627, -40.0: -808.298568357, -1e4: -50000019.3396}
    found = acquired("ei", means=np.array([*exact]) + BEST, stds=np.ones(3))
    np.testing.assert_allclose(found, [*exact.values()], rtol=1e-8)
    falling = acquired("ei", means=np.linspace(2, -3000, 999), stds=np.ones(999))
    assert (np.diff(falling) < 0).all()


def test_unknown():
    with pytest.raises(UnknownNameError, match="Choices: ei, pi, ucb, thompson"):
        acquired("eii")
