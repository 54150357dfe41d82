import numpy as np
import pytest

from analognas.evaluators.gp.feature_process import LENGTHS, NOISES, GaussianProcess


def kernel(one, other, length):
    distances = np.sqrt(((one[:, None] - other[None]) ** 2).mean(axis=2))
    scaled = np.sqrt(3) * distances / length
    return (1 + scaled) * np.exp(-scaled)


def fitted(n=60, d=4, seed=0, noise=0.3):
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((n, d))
    targets = np.sin(rows[:, 0]) + noise * generator.standard_normal(n)
    return rows, targets, GaussianProcess.fit(rows, targets, generator=generator)


def test_prediction_by_the_textbook():
    rows, targets, process = fitted()
    new = np.random.default_rng(1).standard_normal((5, 4))
    noisy = kernel(rows, rows, process.length) + process.noise * np.eye(60)
    signal = targets @ np.linalg.solve(noisy, targets) / 60
    cross = kernel(new, rows, process.length)
    means, variances = process.predict(new)
    assert process.signal == pytest.approx(signal, rel=1e-4)
    # Distances and products are in float32.
    np.testing.assert_allclose(means, cross @ np.linalg.solve(noisy, targets), atol=1e-4)
    explained = np.einsum("ij,ji->i", cross, np.linalg.solve(noisy, cross.T))
    np.testing.assert_allclose(variances, signal * (1 - explained + process.noise), rtol=1e-3)


def test_held_out_predictions_equal_fits_without_each_row():
    rows, targets, process = fitted(n=25)
    for row in range(0, 25, 6):
        kept = np.arange(25) != row
        noisy = kernel(rows[kept], rows[kept], process.length) + process.noise * np.eye(24)
        cross = kernel(rows[[row]], rows[kept], process.length)[0]
        assert process.held_out_means[row] == pytest.approx(
            cross @ np.linalg.solve(noisy, targets[kept]), abs=1e-4
        )
        variance = 1 + process.noise - cross @ np.linalg.solve(noisy, cross)
        assert process.held_out_variances[row] == pytest.approx(process.signal * variance, rel=1e-3)


def test_length_and_noise_have_the_largest_evidence_around_them():
    rows, targets, process = fitted(n=80)

    def evidence(length, noise):
        noisy = kernel(rows, rows, length) + noise * np.eye(80)
        signal = targets @ np.linalg.solve(noisy, targets) / 80
        return -40 * np.log(signal) - 0.5 * np.linalg.slogdet(noisy)[1]

    best = evidence(process.length, process.noise)
    assert all(best >= evidence(length, process.noise) - 1e-3 for length in LENGTHS)
    assert all(best >= evidence(process.length, noise) - 1e-3 for noise in NOISES)


def test_noise_is_found():
    quiet, loud = (fitted(n=250, noise=noise)[2] for noise in (0.05, 1.0))
    assert loud.signal * loud.noise == pytest.approx(1.0, rel=0.5)
    assert quiet.signal * quiet.noise < 0.05


def test_rows_that_repeat_and_targets_without_spread():
    rows = np.zeros((10, 3))
    process = GaussianProcess.fit(rows, np.zeros(10), generator=np.random.default_rng(0))
    means, variances = process.predict(rows[:2])
    np.testing.assert_array_equal(means, 0)
    assert np.isfinite(variances).all()


def test_long_predictions_are_made_in_blocks():
    process = fitted()[2]
    new = np.random.default_rng(2).standard_normal((5000, 4))
    means, variances = process.predict(new)
    # Another block size may round otherwise.
    np.testing.assert_allclose(process.predict(new[4090:4100])[0], means[4090:4100], atol=1e-5)
    np.testing.assert_allclose(process.predict(new[4090:4100])[1], variances[4090:4100], rtol=1e-4)
    assert process.predict(new[:0])[0].shape == (0,)
