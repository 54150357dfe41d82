"""Effects at equal values of other variables, and agreement of rankings, with their intervals."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from analognas.analysis import Networks, rank_agreement, tau_b
from analognas.analysis.effects import adjusted, level_effects, slopes, spline


def test_networks_count_once():
    networks = Networks(np.array([7, 3, 7, 7, 1]))
    assert networks.n == 3
    assert networks.weights.tolist() == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3, 1])
    assert networks.ranks.tolist() == [0, 0, 1, 2, 0]
    assert networks.sums(np.ones(5)).tolist() == [1, 1, 3]


def test_a_spline_follows_a_curve_and_is_straight_at_the_ends():
    x = np.linspace(0, 1, 200)
    networks = Networks(np.arange(200))
    left = adjusted(np.sin(2 * x), spline(x), networks)
    assert np.abs(left).max() < 0.02
    basis = spline(x)
    assert np.allclose(np.diff(basis[-5:], 2, axis=0), 0, atol=1e-9)
    assert np.allclose(np.diff(basis[:5], 2, axis=0), 0, atol=1e-9)


def repeated(generator, n=150, share=0.4):
    """Networks of one to six rows each; many rows are of few networks."""
    sizes = np.where(generator.random(n) < share, generator.integers(2, 7, n), 1)
    return np.repeat(np.arange(n), sizes)


def test_slopes_find_a_planted_effect_and_their_intervals_cover_it():
    covered, values = 0, []
    for seed in range(200):
        generator = np.random.default_rng(seed)
        labels = repeated(generator)
        n = labels.max() + 1
        digital, trait = generator.normal(90, 2, n), generator.integers(0, 4, n).astype(float)
        trait += 0.3 * (digital - 90)  # related to digital accuracy, which matters by itself
        own = generator.normal(0, 1.5, n)  # of the network, shared by its rows
        y = (digital - 85) ** 2 / 10 - 2.0 * trait + own
        rows = y[labels] + generator.normal(0, 1, len(labels))
        found = slopes(
            rows, trait[labels][:, None], spline(digital[labels]), Networks(labels), 0.95
        )[0]
        values.append(found.value)
        covered += found.low <= -2.0 <= found.high
    assert np.mean(values) == pytest.approx(-2.0, abs=0.04)
    assert 0.90 <= covered / 200 <= 0.99


def test_intervals_would_be_too_narrow_if_rows_counted_as_networks():
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(60), 10)
    trait = generator.normal(size=60)[labels]
    y = generator.normal(size=60)[labels]
    controls = generator.normal(size=(600, 1))
    right = slopes(y, trait[:, None], controls, Networks(labels), 0.95)[0]
    wrong = slopes(y, trait[:, None], controls, Networks(np.arange(600)), 0.95)[0]
    assert (right.high - right.low) > 2.5 * (wrong.high - wrong.low)


def test_effects_of_levels_are_against_the_mean_network():
    generator = np.random.default_rng(1)
    labels = np.arange(3000)
    first, second = generator.integers(0, 3, 3000), generator.integers(0, 2, 3000)
    planted = np.array([0.0, 1.0, 5.0])
    y = planted[first] + 2.0 * second + generator.normal(0, 0.5, 3000)
    of_first, of_second = level_effects(
        y, [first, second], np.zeros((3000, 1)), Networks(labels), 0.95
    )
    shares = np.bincount(first) / 3000
    expected = planted - shares @ planted
    assert [level for level, _, _ in of_first] == [0, 1, 2]
    assert [n for _, n, _ in of_first] == np.bincount(first).tolist()
    for (_, _, effect), value in zip(of_first, expected, strict=True):
        assert effect.low - 0.05 <= value <= effect.high + 0.05
        assert effect.high - effect.low < 0.1
    assert of_second[1][2].value - of_second[0][2].value == pytest.approx(2.0, abs=0.08)


def test_tau_is_that_of_scipy_where_each_network_has_one_row():
    generator = np.random.default_rng(2)
    x = generator.integers(0, 12, 120).astype(float)  # with ties
    y = x + generator.integers(0, 9, 120)
    found = tau_b(x, y, Networks(np.arange(120)), 0.95)
    assert found.value == pytest.approx(kendalltau(x, y).statistic, abs=1e-12)


def test_rows_of_one_network_do_not_count_as_pairs():
    x = np.array([0.0, 5.0, 1.0, 2.0, 3.0])
    y = np.array([5.0, 0.0, 11.0, 12.0, 13.0])
    networks = Networks(np.array([0, 0, 1, 2, 3]))
    # Weights of a half for the first two, whose own pair is left out.
    expected = (0.5 * 3 + 0.5 * -3 + 3) / (3 + 3)
    assert tau_b(x, y, networks, 0.95).value == pytest.approx(expected)


def test_the_interval_of_tau_covers():
    rho = 0.6
    truth = 2 / np.pi * np.arcsin(rho)  # of a normal pair (Kruskal 1958)
    covered = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        x = generator.normal(size=60)
        y = rho * x + np.sqrt(1 - rho**2) * generator.normal(size=60)
        found = tau_b(x, y, Networks(np.arange(60)), 0.95)
        covered += found.low <= truth <= found.high
    assert 0.90 <= covered / 200 <= 0.99


def test_an_agreement_compares_different_trainings():
    generator = np.random.default_rng(3)
    labels = np.repeat(np.arange(200), 3)
    truth = generator.normal(size=200)[labels]
    luck = generator.normal(0, 1.0, 600)  # of one training, in both of its readings
    early, late = truth + luck, truth + luck + generator.normal(0, 0.01, 600)
    found = rank_agreement(early, late, Networks(labels), 0.95)
    assert found.between_trainings
    assert found.n_networks == 200
    assert kendalltau(early, late).statistic > 0.95  # what comparing the same training would say
    assert found.tau.value < 0.6
    assert found.tau.low <= found.ceiling.value <= found.tau.high
    blind = rank_agreement(generator.normal(size=600), late, Networks(labels), 0.95)
    assert blind.tau.low < 0 < blind.tau.high


def test_without_repeated_trainings_there_is_no_ceiling():
    generator = np.random.default_rng(4)
    x = generator.normal(size=50)
    found = rank_agreement(x, 2 * x, Networks(np.arange(50)), 0.95)
    assert (found.tau.value, found.ceiling, found.between_trainings) == (1.0, None, False)
