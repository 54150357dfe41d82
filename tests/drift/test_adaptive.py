"""Intervals of adaptive evaluations hold what they should as often as they should."""

import numpy as np
import pytest
from scipy import stats

from analognas.drift.adaptive import MIN_CHIPS, AdaptiveSampler, half_widths, widening
from analognas.drift.example_sampling import LEAST_SHARE, ExampleDesign


def pool(seed, n_chips=400, n_examples=2000, spread=(0.05, 0.1, 0.2), chip=0.5):
    """Margins, and scores of a pool of chips, shape (chips, examples, times): most are far from a decision."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(1.41, 1.0, n_examples)
    classes = rng.integers(10, size=n_examples)
    own = rng.normal(size=(n_chips, n_examples))
    shared = chip * rng.normal(size=(n_chips, 10)) * 0.3
    scores = np.empty((n_chips, n_examples, len(spread)), np.int8)
    for j, s in enumerate(spread):
        noise = 0.5 * rng.normal(size=(n_chips, n_examples))
        scores[:, :, j] = margins - 0.5 * s + s * (0.8 * own + shared[:, classes] + noise) > 0
    return margins, scores


def run(margins, scores, seed, tolerance, max_chips=200):
    """An adaptive evaluation with chips drawn from the pool; the sampler and the number of scores."""
    rng = np.random.default_rng(seed)
    digital = (margins > 0).astype(float)
    n_times = scores.shape[2]
    sampler = AdaptiveSampler(digital, margins, digital, n_times, confidence=0.95)
    n_scored = 0
    while sampler.n_chips < max_chips:
        step = sampler.next(np.full(n_times, tolerance), rng)
        if step is None:
            break
        answer = scores[rng.integers(len(scores))][step.sample.indices].astype(float)
        answer[:, ~step.times] = np.nan
        n_scored += len(answer) * int(step.times.sum())
        sampler.add(step, answer)
    return sampler, n_scored


def covered(margins, scores, repeats, tolerance, shrink=1.0):
    """Share of repeats whose interval holds the mean over the whole pool, shape (times,)."""
    truth = scores.mean(axis=(0, 1))
    hits = np.zeros(scores.shape[2])
    for seed in range(repeats):
        sampler, _ = run(margins, scores, seed, tolerance)
        off = np.abs(np.nanmean(sampler.means, axis=0) - truth)
        hits += off <= shrink * half_widths(sampler.means, 0.95)
    return hits / repeats


@pytest.fixture(scope="module")
def matrix():
    return pool(1, n_examples=1000)


def test_intervals_cover(matrix):
    """200 repeats: 92 to 98 % is two standard errors, sqrt(0.95 * 0.05 / 200) = 1.54 %, to both sides."""
    rates = covered(*matrix, repeats=200, tolerance=0.0025)
    assert (rates >= 0.92).all()
    assert (rates <= 0.98).all()


def test_the_test_of_coverage_sees_intervals_that_are_too_short(matrix):
    """Two thirds of the length cover 80 %: 0.92 is 4 standard errors, sqrt(0.8 * 0.2 / 200), above."""
    assert (covered(*matrix, repeats=60, tolerance=0.0025, shrink=2.0 / 3.0) < 0.92).all()


def test_stopping_early_is_paid_for():
    """Normal chips, spreads around the tolerance: 4,000 repeats, standard error 0.35 %."""
    rng = np.random.default_rng(0)
    for ratio in (0.3, 1.0, 1.5, 2.0, 3.0):
        chips = ratio * rng.normal(size=(4000, 120))
        k = np.arange(1, 121)
        mean = chips.cumsum(1) / k
        variance = ((chips**2).cumsum(1) - k * mean**2) / np.maximum(k - 1, 1)
        quantile = np.append(np.nan, stats.t.ppf(0.975, k[1:] - 1))
        reach = quantile * np.sqrt(variance / k)
        rates = []
        for factor in (widening(k), np.ones(120)):
            done = (reach * factor <= 1.0) & (k >= MIN_CHIPS)
            done[:, -1] = True
            row, stop = np.arange(4000), done.argmax(1)
            rates.append((np.abs(mean[row, stop]) <= (reach * factor)[row, stop]).mean())
        assert 0.94 <= rates[0] <= 0.98
        if ratio in (1.5, 2.0):
            assert rates[1] < 0.94  # what plain intervals do


def test_estimates_are_unbiased_however_wrong_the_predictions(matrix):
    margins, scores = matrix
    digital = (margins > 0).astype(float)
    design = ExampleDesign(digital, np.roll(margins, 137), scores.shape[2])
    predicted = np.random.default_rng(0).random((len(margins), scores.shape[2]))
    chip = scores[0].astype(float)
    probabilities = design.probabilities(np.random.default_rng(1).random(predicted.shape))[8]
    rng = np.random.default_rng(2)
    found, claimed = [], []
    for _ in range(2000):
        sample = design.draw(probabilities, rng)
        mean, variance = design.estimate(sample, chip[sample.indices], predicted)
        found.append(mean)
        claimed.append(variance)
    found = np.array(found)
    off = np.abs(found.mean(0) - chip.mean(0))
    assert (off <= 5.0 * found.std(0) / np.sqrt(len(found))).all()
    # The claimed variance is that of independent draws of the examples.
    n = len(margins)
    exact = ((1.0 / probabilities - 1.0)[:, None] * (chip - predicted) ** 2).sum(0) / n**2
    spread = np.std(claimed, axis=0) / np.sqrt(len(claimed))
    assert (np.abs(np.mean(claimed, axis=0) - exact) <= 5.0 * spread).all()


def test_samples_have_the_probabilities_asked_for():
    rng = np.random.default_rng(0)
    design = ExampleDesign(rng.integers(2, size=300).astype(float), rng.normal(size=300), 1)
    probabilities = design.probabilities(rng.random((300, 1)) ** 4)[12]
    assert probabilities.min() >= LEAST_SHARE
    counts = np.zeros(300)
    for _ in range(2000):
        sample = design.draw(probabilities, rng)
        assert len(set(sample.indices)) == len(sample.indices)
        assert abs(len(sample.indices) - probabilities.sum()) < 1.0
        np.testing.assert_allclose(sample.weights, 1.0 / probabilities[sample.indices])
        counts[sample.indices] += 1
    error = 5.0 * np.sqrt(probabilities * (1.0 - probabilities) / 2000) + 1e-12
    assert (np.abs(counts / 2000 - probabilities) <= error).all()


def test_learning_makes_chips_agree(matrix):
    """Predictions from earlier chips and samples near decisions beat the same number of random examples."""
    margins, scores = matrix
    sampler, n_scored = run(margins, scores, 0, 0.0, max_chips=40)
    late = sampler.means[20:]
    size = n_scored / sampler.means.size
    rng = np.random.default_rng(0)
    plain = np.array(
        [
            scores[rng.integers(len(scores))][rng.integers(len(margins), size=int(size))].mean(0)
            for _ in late
        ]
    )
    # Ratio of variances with 19 degrees of freedom each: its 99.9 % quantile is 4.4.
    assert (plain.var(0, ddof=1) > 4.4 * late.var(0, ddof=1)).all()


def test_every_time_is_left_when_it_is_known(matrix):
    sampler, _ = run(*matrix, 3, 0.0025)
    measured = np.isfinite(sampler.means).sum(axis=0)
    assert (half_widths(sampler.means, 0.95) <= 0.0025).all()
    assert measured.min() >= MIN_CHIPS
    assert measured[0] < measured[-1]  # late times need more chips
    for j, n in enumerate(measured):
        assert np.isfinite(sampler.means[:n, j]).all()


def test_state_goes_on_where_it_was(matrix):
    margins, scores = matrix
    whole, _ = run(margins, scores, 5, 0.0, max_chips=6)
    half, _ = run(margins, scores, 5, 0.0, max_chips=3)
    digital = (margins > 0).astype(float)
    again = AdaptiveSampler(digital, margins, digital, scores.shape[2], confidence=0.95)
    again.load_state({name: x.copy() for name, x in half.state().items()})
    rng = np.random.default_rng(5)
    for _ in range(3):  # what the first chips drew
        rng.random(), rng.integers(len(scores))
    while again.n_chips < 6:
        step = again.next(np.zeros(scores.shape[2]), rng)
        again.add(step, scores[rng.integers(len(scores))][step.sample.indices].astype(float))
    np.testing.assert_array_equal(again.means, whole.means)


def test_covariance_of_examples_is_that_of_one_chip_s_scores(matrix):
    margins, scores = matrix
    sampler, _ = run(margins, scores, 0, 0.0, max_chips=30)
    found = sampler.covariance_of_examples()[:-1, :-1]
    mean = scores.mean((0, 1))
    flat = scores.reshape(-1, scores.shape[2]).astype(float)
    expected = flat.T @ flat / len(flat) - np.outer(mean, mean)
    # A variance p (1 - p) follows p, which is known to about a chip's error of 0.01 / sqrt(30).
    np.testing.assert_allclose(found, expected, atol=5.0 * 0.01 / np.sqrt(30))
