"""Bias of a power-law fit, measured by a fit to simulated devices and removed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ..fitted import FittedPowerLaw
from ..programmed_devices import ProgrammedDevices
from .measurements import LEAST_TIMES, Measurements
from .power_law import DeviceEstimates, PowerLawFit, estimate_devices, fit_power_law
from .resampling import Floats

_FACTOR, _MOST_SIMULATED = 20, 48000
_LARGEST_RATIO = 2.0
_DEGREE_OF_Q, _DEGREE_OF_BIAS = 2, 3


def without_bias(
    fit: PowerLawFit, device: FittedPowerLaw, data: Measurements, degree: int
) -> PowerLawFit:
    """Return a fit without the bias of its linearised estimates of single devices.

    Read noise enters the estimates of a device through logarithms and products, and the place of a device in
    the table of Q is itself an estimate. The bias is the difference of two fits to the same simulated devices:
    as measurements are fitted, and with estimates that are exactly linear in the read noise. Both share their
    noise, so the difference is known far better than either.

    Args:
        fit: The fit, and its bootstrap samples.
        device: Its model.
        data: The measurements.
        degree: Degree of the polynomial of the programming noise.
    """
    if not fit.read_q[0].all():
        return fit
    targets, times = data.targets, data.typical_times
    per_target = len(data.target) / len(targets)
    n = int(min(_FACTOR * per_target, _MOST_SIMULATED / len(targets))) + 2
    found, linear, target, g_prog = _simulated(_smooth(device), targets, times, n)
    once = np.ones((1, len(target)))
    fitted, exact = (
        fit_power_law(
            estimates, target, targets, once, g_max=device.g_max, degree=degree, g_prog=places
        )
        for estimates, places in ((found, None), (linear, g_prog))
    )

    def ratio(name: str) -> Floats:
        a, b = getattr(fitted, name)[0], getattr(exact, name)[0]
        known = (a > 0.0) & (b > 0.0)
        quotient = np.where(known, a, 1.0) / np.where(known, b, 1.0)
        # The places of devices differ between the two fits, so their noise does not cancel completely.
        smooth = np.exp(_polynomial(np.log(targets), np.log(quotient), _DEGREE_OF_BIAS))
        return np.clip(smooth, 1.0 / _LARGEST_RATIO, _LARGEST_RATIO)

    def shift(name: str) -> Floats:
        moved: Floats = getattr(fitted, name)[0] - getattr(exact, name)[0]
        return moved

    return replace(
        fit,
        read_q=fit.read_q / ratio("read_q"),
        nu_std=fit.nu_std / ratio("nu_std"),
        prog_std=fit.prog_std / ratio("prog_std"),
        prog_coeffs=fit.prog_coeffs - shift("prog_coeffs"),
        nu_mean=fit.nu_mean - shift("nu_mean"),
        offset=fit.offset - shift("offset"),
    )


def _smooth(device: FittedPowerLaw) -> FittedPowerLaw:
    """Return the device with Q as a smooth law: the bias of a law must not follow the errors of its table.

    A correction by the table itself would enlarge these errors by up to 20 %, which a bootstrap does not see.
    """
    log_q = _polynomial(np.log(device.g_points), np.log(device.read_qs), _DEGREE_OF_Q)
    return device.replace(read_qs=tuple(np.exp(log_q).tolist()))


def _polynomial(x: Floats, y: Floats, degree: int) -> Floats:
    """Return the polynomial through points, at these points; of a lower degree if there are few."""
    law = np.polynomial.Polynomial.fit(x, y, min(degree, max(len(x) - 2, 0)))
    found: Floats = law(x)
    return found


def _simulated(
    device: FittedPowerLaw, targets: Floats, times: Floats, n: int
) -> tuple[DeviceEstimates, DeviceEstimates, Floats, Floats]:
    """Return estimates of simulated devices, the same linear in the read noise, targets and conductances."""
    generator = torch.Generator().manual_seed(0)
    target = np.repeat(targets, n)
    chip = ProgrammedDevices.program(device, torch.from_numpy(target), generator=generator)
    read = chip.read(times.tolist(), generator=generator).numpy().T
    mean = chip.drift(times.tolist()).numpy().T
    g_prog, nu = chip.g_prog.numpy(), chip.nu.numpy()
    data = Measurements(
        target, ("",) * len(target), np.tile(times, (len(target), 1)), read.astype(np.float64)
    )
    # Devices at 0 have no relative noise.
    kept = (data.times_read >= LEAST_TIMES) & (g_prog > 0.0)
    data = data.of(kept)
    target, read, mean, g_prog, nu = (x[kept] for x in (target, read, mean, g_prog, nu))
    found = estimate_devices(data, device.t_0, device.t_read)
    used = read > 0.0
    weight = used / found.growth**2
    noise = np.where(used, read / mean - 1.0, 0.0)
    score = np.stack([(weight * noise).sum(1), -(weight * found.log_time * noise).sum(1)], axis=-1)
    moved = np.einsum("nab,nb->na", found.covariance, score)
    residuals = noise - moved[:, :1] + moved[:, 1:] * found.log_time
    linear = replace(
        found,
        g_prog=g_prog * (1.0 + moved[:, 0]),
        nu=nu + moved[:, 1],
        rss=(weight * residuals**2).sum(axis=1),
        residuals=np.where(used, residuals, np.nan),
    )
    return found, linear, target, g_prog
