import numpy as np
import pytest

from analognas.drift.variance_components import CrossedSums


def made(rng, k, n, sigma_chips, sigma_examples, sigma):
    """Scores of the crossed model at two times that share half of every effect, shape (K, N, 2)."""

    def pair(*shape):
        shared = rng.normal(size=(*shape, 1))
        return (shared + rng.normal(size=(*shape, 2))) / np.sqrt(2.0)

    return 3.0 + sigma_chips * pair(k, 1) + sigma_examples * pair(1, n) + sigma * pair(k, n)


def added(scores, fixed=None):
    n = scores.shape[1]
    sums = CrossedSums(np.zeros((n, 1)) if fixed is None else fixed, scores.shape[2])
    for chip in scores:
        sums.add(chip)
    return sums


def test_components_are_those_of_the_textbook():
    """Mean squares by their definition, on all data at once."""
    scores = made(np.random.default_rng(0), 5, 7, 0.3, 1.0, 0.5)
    found = added(scores).components()
    y = scores[:, :, 0]
    k, n = y.shape
    rows, columns, mean = y.mean(1, keepdims=True), y.mean(0, keepdims=True), y.mean()
    ms_chips = n * ((rows - mean) ** 2).sum() / (k - 1)
    ms_examples = k * ((columns - mean) ** 2).sum() / (n - 1)
    ms_residual = ((y - rows - columns + mean) ** 2).sum() / ((k - 1) * (n - 1))
    assert found.residual[0, 0] == pytest.approx(ms_residual, rel=1e-10)
    assert found.chips[0, 0] == pytest.approx((ms_chips - ms_residual) / n, rel=1e-10)
    assert found.examples[0, 0] == pytest.approx((ms_examples - ms_residual) / k, rel=1e-10)


def test_fixed_scores_change_nothing():
    """Sums are kept as differences from them, for the sake of rounding only."""
    rng = np.random.default_rng(1)
    scores = made(rng, 4, 50, 0.3, 1.0, 0.5)
    plain, shifted = added(scores), added(scores, 10.0 * rng.normal(size=(50, 2)))
    for name in ("chips", "examples", "residual"):
        np.testing.assert_allclose(
            getattr(plain.components(), name),
            getattr(shifted.components(), name),
            rtol=1e-9,
            atol=1e-12,
        )
    np.testing.assert_allclose(
        plain.covariance_of_examples()[:2, :2], shifted.covariance_of_examples()[:2, :2], rtol=1e-9
    )


def test_components_find_what_was_put_in_and_not_something_else():
    """Means over repeats within 5 standard errors, which are those of the repeats themselves."""
    truth = {"chips": 0.3**2, "examples": 1.0, "residual": 0.5**2}
    rng = np.random.default_rng(2)
    repeats = [added(made(rng, 6, 30, 0.3, 1.0, 0.5)).components() for _ in range(400)]
    for name, value in truth.items():
        found = np.array([getattr(one, name) for one in repeats])
        mean, sem = found.mean(0), found.std(0, ddof=1) / np.sqrt(len(found))
        # Variances on the diagonal, and half of them between the times.
        expected = value * np.array([[1.0, 0.5], [0.5, 1.0]])
        assert (np.abs(mean - expected) <= 5.0 * sem).all()
        assert (np.abs(mean - 1.2 * expected) > 2.0 * sem).all()  # a planted error of 20 %


def test_covariance_of_examples_holds_fixed_scores_too():
    rng = np.random.default_rng(3)
    n = 20_000
    effect, fixed = rng.normal(size=(2, n))
    fixed = (effect + fixed) / np.sqrt(2.0)
    scores = effect[None, :, None] + 0.5 * rng.normal(size=(3, n, 1))
    found = added(scores, fixed[:, None]).covariance_of_examples()
    expected = np.array([[1.0, np.sqrt(0.5)], [np.sqrt(0.5), 1.0]])
    # Standard error of a covariance of unit normals: at most sqrt(2 / n); the residual adds less than a half.
    assert np.abs(found - expected).max() < 5.0 * 1.5 * np.sqrt(2.0 / n)


def test_memory_is_a_number_for_each_example_and_time():
    sums = added(np.zeros((30, 100, 6)))
    assert {name: x.shape for name, x in sums.state().items()} == {
        "chip_means": (30, 6),
        "example_sums": (100, 6),
        "gram": (6, 6),
    }
