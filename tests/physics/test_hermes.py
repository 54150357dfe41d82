import numpy as np
import pytest
import torch

from analognas.core import AnalogNASError, PhysicalRangeError
from analognas.physics import Hermes


def law(r, threshold, low, high):
    """A piecewise law in plain numpy: (slope, offset, least, most) below, rising powers above."""
    slope, offset, least, most = low
    below = np.clip(slope * np.log(np.maximum(r, 1e-7)) + offset, least, most)
    return np.where(r < threshold, below, np.polynomial.polynomial.polyval(r, high))


@pytest.mark.parametrize(
    ("n", "g_max", "t_0", "prog", "std", "q"),
    [
        (
            2,
            20.7,
            300.0,
            (0.16603, 4.71806, -8.48101, 4.68961),
            (0.3055, (-0.0117, -0.0057, 0.0091, 0.04), (0.0073, 0.0093, -0.0118)),
            (0.16, (-0.0117, -0.0069, 0.015, 0.04), (0.0123, 0.0211, -0.0280, 0.0069)),
        ),
        (
            1,
            10.35,
            200.0,
            (0.15782, 2.32444, -2.16311, 0.68842),
            (0.3039, (-0.0120, -0.0023, 0.0124, 0.04), (0.0104, 0.0116, -0.0165)),
            (0.1591, (-0.0078, 0.0038, 0.0179, 0.04), (0.0088, 0.0768, -0.1352, 0.0664)),
        ),
    ],
)
def test_laws(n, g_max, t_0, prog, std, q):
    device = Hermes(n_devices=n)
    assert (device.g_max, device.t_0, device.t_read) == (g_max, t_0, 512e-9)
    r = np.linspace(0.0, 1.0, 1001)
    g = torch.tensor(r * g_max)
    expected = np.polynomial.polynomial.polyval(r, prog)
    # The published digits are rounded to 1e-5 here.
    np.testing.assert_allclose(device.programming_std(g).numpy(), expected, rtol=0, atol=2e-5)
    # At a threshold itself either branch is right, to float precision.
    inside = np.all([abs(r - at) > 1e-9 for at in (0.0945, std[0], q[0])], axis=0)
    mean, spread = (moment.numpy() for moment in device.nu_moments(g))
    expected_mean = law(r, 0.0945, (-0.0387, -0.0182, 0.0720, 0.13), (0.0736, -0.0126, -0.0436))
    np.testing.assert_allclose(mean[inside], expected_mean[inside], rtol=1e-10)
    np.testing.assert_allclose(spread[inside], law(r, *std)[inside], rtol=1e-10)
    np.testing.assert_allclose(device.read_q(g).numpy()[inside], law(r, *q)[inside], rtol=1e-10)


def test_a_smaller_range_scales_the_programming_noise():
    small, full = Hermes(g_max=10.0), Hermes()
    ratio = small.programming_std(torch.tensor([5.0])) / full.programming_std(torch.tensor([10.35]))
    assert ratio.item() == pytest.approx(10.0 / 20.7, rel=1e-6)


def test_characterised_range_is_enforced():
    with pytest.raises(PhysicalRangeError, match=r"`g_max` must be in \(0, 20\.7\] µS .*got 25"):
        Hermes(g_max=25.0)
    with pytest.raises(PhysicalRangeError, match=r"`g_max` must be in \(0, 10\.35\] µS"):
        Hermes(n_devices=1, g_max=20.7)
    for wrong in (0, 3, True, 1.5):
        with pytest.raises(AnalogNASError, match=r"`n_devices` must be an integer in \[1, 2\]"):
            Hermes(n_devices=wrong)
