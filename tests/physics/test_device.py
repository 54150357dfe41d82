"""What every model does the same way: exact limits, scales, shapes, types, streams, order."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError, PhysicalRangeError
from analognas.core.normal_draws import fill_normal
from analognas.physics import DEVICES, PCM, Device, PowerLawDevice, ProgrammedDevices

NAMES = DEVICES.names()
RTOL = {torch.float32: 1e-5, torch.float64: 1e-12}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def targets(device, n=101, dtype=torch.float64):
    """From g_min to g_max, both ends exact."""
    return torch.linspace(device.g_min, device.g_max, n, dtype=dtype).clamp_(
        device.g_min, device.g_max
    )


def times(device):
    first, last = device.t_range
    return [first, max(first, 1.0), 3600.0, 86400.0, min(last, 31536000.0)]


@pytest.fixture(params=NAMES)
def device(request):
    return DEVICES.get(request.param)


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


def test_without_spread_programming_is_exact(device, dtype):
    g = targets(device, dtype=dtype)
    exact = device.replace(prog_noise_scale=0.0)
    assert torch.equal(exact.program(g, generator=seeded()), g)


def normal(shape, dtype, generator):
    """The numbers that devices draw: compiled in float32, torch's otherwise."""
    if dtype == torch.float32:
        return fill_normal(torch.empty(shape), generator)
    return torch.randn(shape, dtype=dtype, generator=generator)


def test_programming_is_target_plus_std_times_normal(device, dtype):
    g = targets(device, dtype=dtype)
    xi = normal(g.shape, dtype, seeded())
    expected = (g + torch.as_tensor(device.programming_std(g)) * xi).clamp(min=0.0)
    programmed = device.program(g, generator=seeded())
    torch.testing.assert_close(programmed, expected, rtol=RTOL[dtype], atol=1e-6)


def test_fixed_exponent_drifts_by_the_closed_form(dtype):
    for device in (DEVICES.get(name) for name in NAMES):
        if not isinstance(device, PowerLawDevice):
            continue
        g = targets(device, dtype=dtype)
        nu = torch.full_like(g, 0.06)
        for t in times(device):
            expected = g * ((t + device.t_0) / device.t_0) ** -0.06
            torch.testing.assert_close(device.drift(g, nu, t), expected, rtol=RTOL[dtype], atol=0.0)


def test_at_the_first_time_nothing_has_drifted_at_t_0(device, dtype):
    g = targets(device, dtype=dtype)
    chip = ProgrammedDevices.program(device, g, generator=seeded())
    if device.t_range[0] == 0.0:
        assert torch.equal(chip.drift(0.0), chip.g_prog)


def test_a_device_at_zero_stays_there(device):
    zero, nu = torch.zeros(5), torch.full((5,), 0.1)
    if isinstance(device, PowerLawDevice):
        drifted = device.drift(zero, nu, 3600.0)
        assert torch.equal(drifted, zero)
        assert torch.equal(device.read(drifted, 3600.0, g_prog=zero, generator=seeded()), zero)


def test_reading_is_drift_plus_std_times_normal(device, dtype):
    chip = ProgrammedDevices.program(device, targets(device, dtype=dtype), generator=seeded())
    for t in times(device):
        g = chip.drift(t)
        std = torch.as_tensor(device.read_std(g, device.read_q(chip.g_prog)))
        growth = math.sqrt(math.log((t + device.t_0 + device.t_read) / (2.0 * device.t_read)))
        xi = normal(g.shape, dtype, seeded(1))
        expected = (g + std * growth * xi).clamp(min=0.0)
        torch.testing.assert_close(
            chip.read(t, generator=seeded(1)), expected, rtol=RTOL[dtype], atol=1e-5
        )


