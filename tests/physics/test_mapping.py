import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError, PhysicalRangeError
from analognas.physics import (
    PCM,
    DifferentialPair,
    MultiPair,
    ProgrammedDevices,
    ReRAMCMO,
    SingleDevice,
    normalize_weights,
)

MAPPINGS = [DifferentialPair(), MultiPair(), MultiPair(significance=(1.0, 0.25)), SingleDevice()]
DEVICES = [PCM(), ReRAMCMO()]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.sampled_from(MAPPINGS),
    st.sampled_from(DEVICES),
    st.sampled_from([torch.float32, torch.float64]),
    st.lists(st.floats(-1.0, 1.0, width=32), min_size=6, max_size=6),
)
def test_weights_survive_the_round_trip(mapping, device, dtype, values):
    w = torch.tensor(values, dtype=dtype).reshape(2, 3)
    g = mapping.to_conductances(w, device)
    assert g.shape == (mapping.n_devices, 2, 3)
    assert g.dtype == dtype
    assert float(g.min()) >= device.g_min * (1 - 1e-6)
    assert float(g.max()) <= device.g_max * (1 + 1e-6)
    back = mapping.to_weights(g, device)
    # Conductances near g_max carry the rounding of g_max / (g_max - g_min).
    torch.testing.assert_close(back, w, rtol=0.0, atol=8 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("mapping", MAPPINGS, ids=repr)
def test_leading_dimensions_are_kept(mapping):
    w = torch.rand(5, 4, 2, 3) * 2 - 1
    g = mapping.to_conductances(w, PCM())
    assert g.shape == (5, 4, mapping.n_devices, 2, 3)
    assert mapping.to_weights(g, PCM()).shape == w.shape


@pytest.mark.parametrize("mapping", MAPPINGS, ids=repr)
@pytest.mark.parametrize("device", DEVICES, ids=["PCM", "CMO"])
def test_a_mapped_tile_can_be_programmed_as_many_chips(mapping, device):
    w = torch.linspace(-1.0, 1.0, 12).reshape(3, 4)
    generator = torch.Generator().manual_seed(0)
    g = mapping.to_conductances(w, device)
    chips = ProgrammedDevices.program(device, g, generator=generator, n_chips=25)
    back = mapping.to_weights(chips.read([1.0, 60.0], generator=generator), device)
    assert back.shape == (2, 25, 3, 4)
    assert abs(float(back.mean())) < 0.2


def test_pair_puts_signs_on_different_devices():
    g = DifferentialPair().to_conductances(torch.tensor([[0.5, -0.5, 0.0]]), ReRAMCMO())
    middle = 9.0 + 0.5 * 79.2
    expected = torch.tensor([[[middle, 9.0, 9.0]], [[9.0, middle, 9.0]]])
    torch.testing.assert_close(g, expected)


def test_devices_of_a_pair_have_their_own_noise_and_exponent():
    """The idle device is programmed and drifts: every |w| shrinks by 0.105 µS on average."""
    n = 200_000
    w = torch.full((1, n), 0.4, dtype=torch.float64)
    chip = ProgrammedDevices.program(
        PCM(),
        DifferentialPair().to_conductances(w, PCM()),
        generator=torch.Generator().manual_seed(0),
    )
    back = DifferentialPair().to_weights(chip.g_prog, PCM())
    sigma_idle, sigma = 0.26348, 0.26348 + 1.9650 * 0.4 - 1.1731 * 0.16
    idle_mean = sigma_idle / math.sqrt(2 * math.pi)
    variance = sigma**2 + sigma_idle**2 * (0.5 - 1 / (2 * math.pi))
    expected = 0.4 - idle_mean / 25.0
    se = math.sqrt(variance / n) / 25.0
    assert abs(float(back.mean()) - expected) < 5.0 * se
    assert abs(float(back.mean()) - 0.4) > 5.0 * se
    correlation = torch.corrcoef(chip.nu.reshape(2, n))[0, 1]
    assert abs(float(correlation)) < 5.0 / math.sqrt(n)
    assert float(chip.nu[1].mean()) > 1.5 * float(chip.nu[0].mean())


@pytest.mark.parametrize(
    ("significance", "factor"),
    [((1.0,), 1.0), ((1.0, 1.0), 0.5), ((1.0, 0.25), 1.0625 / 1.5625), ((1.0,) * 4, 0.25)],
)
def test_pairs_average_the_noise_of_their_devices(significance, factor):
    n = 100_000
    mapping, device = MultiPair(significance=significance), PCM()
    w = torch.full((1, n), 0.6, dtype=torch.float64)
    g = device.program(
        mapping.to_conductances(w, device), generator=torch.Generator().manual_seed(0)
    )
    sigma = 0.26348 + 1.9650 * 0.6 - 1.1731 * 0.36
    one_pair = sigma**2 + 0.26348**2 * (0.5 - 1 / (2 * math.pi))
    expected = math.sqrt(one_pair * factor) / 25.0
    std = float(mapping.to_weights(g, device).std())
    assert abs(std - expected) < 5.0 * expected / math.sqrt(2 * n)
    assert abs(1.05 * std - expected) > 5.0 * expected / math.sqrt(2 * n)


def test_normalize():
    weight = torch.tensor([[1.0, -4.0], [0.5, 0.0]])
    w_rel, scale = normalize_weights(weight)
    assert float(scale) == 4.0
    torch.testing.assert_close(w_rel * scale, weight)
    w_rel, scale = normalize_weights(weight, per_column=True)
    assert scale.flatten().tolist() == [4.0, 0.5]
    assert float(w_rel.abs().amax(dim=-1).min()) == 1.0
    zeros, scale = normalize_weights(torch.zeros(2, 2))
    assert not zeros.any()
    assert float(scale) == 1.0
    stack, scale = normalize_weights(torch.stack([weight, 2 * weight]))
    assert scale.flatten().tolist() == [4.0, 8.0]
    assert torch.equal(stack[0], stack[1])


def test_bad_weights():
    for mapping in MAPPINGS:
        for value in (1.5, -1.0001, math.nan):
            with pytest.raises(
                PhysicalRangeError, match=r"`w_rel` must be in \[-1, 1\] \(no unit\)"
            ):
                mapping.to_conductances(torch.full((2, 2), value), PCM())
        with pytest.raises(InvalidArgumentError, match=r"must have the shape \(\*, out, in\)"):
            mapping.to_conductances(torch.ones(3), PCM())
        with pytest.raises(
            InvalidArgumentError, match=r"`g` must have the shape \(\*, \d, out, in\)"
        ):
            mapping.to_weights(torch.ones(3, 2, 2), PCM())
    with pytest.raises(PhysicalRangeError, match="`weight` must be finite"):
        normalize_weights(torch.full((2, 2), math.inf))
    with pytest.raises(
        PhysicalRangeError, match=r"`significance\[1\]` must be a finite number greater"
    ):
        MultiPair(significance=(1.0, 0.0))
    with pytest.raises(InvalidArgumentError, match="`significance` must be a list"):
        MultiPair(significance=())
