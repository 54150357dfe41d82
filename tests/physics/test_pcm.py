import numpy as np
import pytest
import torch

from analognas.physics import PCM, ProgrammedDevices

G = torch.linspace(0.0, 25.0, 2001, dtype=torch.float64)
R = G.numpy() / 25.0


def test_programming_std_is_the_published_polynomial():
    expected = 0.26348 + 1.9650 * R - 1.1731 * R**2
    np.testing.assert_allclose(PCM().programming_std(G).numpy(), expected, rtol=1e-12)
    half = PCM(g_max=12.5).programming_std(G / 2).numpy()
    np.testing.assert_allclose(half, expected / 2, rtol=1e-12)


def test_exponent_law():
    log_r = np.log(np.maximum(R, 1e-7))
    mean, std = (moment.numpy() for moment in PCM().nu_moments(G))
    np.testing.assert_allclose(mean, np.clip(-0.0155 * log_r + 0.0244, 0.049, 0.1), rtol=1e-12)
    np.testing.assert_allclose(std, np.clip(-0.0125 * log_r - 0.0059, 0.008, 0.045), rtol=1e-11)


def test_read_noise_law_at_and_beyond_both_ends():
    g = torch.cat([G, torch.tensor([30.0, 1e-9], dtype=torch.float64)])
    r = g.numpy() / 25.0
    expected = np.minimum(0.2, 0.0088 / np.maximum(r**0.65, 1e-3))
    np.testing.assert_allclose(PCM().read_q(g).numpy(), expected, rtol=1e-12)


# Means and spreads of an independent implementation of the same equations (physics notes of this
# project, 200,000 samples each): rounded to the digits given here, hence the half-digit slack.
@pytest.mark.parametrize(
    ("g", "std"), [(0.0, 0.154), (1.0, 0.341), (5.0, 0.609), (12.0, 0.936), (25.0, 1.054)]
)
def test_programming_check_values(g, std):
    n = 200_000
    chip = ProgrammedDevices.program(
        PCM(), torch.full((n,), g), generator=torch.Generator().manual_seed(0)
    )
    x = chip.g_prog.double()
    kurtosis = float((x - x.mean()).pow(4).mean() / x.var() ** 2)
    slack = 5.0 * std * np.sqrt(2.0 * (kurtosis - 1.0) / (4 * n)) + 0.0005
    assert abs(float(x.std()) - std) < slack
    assert abs(1.05 * float(x.std()) - std) > slack


@pytest.mark.parametrize(
    ("t", "mean", "std"),
    [
        (1.0, 24.94, 1.40),
        (60.0, 23.36, 1.36),
        (3600.0, 19.40, 1.41),
        (86400.0, 16.63, 1.52),
        (2592000.0, 14.11, 1.61),
        (31536000.0, 12.51, 1.65),
    ],
)
def test_check_values_through_time(t, mean, std):
    n = 200_000
    generator = torch.Generator().manual_seed(0)
    chip = ProgrammedDevices.program(PCM(), torch.full((n,), 25.0), generator=generator)
    x = chip.read(t, generator=generator).double()
    assert abs(float(x.mean()) - mean) < 5.0 * std * np.sqrt(2.0 / n) + 0.005
    assert abs(float(x.std()) - std) < 5.0 * std * np.sqrt(1.0 / n) + 0.005
    assert abs(1.05 * float(x.std()) - std) > 5.0 * std * np.sqrt(1.0 / n) + 0.005


def test_idle_devices_end_above_zero():
    """Censored normal: mean sigma / sqrt(2 pi), an atom of one half at 0."""
    n = 200_000
    x = PCM().program(torch.zeros(n), generator=torch.Generator().manual_seed(0)).double()
    sigma = 0.26348
    std = sigma * np.sqrt(0.5 - 1.0 / (2.0 * np.pi))
    assert abs(float(x.mean()) - sigma / np.sqrt(2.0 * np.pi)) < 5.0 * std / np.sqrt(n)
    assert abs(float((x == 0.0).double().mean()) - 0.5) < 5.0 * 0.5 / np.sqrt(n)
    assert abs(1.05 * float(x.mean()) - sigma / np.sqrt(2.0 * np.pi)) > 5.0 * std / np.sqrt(n)
