"""Device models from measurements: recovery of known devices, and what data do not tell."""

import numpy as np
import pytest
import torch
from scipy import stats

from analognas.core import AnalogNASError, InvalidArgumentError, PhysicalRangeError
from analognas.nn import AnalogConfig
from analognas.physics import (
    PCM,
    FittedPowerLaw,
    FittedRelaxation,
    Hermes,
    ProgrammedDevices,
    ReRAMWan2022,
    find_device,
)
from analognas.physics.fitting import Measurements, fit_device, simulate_measurements
from analognas.physics.fitting.resampling import bootstrap_interval, std_polynomial

TIMES = (1.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0, 604800.0, 2592000.0)


def simulated(device, n=200, times=TIMES, seed=0, k=12):
    targets = np.linspace(device.g_max / k, device.g_max, k).tolist()
    generator = torch.Generator().manual_seed(seed)
    return simulate_measurements(device, targets, times, n, generator=generator)


def distance(found, name, truth):
    """How many standard errors, by the interval, a number is off the truth."""
    numbers = found.select(name)
    value = np.array([number.value for number in numbers])
    error = np.array([number.high - number.low for number in numbers]) / 3.92
    return (value - np.asarray(truth)) / error


@pytest.mark.parametrize("device", [PCM(), Hermes()], ids=["PCM", "Hermes"])
def test_a_power_law_is_recovered(device):
    data = simulated(device)
    found = fit_device(data, t_0=device.t_0, t_read=device.t_read, bootstrap=300)
    g = torch.from_numpy(data.targets)
    mean, std = device.nu_moments(g)
    truth = {
        "nu_means": mean,
        "nu_stds": std,
        "read_qs": device.read_q(g),
        "programming_std": device.programming_std(g),
    }
    assert found.model == "power-law"
    for name, values in truth.items():
        assert np.abs(distance(found, name, values)).max() < 5.0, name
    # The distances see a law that is 40 % off.
    assert np.abs(distance(found, "nu_stds", 1.4 * std)).max() > 5.0
    assert np.abs(distance(found, "programming_std", 1.4 * truth["programming_std"])).max() > 5.0


def test_intervals_cover_the_truth():
    device, hits, short = PCM(), [], []
    for seed in range(8):
        data = simulated(device, n=100, times=TIMES[::2], seed=seed, k=4)
        found = fit_device(data, model="power-law", bootstrap=200, seed=seed, degree=2)
        g = torch.from_numpy(data.targets)
        mean, std = device.nu_moments(g)
        sigma = device.programming_std(g)
        for name, truth in (("nu_means", mean), ("nu_stds", std), ("programming_std", sigma)):
            z = np.abs(distance(found, name, truth))
            hits += (z < 1.96).tolist()
            short += (z < 0.4 * 1.96).tolist()
    # 95 % of 96 numbers, less 5 standard errors of sqrt(0.95 * 0.05 / 96).
    assert np.mean(hits) > 0.84
    assert np.mean(short) < 0.84  # intervals of 40 % of the length are seen


def test_a_relaxation_is_recovered():
    device = ReRAMWan2022()
    times = (1.0, 60.0, 3600.0, 86400.0)
    data = simulated(device, times=times)
    found = fit_device(data, bootstrap=300)
    assert found.model == "relaxation"
    for t in times:
        truth = device._spread(torch.from_numpy(data.targets), t).numpy()
        numbers = found.select("spread", time=t)
        error = [(number.high - number.low) / 3.92 for number in numbers]
        assert np.abs(([n.value for n in numbers] - truth) / error).max() < 5.0


def test_the_fitted_device_has_the_statistics_of_the_one_that_was_measured():
    device = PCM()
    found = fit_device(simulated(device, n=400), t_read=device.t_read, bootstrap=0)
    g = torch.full((10000,), 0.5 * device.g_max, dtype=torch.float64)
    seen = []
    for model in (device, found.device):
        generator = torch.Generator().manual_seed(1)
        read = ProgrammedDevices.program(model, g, generator=generator).read(
            [86400.0], generator=generator
        )[0]
        seen.append((float(read.mean()), float(read.std())))
    assert seen[1][0] == pytest.approx(seen[0][0], rel=0.02)
    assert seen[1][1] == pytest.approx(seen[0][1], rel=0.1)