def test_chip_and_separate_calls_are_the_same(device, dtype):
    g = targets(device, dtype=dtype).repeat(700)  # more than one block
    generator = seeded()
    chip = ProgrammedDevices.program(device, g, generator=generator)
    t = times(device)[2]
    reading = chip.read(t, generator=generator)

    generator = seeded()
    g_prog = device.program(g, generator=generator)
    nu = device.draw_nu(g, generator=generator)
    g_drift = device.drift(g_prog, nu, t)
    assert torch.equal(chip.g_prog, g_prog)
    assert torch.equal(chip.nu, nu)
    assert torch.equal(chip.drift(t), g_drift)
    separate = device.read(g_drift, t, g_prog=g_prog, generator=generator)
    assert torch.equal(reading, separate)


def test_the_same_seed_gives_the_same_chip_and_another_seed_another(device):
    g = targets(device)
    first, again, other = (
        ProgrammedDevices.program(device, g, generator=seeded(s)) for s in (0, 0, 1)
    )
    assert torch.equal(first.g_prog, again.g_prog)
    assert torch.equal(first.nu, again.nu)
    if torch.as_tensor(device.programming_std(g)).any():
        assert not torch.equal(first.g_prog, other.g_prog)


def test_no_global_random_state_is_used(device):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    chip = ProgrammedDevices.program(device, targets(device), generator=seeded())
    chip.read(times(device)[1], generator=seeded())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("scale", ["prog_noise_scale", "read_noise_scale", "drift_scale"])
def test_each_scale_alone_switches_its_effect_off(device, scale):
    """And only its own: the draws of the others are as they were."""
    g = targets(device)
    off = device.replace(**{scale: 0.0})
    full, chip = (ProgrammedDevices.program(d, g, generator=seeded()) for d in (device, off))
    t = times(device)[2]
    tolerance = {"rtol": 1e-12, "atol": 1e-12}
    if scale == "prog_noise_scale":
        assert torch.equal(chip.g_prog, g)
        assert torch.equal(chip.nu, full.nu)
        return
    assert torch.equal(chip.g_prog, full.g_prog)
    assert torch.equal(chip.nu, full.nu)
    if scale == "drift_scale":
        torch.testing.assert_close(chip.drift(t), chip.g_prog, **tolerance)
    else:
        torch.testing.assert_close(chip.read(t, generator=seeded(2)), full.drift(t), **tolerance)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(
    st.sampled_from(NAMES),
    st.integers(0, 2**31),
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=8),
)
def test_without_read_noise_time_only_lowers_a_power_law(name, seed, shares):
    device = DEVICES.get(name)
    if not isinstance(device, PowerLawDevice):
        return
    chip = ProgrammedDevices.program(device, targets(device, 33), generator=seeded(seed))
    through = chip.drift([math.expm1(share * math.log(1e9)) for share in sorted(shares)])
    assert bool((through.diff(dim=0) <= 0.0).all())
    assert bool((through >= 0.0).all())


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.sampled_from(NAMES), st.randoms(use_true_random=False), st.floats(0.0, 1.0))
def test_the_order_of_devices_does_not_matter(name, random, share):
    device = DEVICES.get(name)
    g_prog = targets(device, 41)
    nu = torch.linspace(0.0, 0.2, 41, dtype=torch.float64)
    if not isinstance(device, PowerLawDevice):
        nu = g_prog.flip(0)
    order = list(range(41))
    random.shuffle(order)
    first, last = device.t_range
    t = max(first, share * min(last, 1e8))
    # To the last bit but one: a device at the end of a vector register takes the scalar code.
    last_bits = {"rtol": 1e-14, "atol": 1e-15}
    shuffled = device.drift(g_prog[order], nu[order], t)
    torch.testing.assert_close(device.drift(g_prog, nu, t)[order], shuffled, **last_bits)
    for law in (device.programming_std, device.read_q, lambda g: device.nu_moments(g)[0]):
        values, shuffled = law(g_prog), law(g_prog[order])
        if isinstance(values, torch.Tensor):
            torch.testing.assert_close(values[order], shuffled, **last_bits)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(
    st.sampled_from(NAMES), st.integers(0, 2**31), st.integers(1, 6), st.sampled_from([7, 70_000])
)
def test_chips_in_one_call_are_the_loop_over_split_generators(name, seed, n_chips, n):
    from analognas.physics import split_generator

    device = DEVICES.get(name)
    g = targets(device, n, torch.float32)
    at_once = ProgrammedDevices.program(device, g, generator=seeded(seed), n_chips=n_chips)
    children = split_generator(seeded(seed), n_chips)
    looped = [ProgrammedDevices.program(device, g, generator=child) for child in children]
    assert torch.equal(at_once.g_prog, torch.stack([chip.g_prog for chip in looped]))
    assert torch.equal(at_once.nu, torch.stack([chip.nu for chip in looped]))
    t = [times(device)[2], times(device)[0]]
    readings = at_once.read(t, generator=seeded(seed + 1))
    children = split_generator(seeded(seed + 1), n_chips)
    one_by_one = [chip.read(t, generator=c) for chip, c in zip(looped, children, strict=True)]
    assert torch.equal(readings, torch.stack(one_by_one, dim=1))


