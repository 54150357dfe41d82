"""Processes of pooled readings against textbook formulas, solved another way."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import multivariate_normal

from analognas.evaluators.gp.class_model import ClassModel, standardised
from analognas.evaluators.gp.log_gap import LogGap
from analognas.evaluators.gp.pooled_process import (
    Hyperparameters,
    PooledReadings,
    _loss,
    fit_hyperparameters,
    matern,
)
from analognas.evaluators.gp.tracked_posterior import TrackedPosterior

KNOWN = Hyperparameters(np.array([0.5, 1.0, 0.1]), signal=1.3, unexplained=0.2, noise=0.4)


def points(n, seed=0, d=3):
    return np.random.default_rng(seed).standard_normal((n, d))


def prior(features, known=KNOWN):
    apart = features[:, None] - features
    squares = (apart**2 * known.weights).mean(axis=-1)
    return known.signal * matern(squares)[0] + known.unexplained * np.eye(len(features))


@pytest.fixture
def readings():
    generator = np.random.default_rng(3)
    return generator.integers(6, size=20), generator.standard_normal(20)


def posterior_of(features, classes, targets, **options):
    posterior = TrackedPosterior(features, KNOWN, **options)
    posterior.add(PooledReadings.of(classes, targets))
    return posterior


def test_posterior_is_that_of_every_single_reading(readings):
    features, (classes, targets) = points(12), readings
    covariance = prior(features)
    noisy = covariance[np.ix_(classes, classes)] + KNOWN.noise * np.eye(20)
    ones = np.linalg.solve(noisy, np.ones(20))
    constant = ones @ targets / ones.sum()
    cross = covariance[classes]
    means = constant + cross.T @ np.linalg.solve(noisy, targets - constant)
    variances = np.diag(covariance - cross.T @ np.linalg.solve(noisy, cross))
    for precise, tolerance in ((True, 2e-4), (False, 1e-3)):
        found = posterior_of(features, classes, targets, precise=precise)
        np.testing.assert_allclose(found.means, means, atol=tolerance)
        np.testing.assert_allclose(found.variances, variances, atol=tolerance)


def test_readings_that_arrive_later_change_nothing(readings):
    features, (classes, targets) = points(12), readings
    at_once = posterior_of(features, classes, targets, precise=True)
    later = posterior_of(features, classes[:7], targets[:7], precise=True)
    for start in (7, 9):
        part = slice(start, 9 if start == 7 else 20)
        later.add(PooledReadings.of(classes[part], targets[part]))
    np.testing.assert_allclose(later.means, at_once.means, atol=1e-3)
    np.testing.assert_allclose(later.variances, at_once.variances, atol=1e-3)
    assert not np.allclose(
        posterior_of(features, classes[:9], targets[:9]).means, at_once.means, atol=1e-2
    )


def test_believed_readings_are_forgotten(readings):
    posterior = posterior_of(points(12), *readings, precise=True)
    means, variances, n_rows = posterior.means, posterior.variances, len(posterior)
    posterior.add_mean(10)
    np.testing.assert_allclose(posterior.means, means, atol=1e-9)
    assert posterior.variances[10] < 0.9 * variances[10]
    posterior.forget(n_rows)
    np.testing.assert_allclose(posterior.variances, variances, rtol=1e-9)


def test_joint_draws_have_the_posterior_covariance(readings):
    posterior = posterior_of(points(12), *readings, precise=True)
    n, at = 20_000, np.array([1, 9, 11])
    draws = posterior.draws(at, n, generator=np.random.default_rng(4))
    variances = posterior.variances[at]
    assert (np.abs(draws.mean(axis=0) - posterior.means[at]) < 5 * np.sqrt(variances / n)).all()
    np.testing.assert_allclose(draws.var(axis=0), variances, rtol=5 * np.sqrt(2 / n) + 1e-3)


def test_gradient_and_evidence():
    features = points(9, 1)
    generator = np.random.default_rng(2)
    means, counts = generator.standard_normal(9), generator.integers(1, 4, size=9).astype(float)

    def loss(logs):
        return _loss(Hyperparameters.from_logs(logs), features, means, counts)

    logs = KNOWN.logs + 0.1
    assert check_grad(lambda x: loss(x)[0], lambda x: loss(x)[1], logs) < 1e-4
    known = Hyperparameters.from_logs(logs)
    covariance = prior(features, known) + np.diag(known.noise / counts)
    ones = np.linalg.solve(covariance, np.ones(9))
    normal = multivariate_normal(np.full(9, ones @ means / ones.sum()), covariance)
    expected = -normal.logpdf(means) - 4.5 * np.log(2 * np.pi)
    assert loss(logs)[0] == pytest.approx(expected, rel=1e-4)


def test_noise_of_repeated_readings_is_found():
    generator = np.random.default_rng(5)
    features = points(60, 6)
    classes = np.repeat(np.arange(60), 4)
    targets = np.sin(features[:, 0])[classes] + generator.normal(0, 0.3, 240)
    found = fit_hyperparameters(
        features,
        PooledReadings.of(classes, targets),
        Hyperparameters.typical(3),
        generator=generator,
    )
    # Standard error of a variance from 180 degrees of freedom.
    assert found.noise == pytest.approx(0.09, abs=5 * 0.09 * np.sqrt(2 / 180))
    assert found.weights[0] > 3 * found.weights[1:].max()


def test_model_learns_only_what_is_new():
    features, generator = points(40, 7), np.random.default_rng(8)
    classes = generator.integers(40, size=40)
    scores = 90 - np.exp(features[classes, 0]) - generator.random(40)
    model = ClassModel(LogGap.of, generator=generator)
    model.learn(features, classes[:20], scores[:20])
    first = model.posterior
    model.learn(features, classes[:25], scores[:25])
    assert model.posterior is first
    model.learn(features, classes, scores)  # doubled since the last fit
    assert model.posterior is not first
    second = model.posterior
    revised = scores.copy()
    revised[3] -= 1
    model.learn(features, classes, revised)
    assert model.posterior is not second


def test_scale_makes_noise_equal_and_returns():
    generator = np.random.default_rng(9)
    scores = 90 - np.exp(generator.normal(1, 1, 400))
    gap = LogGap.of(scores)
    np.testing.assert_allclose(gap.to_values(gap.to_scores(scores)), scores)
    assert gap.covers(scores)
    assert not gap.covers(np.array([gap.ceiling]))
    assert np.isfinite(gap.to_scores(np.array([-1e300, 1e300]))).all()
    targets = generator.normal(0.5, 0.3, 200_000)
    mean = gap.to_values(targets)
    expected = gap.mean_readings(np.array([0.5]), 0.09)[0]
    assert abs(mean.mean() - expected) < 5 * mean.std() / np.sqrt(200_000)
    assert not abs(mean.mean() - gap.to_values(np.array([0.5]))[0]) < 5 * mean.std() / np.sqrt(
        200_000
    )


def test_ceiling_is_that_of_equal_noise():
    generator = np.random.default_rng(10)
    classes = np.repeat(np.arange(150), 4)
    for margin in (
        0.25,
        2.0,
    ):  # of the noise's ceiling, in units of the best value's distance from the median
        gaps = margin * 10 + np.linspace(0, 20, 150)
        values = 80 - gaps[classes] * np.exp(generator.normal(0, 0.02, 600))
        found = LogGap.of(values, classes)
        unit = values.max() - np.median(values)
        assert (found.ceiling - values.max()) / unit == pytest.approx(margin, rel=0.5)


@pytest.mark.parametrize("scores", [[1.0], [0.0, 0.0], [5.0, 5.0, 5.0, 4.0]])
def test_scale_of_equal_scores_is_finite(scores):
    targets = LogGap.of(np.array(scores)).to_scores(np.array(scores))
    assert np.isfinite(targets).all()


def test_constant_features_do_not_count():
    features = np.array([[1.0, 4.0], [1.0, 9.0]])
    np.testing.assert_allclose(standardised(features), [[0, -1], [0, 1]])
