import numpy as np
import pytest
import torch

from analognas.core import InvalidArgumentError, PhysicalRangeError
from analognas.physics import PCM, CustomDrift, ProgrammedDevices

TABLE = {
    "g_points": (0.0, 5.0, 10.0, 25.0),
    "nu_means": (0.1, 0.06, 0.05, 0.045),
    "nu_stds": (0.04, 0.02, 0.01, 0.01),
}


def test_exponents_are_interpolated_over_the_table():
    g = torch.linspace(0.0, 25.0, 101, dtype=torch.float64)
    mean, std = CustomDrift(**TABLE).nu_moments(g)
    np.testing.assert_allclose(mean, np.interp(g, TABLE["g_points"], TABLE["nu_means"]), rtol=1e-12)
    np.testing.assert_allclose(std, np.interp(g, TABLE["g_points"], TABLE["nu_stds"]), rtol=1e-12)


def test_the_rest_is_pcm():
    g = torch.linspace(0.0, 25.0, 101)
    device = CustomDrift(**TABLE)
    assert torch.equal(device.programming_std(g), PCM().programming_std(g))
    assert torch.equal(device.read_q(g), PCM().read_q(g))


def test_without_spread_it_drifts_by_the_table():
    device = CustomDrift(g_points=(0.0, 25.0), nu_means=(0.1, 0.05), nu_stds=(0.0, 0.0))
    chip = ProgrammedDevices.program(device, torch.full((5,), 12.5), generator=torch.Generator())
    torch.testing.assert_close(chip.nu, torch.full((5,), 0.075))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (
            {"nu_means": (0.1,)},
            InvalidArgumentError,
            r"same number of entries, at least 2, but got",
        ),
        (
            {"g_points": (1.0,), "nu_means": (0.1,), "nu_stds": (0.1,)},
            InvalidArgumentError,
            "at least 2",
        ),
        (
            {"g_points": (0.0, 10.0, 5.0, 25.0)},
            InvalidArgumentError,
            "`g_points` must be in ascending order",
        ),
        ({"g_points": (0.0, 5.0, 10.0, 30.0)}, PhysicalRangeError, r"`g_points\[3\]` .* 30.0 µS"),
        ({"nu_stds": (0.04, -0.02, 0.01, 0.01)}, PhysicalRangeError, r"`nu_stds\[1\]` must be"),
    ],
)
def test_bad_tables(change, error, text):
    with pytest.raises(error, match=text):
        CustomDrift(**(TABLE | change))