def test_results_carry_no_gradient_and_keep_type_and_shape(dtype):
    g = torch.full((2, 3, 4), 5.0, dtype=dtype, requires_grad=True)
    chip = ProgrammedDevices.program(PCM(), g, generator=seeded(), n_chips=3)
    for tensor in (chip.g_prog, chip.nu, chip.drift(1.0), chip.read(1.0, generator=seeded())):
        assert tensor.shape == (3, 2, 3, 4)
        assert tensor.dtype == dtype
        assert not tensor.requires_grad


def test_views_and_empty_tensors():
    g = torch.rand(6, 8, generator=seeded()) * 25.0
    dense = PCM().program(g.T.contiguous(), generator=seeded(1))
    assert torch.equal(PCM().program(g.T, generator=seeded(1)), dense)
    assert PCM().program(torch.empty(0, 3), generator=seeded()).shape == (0, 3)
    chips = ProgrammedDevices.program(PCM(), torch.empty(0), generator=seeded(), n_chips=2)
    assert chips.read([1.0, 2.0], generator=seeded()).shape == (2, 2, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("g_max", -1.0),
        ("g_max", math.nan),
        ("t_0", 0.0),
        ("t_read", 0.0),
        ("prog_noise_scale", -0.1),
        ("drift_scale", math.inf),
    ],
)
def test_entries_have_bounds(field, value):
    with pytest.raises(PhysicalRangeError) as caught:
        PCM(**{field: value})
    assert caught.value.parameter == field
    assert caught.value.value is value


def test_errors_name_the_unit_and_the_bound():
    text = r"`g_max` must be a finite number greater than 0.0 \(µS\), but got -1.0\."
    with pytest.raises(PhysicalRangeError, match=text):
        PCM(g_max=-1.0)


@pytest.mark.parametrize("g_min", [30.0, 25.0])
def test_g_min_is_below_g_max(g_min):
    with pytest.raises(PhysicalRangeError, match=r"`g_m.*µS"):
        PCM(g_min=g_min)


def test_other_types_are_refused():
    with pytest.raises(InvalidArgumentError) as caught:
        PCM(read_noise_scale="x")
    assert caught.value.parameter == "read_noise_scale"


def test_a_law_of_the_wrong_shape_is_refused():
    class Broken(PCM):
        def programming_std(self, g_target):
            return g_target[:1]

    with pytest.raises(ValueError, match="A law must return a number or a tensor of shape"):
        Broken().program(torch.ones(4), generator=seeded())


def test_models_are_frozen_and_compare_by_value():
    assert PCM() == PCM()
    assert PCM() != PCM(g_max=20.0)
    with pytest.raises(ValueError, match="frozen"):
        PCM().g_max = 3.0
    with pytest.raises(TypeError):
        Device()