def test_an_interval_is_that_of_student():
    generator = np.random.default_rng(0)
    data = generator.normal(5.0, 2.0, 20)
    draws = generator.integers(0, 20, (20000, 20))
    samples = np.concatenate([[data.mean()], data[draws].mean(axis=1)])[:, None]
    low, high = bootstrap_interval(samples, 0.95, 20)
    wanted = stats.t.interval(0.95, 19, data.mean(), data.std(ddof=1) / np.sqrt(20))
    # The error of a bootstrap's standard error of 1 / sqrt(2 B), five times.
    assert [low[0], high[0]] == pytest.approx(wanted, abs=5 * (wanted[1] - wanted[0]) / 400)


def test_an_interval_of_a_standard_deviation_is_that_of_its_logarithm():
    generator = np.random.default_rng(0)
    samples = np.exp(generator.normal(0.0, 0.1, (1001, 1)))
    samples[0] = 1.0
    low, high = bootstrap_interval(samples, 0.95, 1000, positive=True)
    assert low[0] * high[0] == pytest.approx(1.0)
    assert np.log(high[0]) == pytest.approx(1.96 * 0.1, rel=0.15)
    assert bootstrap_interval(10.0 * samples, 0.95, 1000, positive=True)[1] == pytest.approx(
        10 * high
    )
    samples[1:200] = 0.0  # no logarithm: percentiles
    assert bootstrap_interval(samples, 0.95, 1000, positive=True)[0] == 0.0


def test_a_polynomial_of_exact_variances_is_exact():
    r = np.linspace(0.1, 1.0, 12)
    truth = np.array([0.26, 1.97, -1.17, 0.0])
    variance = np.polynomial.polynomial.polyval(r, truth)[None] ** 2
    found = std_polynomial(variance, 0.1 * variance, np.full(12, 200.0), r, 3)
    np.testing.assert_allclose(found[0], truth, atol=1e-6)


def test_the_file_is_taken_wherever_a_device_is(tmp_path):
    found = fit_device(simulated(PCM(), n=50, k=4), bootstrap=20)
    found.save(tmp_path)
    device = find_device(str(tmp_path / "device.yaml"))
    assert device == found.device
    config = AnalogConfig(device=device)
    config.save(tmp_path / "analog.yaml")
    assert AnalogConfig.load(tmp_path / "analog.yaml") == config
    assert (tmp_path / "fit.json").read_text().count('"nu_means"') == 4 + 1


def test_equal_seeds_give_equal_fits():
    data = simulated(PCM(), n=30, k=3)
    assert fit_device(data, bootstrap=20).to_dict() == fit_device(data, bootstrap=20).to_dict()


def test_missing_readings_are_said_and_change_little():
    data = simulated(PCM(), n=400, k=4)
    holes = np.random.default_rng(0).random(data.conductance.shape) < 0.1
    thinned = Measurements(
        data.target,
        data.device,
        data.time,
        np.where(holes, np.nan, data.conductance),
        int(holes.sum()),
    )
    whole, found = (fit_device(x, bootstrap=50, model="power-law") for x in (data, thinned))
    assert f"{int(holes.sum()):,} of 12,800 readings are missing" in found.remarks[0]
    assert np.abs(distance(found, "nu_means", whole.device.nu_means)).max() < 3.0


def test_few_devices_are_said():
    found = fit_device(simulated(PCM(), n=10, k=3), bootstrap=20)
    assert any("3 of 3 targets have fewer than 30 devices" in text for text in found.remarks)


def test_drift_that_follows_no_power_law_is_said():
    data = simulated(PCM(), k=4)
    bent = data.conductance * np.where(data.time > 1e5, 0.8, 1.0)
    broken = Measurements(data.target, data.device, data.time, bent)
    found = fit_device(broken, bootstrap=20, model="power-law")
    assert any("do not follow a power law in t + t_0" in text for text in found.remarks)
    good = fit_device(data, bootstrap=20, model="power-law")
    assert not any("power law in t" in text for text in good.remarks)


