"""Fits of measurements that are no clean power law: without spread, with failures, resets and few devices."""

import warnings

import numpy as np
import pytest
import torch

from analognas.core import InvalidArgumentError, PhysicalRangeError
from analognas.physics import PCM, FittedPowerLaw, PowerLaw, ReRAMCMO, ReRAMWan2022, find_device
from analognas.physics.fitting import Measurements, fit_device, simulate_measurements
from analognas.physics.fitting.preparation import without_failures
from analognas.physics.fitting.resampling import bootstrap_interval, is_std, lifted, std_polynomial

TIMES = (1.0, 60.0, 3600.0, 21600.0, 86400.0, 2592000.0)
TARGETS = (2.5, 5.0, 10.0, 25.0)


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def simulated(device=None, n=15, targets=TARGETS, times=TIMES, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return simulate_measurements(device or PCM(), targets, times, n, generator=generator)


def made(law, n=15, targets=TARGETS, noise=0.01):
    """Return conductances of a law of target and time with relative noise."""
    rng = np.random.default_rng(0)
    g, d, t = (x.ravel() for x in np.meshgrid(targets, np.arange(n), TIMES, indexing="ij"))
    return Measurements.from_arrays(g, d, t, law(g, t) * (1 + noise * rng.standard_normal(len(g))))


def said(found, text):
    return any(text in remark for remark in found.remarks)


LAWS = {
    "step": lambda g, t: g * np.where(t < 3600, 1.0, 0.3),
    "rising": lambda g, t: g * (1 + 0.05 * np.log(1 + t)),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_data_that_follow_no_power_law_are_fitted_and_it_is_said(law):
    found = fit_device(made(law), bootstrap=20)
    assert found.model == "relaxation"
    assert said(found, "do not follow a power law in t + t_0: its AIC is")
    assert [c.passed for c in found.checks if c.name == "power law in time"] == [False]


def test_data_without_spread_give_a_model_without_spread():
    found = fit_device(made(lambda g, t: g, noise=0.0), bootstrap=20)
    assert max(map(abs, found.device.prog_coeffs)) < 1e-9
    assert found.device.read_qs == (0.0,) * 4
    assert not said(found, "not normal")


@pytest.mark.parametrize("model", ["power-law", "relaxation"])
@pytest.mark.parametrize("n", [2, 10])
def test_an_exact_power_law_is_fitted(model, n):
    found = fit_device(simulated(PowerLaw(), n=n), bootstrap=20, model=model)
    numbers = [[q.value, q.low, q.high] for q in found.quantities]
    assert np.isfinite(numbers).all()
    if model == "power-law":
        nu = PowerLaw(t_0=20.0)
        again = fit_device(simulated(nu, n=n), bootstrap=0, model=model)
        np.testing.assert_allclose(again.device.nu_means, nu.nu, rtol=1e-6)


@pytest.mark.parametrize(
    "device", [PCM(), ReRAMWan2022(), ReRAMCMO()], ids=lambda d: type(d).__name__
)
def test_small_experiments_are_fitted(device):
    low = max(device.g_min, 0.1 * device.g_max)
    for n, k, seed in ((2, 8, 0), (3, 5, 1), (5, 3, 2)):
        targets = np.linspace(low, device.g_max, k).tolist()
        data = simulated(
            device, n=n, targets=targets, times=(1.0, 60.0, 3600.0, 86400.0), seed=seed
        )
        found = fit_device(data, bootstrap=10)
        numbers = np.array([[q.value, q.low, q.high] for q in found.quantities])
        assert np.isfinite(numbers).all()
        stds = [q for q in found.quantities if q.name in ("programming_std", "spread")]
        assert min(min(q.low, q.value) for q in stds) >= 0.0


def test_a_std_has_the_sign_that_makes_it_positive():
    r = np.linspace(0.1, 1.0, 5)
    coeffs = std_polynomial(np.ones((1, 5)), np.zeros((1, 5)), np.full(5, 10.0), r, 0)
    assert coeffs[0, 0] == pytest.approx(1.0)
    rough = np.array([[-0.5, 0.5, 0.5, -0.5, -0.5]])
    assert std_polynomial(rough, np.zeros((1, 5)), np.full(5, 10.0), r, 0)[0, 0] >= 0.0


def test_rounding_is_not_negative():
    r = np.array([0.1, 1.0])
    assert is_std(np.array([0.1 - 1e-17, -1.0, 1.0]) * 1e-3, np.array([0.1, 0.1]))
    assert not is_std(np.array([-0.01, 0.02]), r)
    assert is_std(lifted(np.array([-0.01, 0.02]), r), r)
    device = FittedPowerLaw(
        prog_coeffs=(-1e-17, 1.0),
        g_points=(0.0, 25.0),
        nu_means=(0.1, 0.1),
        nu_stds=(0.0, 0.0),
        read_qs=(0.0, 0.0),
    )
    assert float(device.programming_std(torch.tensor([0.0]))) == 0.0
    with pytest.raises(PhysicalRangeError, match="prog_coeffs at g / g_max"):
        device.replace(prog_coeffs=(-1e-3, 1.0))


def test_one_device_has_no_spread():
    data = simulated(n=1)
    with pytest.raises(
        InvalidArgumentError, match="Each target needs at least two devices, but none of the 4"
    ):
        fit_device(data)
    more = simulated(n=10)
    both = Measurements(
        np.r_[more.target, 20.0],
        (*more.device, "x"),
        np.vstack([more.time, more.time[:1]]),
        np.vstack([more.conductance, more.conductance[-1:]]),
    )
    found = fit_device(both, bootstrap=10)
    assert said(found, "1 of 5 targets have one device")
    assert found.device.g_points == TARGETS


def test_devices_at_0_give_the_programming_noise_there(tmp_path):
    generator = torch.Generator().manual_seed(0)
    device = PCM()
    data = simulate_measurements(device, (0.0, *TARGETS), TIMES, 400, generator=generator)
    found = fit_device(data, bootstrap=50)
    assert found.device.g_points[0] == 0.0
    at_0 = found.select("programming_std")[0]
    assert at_0.target == 0.0
    truth = float(device.programming_std(torch.tensor([0.0]))[0])
    assert abs(at_0.value - truth) < 5.0 * (at_0.high - at_0.low) / 3.92
    assert said(found, "400 devices at 0 µS give the programming noise there")
    found.save(tmp_path)
    assert find_device(str(tmp_path / "device.yaml")) == found.device
    g = torch.tensor([0.0, 1e-3, 1.0])
    assert torch.isfinite(torch.as_tensor(found.device.read_q(g))).all()
    with pytest.raises(InvalidArgumentError, match="above 0 µS, but all are 0"):
        fit_device(data.of(data.target == 0.0))


def test_a_relaxation_takes_devices_at_0():
    data = simulated(
        ReRAMWan2022(), n=60, targets=(0.0, 10.0, 20.0, 40.0), times=(1.0, 60.0, 3600.0)
    )
    found = fit_device(data, bootstrap=10)
    assert found.model == "relaxation"
    assert found.device.g_points[0] == 0.0


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "read 0 µS"), (200.0, "are far from the others of their target")]
)
def test_devices_that_fail_are_said_and_left_out(value, text):
    data = simulated(n=30)
    failing = np.arange(len(data.target)) % 5 == 1
    broken = Measurements(
        data.target,
        data.device,
        data.time,
        np.where(failing[:, None] & (data.time >= 3600.0), value, data.conductance),
    )
    found = fit_device(broken, bootstrap=10)
    assert found.n_failed == found.to_dict()["failed"] == failing.sum()
    assert said(found, f"{failing.sum()} of {len(failing)} devices {text} from 3,600 s on")
    alone = fit_device(data.of(~failing), bootstrap=10)
    assert found.device == alone.device
    kept = fit_device(broken, bootstrap=0, keep_failed=True)
    assert kept.n_failed == 0


