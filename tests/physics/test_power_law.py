import math

import pytest
import torch

from analognas.core import PhysicalRangeError
from analognas.physics import Ideal, PowerLaw, ProgrammedDevices, StateIndependent


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_ideal_keeps_everything_for_ever():
    g = torch.linspace(0.0, 25.0, 50)
    chip = ProgrammedDevices.program(Ideal(), g, generator=seeded(), n_chips=2)
    readings = chip.read([0.0, 1e9], generator=seeded())
    assert torch.equal(readings, g.expand(2, 2, 50))


@pytest.mark.parametrize(("nu", "t_0"), [(0.05, 20.0), (0.06, 1.0)])
def test_power_law_is_the_textbook(nu, t_0):
    g = torch.linspace(0.0, 25.0, 50, dtype=torch.float64)
    chip = ProgrammedDevices.program(PowerLaw(nu=nu, t_0=t_0), g, generator=seeded())
    expected = g * ((86400.0 + t_0) / t_0) ** -nu
    reading = chip.read(86400.0, generator=seeded())
    torch.testing.assert_close(reading, expected, rtol=1e-12, atol=0.0)


def test_power_law_takes_programming_noise():
    device = PowerLaw(prog_coeffs=(0.26348, 1.9650, -1.1731))
    std = device.programming_std(torch.tensor([25.0], dtype=torch.float64))
    assert std.item() == pytest.approx(1.05538, rel=1e-12)
    assert PowerLaw(prog_coeffs=(0.3,)).programming_std(torch.ones(1)) == 0.3


def test_state_independent_moments():
    """Mean and spread of 200,000 devices at 12.5 µS, within 5 standard errors, 5 % noticed."""
    n = 200_000
    device = StateIndependent()
    g = torch.full((n,), 12.5, dtype=torch.float64)
    chip = ProgrammedDevices.program(device, g, generator=seeded())
    growth = math.sqrt(math.log((60.0 + 20.0 + 250e-9) / 500e-9))
    fixed = ProgrammedDevices(device, g, torch.zeros_like(g))
    reading = fixed.read(60.0, generator=seeded(1))
    # nu is folded at 0: |0.1 + 0.05 xi|, moments of a folded normal.
    mu, s = 0.1, 0.05
    folded_mean = s * math.sqrt(2 / math.pi) * math.exp(-2.0) + mu * math.erf(mu / s / math.sqrt(2))
    folded_std = math.sqrt(mu**2 + s**2 - folded_mean**2)
    for x, mean, std in (
        (chip.g_prog, 12.5, 0.2),
        (chip.nu, folded_mean, folded_std),
        (reading, 12.5, 12.5 / 25.0 * growth),
    ):
        se_mean, se_std = std / math.sqrt(n), std / math.sqrt(2 * n)
        assert abs(float(x.mean()) - mean) < 5.0 * se_mean
        assert abs(float(x.std()) - std) < 5.0 * se_std
        for factor in (0.95, 1.05):
            assert abs(factor * float(x.std()) - std) > 5.0 * se_std


def test_fields_are_checked():
    with pytest.raises(PhysicalRangeError, match="`nu` must be .* at least 0.0, but got -0.1"):
        PowerLaw(nu=-0.1)
    with pytest.raises(PhysicalRangeError, match=r"`prog_coeffs at g / g_max = 0\.\d+` must be in"):
        PowerLaw(prog_coeffs=(0.1, -1.0))
    with pytest.raises(PhysicalRangeError, match=r"`prog_coeffs\[0\]` must be"):
        StateIndependent(prog_coeffs=(math.nan,))
    with pytest.raises(PhysicalRangeError, match="`nu_std` must be"):
        StateIndependent(nu_std=-1.0)