def test_an_offset_of_programming_is_said():
    data = simulated(PCM(), k=4)
    moved = Measurements(data.target, data.device, data.time, 1.1 * data.conductance)
    found = fit_device(moved, bootstrap=20, model="power-law")
    assert any("off its target" in text for text in found.remarks)


def test_devices_may_be_read_at_their_own_times():
    data = simulated(PCM(), k=4)
    jitter = np.random.default_rng(0).uniform(0.999, 1.001, data.time.shape)
    own = Measurements(data.target, data.device, data.time * jitter, data.conductance)
    found = fit_device(own, bootstrap=50)
    assert (
        np.abs(
            distance(found, "nu_means", PCM().nu_moments(torch.from_numpy(own.targets))[0])
        ).max()
        < 5.0
    )
    with pytest.raises(InvalidArgumentError, match="read at different times"):
        fit_device(own, model="relaxation")


def test_two_times_and_one_target_are_enough():
    found = fit_device(simulated(PCM(), times=(1.0, 86400.0), k=1), bootstrap=20)
    assert found.device.read_qs == (0.0,)
    assert any("Read noise is not known" in text for text in found.remarks)
    assert found.select("read_qs") == []
    assert any("allow a polynomial of degree 0" in text for text in found.remarks)


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ({"g_max": 10.0}, "`g_max` must be in .*largest target.*10.0 µS"),
        ({"t_0": 0.0, "model": "power-law"}, "`t_0` must be positive"),
        ({"bootstrap": -1}, "`bootstrap` must be an integer of at least 0"),
        ({"model": "powerlaw"}, "power-law"),
        ({"degre": 2}, "degree"),
    ],
)
def test_wrong_settings(entries, text):
    with pytest.raises(AnalogNASError, match=text):
        fit_device(simulated(PCM(), n=10, k=3), **entries)


def test_zero_is_no_time_of_a_relaxation():
    with pytest.raises(InvalidArgumentError, match="first time is 0 s"):
        fit_device(simulated(PCM(), n=10, k=3, times=(0.0, 1.0, 60.0)), model="relaxation")


def test_fitted_laws_are_checked():
    with pytest.raises(PhysicalRangeError, match="prog_coeffs at g / g_max = 1` must be"):
        FittedPowerLaw(prog_coeffs=(0.1, -1.0))
    with pytest.raises(InvalidArgumentError, match="all positive or all 0"):
        FittedPowerLaw(
            g_points=(1.0, 2.0), nu_means=(0.1, 0.1), nu_stds=(0.0, 0.0), read_qs=(0.0, 0.1)
        )
    with pytest.raises(
        InvalidArgumentError, match="`nu_means` must have one number for each of the 2"
    ):
        FittedPowerLaw(g_points=(1.0, 2.0))
    with pytest.raises(InvalidArgumentError, match="one row for each of the 2 times"):
        FittedRelaxation(times=(1.0, 2.0))
    with pytest.raises(InvalidArgumentError, match="positive and in ascending order"):
        FittedRelaxation(times=(2.0, 1.0), spread_coeffs=((0.1,), (0.1,)), shifts=((0.0,), (0.0,)))


def test_read_noise_is_interpolated_on_logarithmic_axes():
    device = FittedPowerLaw(
        g_points=(1.0, 16.0), nu_means=(0.1, 0.1), nu_stds=(0.0, 0.0), read_qs=(0.04, 0.01)
    )
    q = device.read_q(torch.tensor([4.0, 64.0, 1e-3], dtype=torch.float64))
    np.testing.assert_allclose(q, [0.02, 0.005, 0.08], rtol=1e-12)


def test_a_relaxation_between_its_times():
    device = FittedRelaxation(
        g_max=10.0,
        times=(1.0, 100.0),
        spread_coeffs=((1.0,), (3.0,)),
        g_points=(10.0,),
        shifts=((0.0,), (-1.0,)),
    )
    g = torch.tensor([5.0])
    moved = device.drift(torch.tensor([6.0]), g, 10.0)  # spread 2, shift -0.5
    torch.testing.assert_close(moved, torch.tensor([6.5]))
    assert device.t_range == (1.0, 100.0)
    with pytest.raises(PhysicalRangeError, match="`t` must be in"):
        device.drift(torch.tensor([6.0]), g, 101.0)
