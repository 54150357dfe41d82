import math

import pytest
import torch

from analognas.core import InvalidArgumentError
from analognas.physics import PCM, ProgrammedDevices

G_TARGET = torch.linspace(0.0, 25.0, 300).reshape(3, 100)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def chips():
    return ProgrammedDevices.program(PCM(), G_TARGET, generator=seeded(), n_chips=4)


def test_the_same_chip_is_followed_in_any_order(chips):
    forward = [chips.drift(t) for t in (0.0, 60.0, 86400.0)]
    backward = [chips.drift(t) for t in (86400.0, 60.0, 0.0)]
    for a, b in zip(forward, reversed(backward), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(chips.drift([86400.0, 0.0])[0], forward[2])


def test_reading_leaves_the_chip_as_it_was(chips):
    g_prog, nu = chips.g_prog.clone(), chips.nu.clone()
    chips.read([0.0, 1e6], generator=seeded(1))
    assert torch.equal(chips.g_prog, g_prog)
    assert torch.equal(chips.nu, nu)


def test_read_noise_is_fresh_and_drift_is_not(chips):
    generator = seeded(1)
    assert not torch.equal(
        chips.read(1.0, generator=generator), chips.read(1.0, generator=generator)
    )
    assert torch.equal(chips.drift(1.0), chips.drift(1.0))


def test_readings_at_two_times_are_paired():
    """Correlation over devices of one target: programming is shared, so it is far from 0."""
    n = 100_000
    chip = ProgrammedDevices.program(PCM(), torch.full((n,), 25.0), generator=seeded())
    early, late = chip.read([60.0, 86400.0], generator=seeded(1)).double()
    # Programming alone gives 1.055^2 0.93 0.67 / (1.36 1.52) = 0.34; shared exponents add to it.
    correlation = float(torch.corrcoef(torch.stack([early, late]))[0, 1])
    other = ProgrammedDevices.program(PCM(), torch.full((n,), 25.0), generator=seeded(9))
    unpaired = other.read(86400.0, generator=seeded(2)).double()
    assert correlation > 0.3
    assert abs(float(torch.corrcoef(torch.stack([early, unpaired]))[0, 1])) < 5.0 / math.sqrt(n)


def test_chips_are_independent_draws_of_the_same_statistics():
    n = 50_000
    chips = ProgrammedDevices.program(PCM(), torch.full((n,), 12.5), generator=seeded(), n_chips=3)
    sigma = 0.26348 + 1.9650 / 2 - 1.1731 / 4
    for chip in chips.g_prog.double():
        assert abs(float(chip.mean()) - 12.5) < 5.0 * sigma / math.sqrt(n)
        assert abs(float(chip.std()) - sigma) < 5.0 * sigma / math.sqrt(2 * n)
    correlations = torch.corrcoef(chips.g_prog.double()).fill_diagonal_(0.0)
    assert float(correlations.abs().max()) < 5.0 / math.sqrt(n)


def test_more_chips_leave_the_first_ones_as_they_were(chips):
    more = ProgrammedDevices.program(PCM(), G_TARGET, generator=seeded(), n_chips=6)
    assert torch.equal(more.g_prog[:4], chips.g_prog)
    assert torch.equal(more.nu[:4], chips.nu)


def test_generators_for_each_chip(chips):
    pair = [seeded(3), seeded(4)]
    two = ProgrammedDevices.program(PCM(), G_TARGET, generator=pair)
    assert two.n_chips == 2
    assert torch.equal(
        two.g_prog[1], ProgrammedDevices.program(PCM(), G_TARGET, generator=seeded(4)).g_prog
    )
    reading = two.read(60.0, generator=[seeded(5), seeded(6)])
    assert torch.equal(reading[1], two.select(1).read(60.0, generator=seeded(6)))
    with pytest.raises(
        InvalidArgumentError, match="one generator or 4, one for each chip, but got 2"
    ):
        chips.read(60.0, generator=pair)
    with pytest.raises(
        InvalidArgumentError, match="one generator or 3, one for each chip, but got 2"
    ):
        ProgrammedDevices.program(PCM(), G_TARGET, generator=pair, n_chips=3)
    with pytest.raises(InvalidArgumentError, match="without a leading dimension, but got 2"):
        two.select(0).read(60.0, generator=pair)


def test_a_chip_dimension_of_one_is_kept():
    one = ProgrammedDevices.program(PCM(), G_TARGET, generator=seeded(), n_chips=1)
    assert one.read(1.0, generator=seeded()).shape == (1, 3, 100)


def test_shapes_of_times(chips):
    assert chips.drift(1.0).shape == (4, 3, 100)
    assert chips.drift([1.0]).shape == (1, 4, 3, 100)
    assert chips.read((1.0, 2.0), generator=seeded()).shape == (2, 4, 3, 100)
    with pytest.raises(InvalidArgumentError, match="`t` must hold at least one time"):
        chips.drift([])


def test_memory_can_be_used_again(chips):
    expected = chips.read([1.0, 60.0], generator=seeded(1))
    out = torch.empty_like(expected)
    assert chips.read([1.0, 60.0], generator=seeded(1), out=out) is out
    assert torch.equal(out, expected)
    fresh = ProgrammedDevices.program(PCM(), G_TARGET / 2, generator=seeded(2), n_chips=4)
    again = ProgrammedDevices.program(
        PCM(), G_TARGET / 2, generator=seeded(2), n_chips=4, out=chips
    )
    assert again.g_prog.data_ptr() == chips.g_prog.data_ptr()
    assert torch.equal(again.g_prog, fresh.g_prog)
    assert torch.equal(again.nu, fresh.nu)
    with pytest.raises(InvalidArgumentError, match="`out` must be contiguous and"):
        chips.drift(1.0, out=out)


def test_programming_again_uses_the_new_targets():
    """A second programming owes nothing to the first."""
    chip = ProgrammedDevices.program(PCM(prog_noise_scale=0.0), G_TARGET, generator=seeded())
    again = ProgrammedDevices.program(chip.device, G_TARGET.flip(0), generator=seeded(), out=chip)
    assert torch.equal(again.g_prog, G_TARGET.flip(0))


def test_select_and_convert(chips):
    assert torch.equal(chips.select(2).g_prog, chips.g_prog[2])
    assert chips.select(2).n_chips is None
    double = chips.to(dtype=torch.float64)
    assert double.g_prog.dtype == double.nu.dtype == torch.float64
    assert double.n_chips == 4
    for wrong in (-1, 4):
        with pytest.raises(InvalidArgumentError, match=r"`i` must be an integer in \[0, 3\]"):
            chips.select(wrong)


def test_a_chip_is_checked(chips):
    with pytest.raises(InvalidArgumentError, match="leading dimension of 5 chips"):
        ProgrammedDevices(PCM(), chips.g_prog, chips.nu, n_chips=5)
    with pytest.raises(InvalidArgumentError, match="`nu` must have the shape"):
        ProgrammedDevices(PCM(), chips.g_prog, chips.nu[0])


def test_stuck_devices_keep_a_random_conductance_and_do_not_drift():
    n, share = 40_000, 0.04
    source = torch.Generator().manual_seed(3)
    target = torch.full((n,), 12.5)
    chip = ProgrammedDevices.program(PCM(prog_noise_scale=0.0), target, generator=source)
    stuck = chip.with_stuck(share, generator=source)
    moved = (stuck.g_prog != chip.g_prog).nonzero().flatten()
    assert abs(len(moved) / n - share) < 5 * math.sqrt(share * (1 - share) / n)
    values = stuck.g_prog[moved]
    std = 25.0 / math.sqrt(12.0)
    assert abs(float(values.mean()) - 12.5) < 5 * std / math.sqrt(len(moved))
    assert values.min() < 0.5
    assert values.max() > 24.5
    year = stuck.drift(31536000.0)
    assert (year[moved] == values).all()
    assert (year[stuck.nu > 0] < 12.5).all()
    assert (chip.with_stuck(0.0, generator=source).g_prog == chip.g_prog).all()
