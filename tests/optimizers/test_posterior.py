import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.optimizers import Posterior

# Laws as accuracies have them: even, and with a long tail below. Edges sharper than the errors are blurred,
# which the module says; no interval is promised there.
WORLDS = {
    "normal": lambda generator, n: generator.normal(88.0, 1.0, n),
    "skewed": lambda generator, n: 90.0 - generator.gamma(4.0, 0.6, n),
}
REPEATS = 200
BAND = 5 * np.sqrt(0.95 * 0.05 / REPEATS)


def world(generator, law, n=150):
    truth = WORLDS[law](generator, n)
    sems = generator.uniform(0.2, 0.6, n)
    return truth, generator.normal(truth, sems), sems


def outcomes(law, shrink=1.0, luckiest=False):
    """How often the winner's interval holds its truth, and winner and rivals the best of all."""
    generator = np.random.default_rng(7)
    covered = held = 0
    for _ in range(REPEATS):
        truth, means, sems = world(generator, law)
        posterior = Posterior.fit(means, shrink * sems)
        winner = int(posterior.means().argmax())
        low, high = posterior.interval(winner)
        value = truth[posterior.contenders[winner]]
        if luckiest:
            best = int(means.argmax())
            value = truth[best]
            low, high = means[best] - 1.96 * sems[best], means[best] + 1.96 * sems[best]
        covered += low <= value <= high
        named = [winner, *posterior.indistinguishable(winner)]
        held += truth.argmax() in posterior.contenders[named]
    return covered / REPEATS, held / REPEATS


@pytest.mark.parametrize("law", WORLDS)
def test_intervals_and_rivals_hold_what_they_promise(law):
    covered, held = outcomes(law)
    assert abs(covered - 0.95) < BAND
    # The smallest set that holds 95 % is larger than asked by up to its last member.
    assert held > 0.95 - BAND


@pytest.mark.parametrize("law", WORLDS)
def test_a_planted_error_of_the_standard_errors_is_seen(law):
    covered, _ = outcomes(law, shrink=0.6)
    assert covered < 0.95 - BAND


def test_the_luckiest_reading_with_its_own_interval_fails():
    covered, _ = outcomes("skewed", luckiest=True)
    assert covered < 0.95 - BAND


def test_adaptive_reading_needs_no_correction():
    # The leader is read again until it no longer leads: its plain mean is biased, its interval must still hold.
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(REPEATS):
        truth, means, sems = world(generator, "normal", n=60)
        for _ in range(10):
            posterior = Posterior.fit(means, sems)
            leader = posterior.contenders[posterior.means().argmax()]
            weights = np.array([sems[leader] ** -2, 0.4**-2])
            values = [means[leader], generator.normal(truth[leader], 0.4)]
            means[leader], sems[leader] = np.average(values, weights=weights), weights.sum() ** -0.5
        posterior = Posterior.fit(means, sems)
        winner = int(posterior.means().argmax())
        low, high = posterior.interval(winner)
        covered += low <= truth[posterior.contenders[winner]] <= high
    assert abs(covered / REPEATS - 0.95) < BAND


def test_one_value_has_its_own_normal_interval():
    posterior = Posterior.fit(np.array([10.0]), np.array([0.5]))
    low, high = posterior.interval(0)
    # Cut at four standard errors, and read off a grid of 300 points.
    assert (low, high) == pytest.approx((10 - 0.98, 10 + 0.98), abs=8 * 0.5 / 300)
    assert posterior.means()[0] == pytest.approx(10.0, abs=1e-9)
    assert posterior.best().tolist() == [1.0]
    assert posterior.indistinguishable(0).tolist() == []


def test_two_equal_values_are_not_told_apart():
    posterior = Posterior.fit(np.array([10.0, 10.0, 5.0]), np.array([0.5, 0.5, 0.1]))
    np.testing.assert_allclose(posterior.best(), [0.5, 0.5], atol=1e-9)
    np.testing.assert_allclose(posterior.better_than(0), [0.5, 0.5], atol=1e-9)
    assert posterior.indistinguishable(0).tolist() == [1]
    assert posterior.contenders.tolist() == [0, 1]


def test_chances_agree_with_draws():
    generator = np.random.default_rng(1)
    posterior = Posterior.fit(generator.normal(90, 0.3, 12), generator.uniform(0.1, 0.6, 12))
    n, k = 40_000, len(posterior.contenders)
    draws = np.stack([generator.choice(posterior.grid, n, p=mass) for mass in posterior.mass])
    draws += generator.uniform(-0.5, 0.5, draws.shape) * (posterior.grid[1] - posterior.grid[0])
    shares = np.bincount(draws.argmax(axis=0), minlength=k) / n
    for exact, share in zip(posterior.best(), shares, strict=True):
        assert abs(exact - share) < 5 * np.sqrt(exact * (1 - exact) / n) + 1e-4
    better = (draws > draws[3]).mean(axis=1)
    for other in set(range(k)) - {3}:
        exact = posterior.better_than(3)[other]
        assert abs(exact - better[other]) < 5 * np.sqrt(exact * (1 - exact) / n) + 1e-4


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_units_do_not_matter(scale):
    generator = np.random.default_rng(2)
    _, means, sems = world(generator, "normal")
    plain, scaled = Posterior.fit(means, sems), Posterior.fit(scale * means, scale * sems)
    np.testing.assert_array_equal(plain.contenders, scaled.contenders)
    np.testing.assert_allclose(scaled.means(), scale * plain.means(), rtol=1e-9)
    np.testing.assert_allclose(scaled.best(), plain.best(), atol=1e-9)


def test_exact_values_are_told_apart_exactly():
    posterior = Posterior.fit(np.array([90.0, 89.999, 70.0]), np.zeros(3))
    assert posterior.contenders.tolist() == [0]
    assert posterior.interval(0) == pytest.approx((90.0, 90.0), abs=1e-3)
    mixed = Posterior.fit(np.array([90.0, 90.5]), np.array([0.0, 1.0]))
    # Known to the step of a grid that spans four errors on either side of the other value.
    assert mixed.interval(0) == pytest.approx((90.0, 90.0), abs=3 * 8 / 299)


@pytest.mark.parametrize(("means", "sems"), [([], []), ([np.nan], [1.0]), ([1.0], [np.inf])])
def test_bad_input(means, sems):
    with pytest.raises(InvalidArgumentError, match="only finite values and standard errors"):
        Posterior.fit(np.array(means), np.array(sems))
    with pytest.raises(InvalidArgumentError, match="`level`"):
        Posterior.fit(np.array([1.0]), np.array([1.0])).interval(0, level=95)
