import math

import numpy as np
import pytest
import torch

from analognas.core import PhysicalRangeError
from analognas.physics import ProgrammedDevices, ReRAMCMO, ReRAMWan2022

DAY = 86400.0
WAN = {
    1.0: [0.348, 16.030, -43.853, 45.393, -16.815],
    DAY: [0.701, 22.086, -50.773, 47.095, -16.458],
    2 * DAY: [0.782, 20.274, -43.507, 37.062, -11.934],
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("t", sorted(WAN))
@pytest.mark.parametrize("g", [0.0, 4.0, 20.0, 40.0])
def test_wan_spread_at_the_published_times(t, g):
    """The variance around the target, within 5 standard errors; 5 % noticed."""
    n = 200_000
    chip = ProgrammedDevices.program(
        ReRAMWan2022(), torch.full((n,), g, dtype=torch.float64), generator=seeded()
    )
    x = chip.read(t, generator=seeded(1))
    sigma = float(np.polynomial.polynomial.polyval(g / 40.0, WAN[t]))
    # The half above the target is never censored; its mean square deviation is the variance.
    square = (x[x > g] - g).square()
    mean_square, se = float(square.mean()), float(square.std()) / math.sqrt(len(square))
    assert abs(mean_square - sigma**2) < 5.0 * se
    for factor in (0.95, 1.05):
        assert abs(factor**2 * mean_square - sigma**2) > 5.0 * se


def test_wan_without_clamp_is_the_closed_form():
    device = ReRAMWan2022()
    g = torch.linspace(10.0, 40.0, 31, dtype=torch.float64)
    xi = torch.linspace(-2.0, 2.0, 31, dtype=torch.float64)
    g_prog = g + device.programming_std(g) * xi
    r = g.numpy() / 40.0
    for t in (1.0, 60.0, 3600.0, DAY, 100_000.0, 2 * DAY):
        knots = sorted(WAN)
        spread = [np.polynomial.polynomial.polyval(r, WAN[knot]) for knot in knots]
        sigma = [np.interp(math.log(t), np.log(knots), column) for column in np.transpose(spread)]
        expected = g.numpy() + np.array(sigma) * xi.numpy()
        np.testing.assert_allclose(device.drift(g_prog, g, t).numpy(), expected, rtol=1e-12)


def test_wan_censored_devices_stay_at_zero():
    """Their deviation is unknown, but the spread at 1 s is the smallest: they stay."""
    r = torch.linspace(0.0, 1.0, 1001, dtype=torch.float64)
    device = ReRAMWan2022()
    first = device.programming_std(r * 40.0)
    for t in np.geomspace(1.0, 2 * DAY, 30).clip(1.0, 2 * DAY):
        assert bool((device._spread(r * 40.0, float(t)) >= first * (1 - 1e-12)).all())


def test_wan_trajectories_are_monotone_between_published_times():
    chip = ProgrammedDevices.program(
        ReRAMWan2022(), torch.linspace(0.0, 40.0, 400), generator=seeded()
    )
    for ends in ((1.0, DAY), (DAY, 2 * DAY)):
        steps = chip.drift(np.geomspace(*ends, 12).clip(*ends).tolist()).diff(dim=0)
        rounding = 1e-5
        assert bool(((steps >= -rounding).all(dim=0) | (steps <= rounding).all(dim=0)).all())


@pytest.mark.parametrize(
    ("device", "last", "beyond"),
    # Two days; ten years of 365.25 days.
    [(ReRAMWan2022(), "172800", 172801.0), (ReRAMCMO(), "315576000", 315576001.0)],
    ids=["Wan2022", "CMO"],
)
@pytest.mark.parametrize("t", [0.0, 0.5, None])
def test_times_outside_the_fitted_range_are_refused(device, last, beyond, t):
    chip = ProgrammedDevices.program(device, torch.full((3,), 20.0), generator=seeded())
    t = beyond if t is None else t
    chip.read([1.0, float(last)], generator=seeded())
    text = rf"`t` must be in \[1, {last}\] s \(fitted range of ReRAM\w+\), but got {t} s\."
    for call in (lambda: chip.drift(t), lambda: chip.read([1.0, t], generator=seeded())):
        with pytest.raises(PhysicalRangeError, match=text):
            call()


@pytest.mark.parametrize(
    ("acceptance", "a", "b"), [(0.2, 0.00081, 0.00107), (2.0, 0.01122, 0.01129)]
)
def test_cmo_programming(acceptance, a, b):
    g = torch.linspace(9.0, 88.2, 10, dtype=torch.float64)
    std = ReRAMCMO(acceptance=acceptance).programming_std(g)
    np.testing.assert_allclose(std.numpy(), a + b * g.numpy(), rtol=2e-3)  # rounded constants


def test_cmo_relaxation_is_the_closed_form():
    device = ReRAMCMO()
    g = torch.linspace(9.0, 88.2, 41, dtype=torch.float64)
    nu = torch.linspace(-2.0, 2.0, 41, dtype=torch.float64)
    for t in (1.0, 60.0, 3600.0, 3e8):
        log_t = math.log(t)
        expected = g - 0.08900206 * log_t + (0.04201137 * log_t + 0.41183342) * nu
        torch.testing.assert_close(device.drift(g, nu, t), expected, rtol=1e-12, atol=0.0)
    std = device.read_std(g, 0.0)
    torch.testing.assert_close(std, 0.0277316483 * torch.log10(g), rtol=1e-12, atol=0.0)
    assert device.read_std(torch.tensor([0.5]), 0.0).item() == 0.0


def test_cmo_relaxation_of_a_device_has_a_sign():
    chip = ProgrammedDevices.program(ReRAMCMO(), torch.full((200_000,), 50.0), generator=seeded())
    assert abs(float(chip.nu.double().mean())) < 5.0 / math.sqrt(200_000)
    assert abs(float(chip.nu.double().std()) - 1.0) < 5.0 / math.sqrt(400_000)


def test_cmo_ranges():
    with pytest.raises(
        PhysicalRangeError, match=r"`g_target` must be in \[9, 88\.2\] µS, but got 0"
    ):
        ReRAMCMO().program(torch.zeros(1), generator=seeded())
    with pytest.raises(
        PhysicalRangeError, match=r"`g_max` must be .* in \[9\.0, 88\.2\] \(µS\), but got 90"
    ):
        ReRAMCMO(g_max=90.0)
    with pytest.raises(PhysicalRangeError, match=r"`acceptance` must be 0\.2 or 2 .*got 1"):
        ReRAMCMO(acceptance=1.0)
