"""Recovery of known devices by ``fit_device``: how often the intervals contain the truth.

Each repeat simulates 200 devices at each of 12 targets, read at 8 times, with a model of the package, and fits them
with default settings: the fit is not told which model it was. Numbers are the percentage of repeats whose 95 %
interval contains the value of the simulated model, over all targets, times and coefficients of a name; the
standard error beside it is over repeats, because numbers of one repeat depend on each other. ``worst`` is the
lowest percentage of a single number; with 100 repeats and K numbers it lies near 95 - 2.2 sqrt(2 ln K) by chance.

    python benchmarks/device_fit.py [--device PCM] [--repeats 200] [--bootstrap 200]

200 repeats of all four models with 200 bootstrap samples take about 6 minutes of one CPU.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict

import numpy as np
import torch

from analognas.physics import DEVICES, Device, PowerLawDevice, ReRAMCMO, ReRAMWan2022, hermes
from analognas.physics.fitting import fit_device, simulate_measurements
from analognas.physics.fitting.fit import DeviceFit
from analognas.physics.reram import CMO_MEAN_SLOPE, CMO_STD_OFFSET, CMO_STD_SLOPE, wan_coefficients

NAMES = ("PCM", "Hermes", "ReRAMWan2022", "ReRAMCMO")
N_DEVICES, N_TARGETS = 200, 12
DRIFT_TIMES = (1.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0, 604800.0, 2592000.0)
RELAXATION_TIMES = (1.0, 10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0, 172800.0)
CONFIDENCE = 0.95
ROUNDING = 1e-6
"""A read noise below this is none, µS."""


def targets_of(device: Device) -> list[float]:
    """Return 12 equal steps to the largest target, µS."""
    if device.g_min > 0.0:
        return np.linspace(device.g_min, device.g_max, N_TARGETS).tolist()
    return np.linspace(device.g_max / N_TARGETS, device.g_max, N_TARGETS).tolist()


def true_laws(device: Device, targets: list[float], t: float | None) -> dict[str, np.ndarray]:
    """Return the values of the simulated model by the names of the fit."""
    g = torch.tensor(targets, dtype=torch.float64)
    zeros = np.zeros(len(targets))
    if isinstance(device, PowerLawDevice):
        mean, std = device.nu_moments(g)
        coeffs = (
            hermes.FITS[device.n_devices].prog_coeffs
            if isinstance(device, hermes.Hermes)
            else device.prog_coeffs
        )
        return {
            "prog_coeffs": np.array([*coeffs, *[0.0] * (4 - len(coeffs))]),
            "programming_std": device.programming_std(g).numpy(),
            "programming_offset": zeros,
            "nu_means": mean.numpy(),
            "nu_stds": std.numpy(),
            "read_qs": device.read_q(g).numpy(),
        }
    if t is None:
        if not isinstance(device, ReRAMCMO):
            return {"read_stds": zeros}
        # The noise follows the conductance, which falls with time; the fit has the mean over the times.
        mean = [device.read_std((g + CMO_MEAN_SLOPE * math.log(x)), 0.0) for x in RELAXATION_TIMES]
        return {"read_stds": torch.stack(mean).square().mean(dim=0).sqrt().numpy()}
    if isinstance(device, ReRAMWan2022):
        coeffs = np.array(wan_coefficients(t))
        spread = np.polynomial.polynomial.polyval(np.array(targets) / device.g_max, coeffs)
        return {"spread_coeffs": coeffs, "spread": spread, "shifts": zeros}
    assert isinstance(device, ReRAMCMO)
    programming = device.programming_std(g).numpy()
    relaxation = CMO_STD_SLOPE * math.log(t) + CMO_STD_OFFSET
    return {
        "spread": np.sqrt(programming**2 + relaxation**2),
        "shifts": np.full(len(targets), CMO_MEAN_SLOPE * math.log(t)),
    }


def hits_of(
    found: DeviceFit, device: Device, targets: list[float], times: tuple[float, ...]
) -> dict[str, list[bool]]:
    """Return for each name whether each interval contains the truth."""
    whens: tuple[float | None, ...] = (None,) if found.model == "power-law" else (None, *times)
    hits = defaultdict(list)
    for t in whens:
        for name, truth in true_laws(device, targets, t).items():
            same = [quantity for quantity in found.select(name) if quantity.time == t]
            for quantity, value in zip(same, truth, strict=True):
                slack = ROUNDING if value == 0.0 else 0.0
                hits[name].append(quantity.low - slack <= value <= quantity.high + slack)
    return hits


def measure(
    name: str, repeats: int, first_seed: int = 0, bootstrap: int = 1000
) -> dict[str, np.ndarray]:
    """Return hits by name, shape ``(repeats, numbers)``, and how often the right model was chosen."""
    device = DEVICES.get(name)
    targets = targets_of(device)
    is_power_law = isinstance(device, PowerLawDevice)
    times = DRIFT_TIMES if is_power_law else RELAXATION_TIMES
    hits, chosen = defaultdict(list), []
    for seed in range(first_seed, first_seed + repeats):
        data = simulate_measurements(
            device, targets, times, N_DEVICES, generator=torch.Generator().manual_seed(seed)
        )
        t_0 = {"t_0": device.t_0} if is_power_law else {}
        found = fit_device(
            data,
            confidence=CONFIDENCE,
            seed=seed,
            bootstrap=bootstrap,
            t_read=device.t_read,
            **t_0,
        )
        chosen.append(found.model == ("power-law" if is_power_law else "relaxation"))
        if chosen[-1]:
            for key, values in hits_of(found, device, targets, times).items():
                hits[key].append(values)
    return {"model chosen": np.array(chosen)[:, None]} | {k: np.array(v) for k, v in hits.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=NAMES, action="append")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bootstrap", type=int, default=1000)
    options = parser.parse_args()
    print(f"{'device':<14}{'name':<20}{'numbers':>8}{'covered %':>11}{'± se':>6}{'worst %':>9}")
    for name in options.device or NAMES:
        start = time.process_time()
        found = measure(name, options.repeats, options.seed, options.bootstrap)
        for key, hits in found.items():
            by_repeat = 100.0 * hits.mean(axis=1)
            error = (
                by_repeat.std(ddof=1) / math.sqrt(len(by_repeat))
                if len(by_repeat) > 1
                else math.nan
            )
            print(
                f"{name:<14}{key:<20}{hits.shape[1]:>8}{by_repeat.mean():>11.1f}{error:>6.1f}"
                f"{100.0 * hits.mean(axis=0).min():>9.0f}"
            )
        print(
            f"{name:<14}{(time.process_time() - start) / options.repeats:.2f} CPU s a repeat",
            flush=True,
        )


if __name__ == "__main__":
    main()