@pytest.mark.parametrize("device", [PCM(), ReRAMWan2022()], ids=["PCM", "ReRAM"])
def test_no_sound_device_counts_as_failed(device):
    targets = np.geomspace(0.01 * device.g_max, device.g_max, 8).tolist()
    data = simulated(
        device, n=100, targets=targets, times=(1.0, 60.0, 3600.0, 21600.0, 86400.0, 172800.0)
    )
    assert without_failures(data)[1] == 0


def test_two_devices_are_too_few_for_checks():
    found = fit_device(simulated(n=2, targets=(2.5,)), bootstrap=10)
    assert {check.passed for check in found.checks if "normality: e" in check.name} == {None}
    assert "not tested" in str(found)
    whole = fit_device(simulated(n=30), bootstrap=10)
    assert all(check.passed is not None for check in whole.checks)


def test_repeated_readings_tell_the_read_noise():
    one = simulated(n=100, times=(1.0, 86400.0))
    two = simulated(n=100, times=(1.0, 1.0, 86400.0, 86400.0))
    assert fit_device(one, bootstrap=0).device.read_qs == (0.0,) * 4
    found = fit_device(two, bootstrap=20)
    truth = PCM().read_q(torch.tensor(TARGETS, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(found.device.read_qs, truth, rtol=0.25)


def test_a_relaxation_is_fitted_to_means_of_repeated_readings():
    times = (1.0, 1.0, 60.0, 60.0, 3600.0, 3600.0)
    data = simulated(ReRAMCMO(), n=200, targets=(20.0, 40.0, 80.0), times=times)
    found = fit_device(data, bootstrap=10, model="relaxation")
    assert found.device.times == (1.0, 60.0, 3600.0)
    once = fit_device(
        simulated(ReRAMCMO(), n=200, targets=(20.0, 40.0, 80.0), times=times[::2]),
        bootstrap=10,
        model="relaxation",
    )
    np.testing.assert_allclose(found.device.read_stds, once.device.read_stds, rtol=0.25)


def test_the_source_of_g_max_is_said():
    data = simulated(targets=(2.5,), n=8)
    assert said(fit_device(data, bootstrap=0), "g_max is 2.5 µS, the largest target")
    assert not said(fit_device(data, bootstrap=0, g_max=25.0), "the largest target")


def test_two_devices_give_wide_but_possible_intervals():
    found = fit_device(simulated(n=2, targets=(2.5,)), bootstrap=100)
    for number in found.quantities:
        assert number.low <= number.value <= number.high
    sigma = found.select("programming_std")[0]
    # 2.5 and 97.5 % of chi-square with one degree of freedom: factors of 0.45 and 32.
    assert sigma.high <= 32.0 * sigma.value
    assert found.select("nu_stds")[0].high > 0.0


def test_intervals_contain_their_number():
    # A sample of 0 makes it an interval of percentiles, all of which are below the estimate.
    samples = np.array([[1.0], [0.0], [0.1], [0.2], [0.1]])
    low, high = bootstrap_interval(samples, 0.95, 10.0, positive=True)
    assert 0.0 <= low[0] < 1.0 <= high[0]
