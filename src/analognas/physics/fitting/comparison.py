"""Which of two models describes measurements better: Akaike's information criterion."""

from __future__ import annotations

import numpy as np

from .measurements import Measurements
from .power_law import estimate_devices, fit_power_law, growth_at
from .relaxation import fit_relaxation
from .resampling import Floats

_FLOOR = 1e-7
_LEAST_DEVICES = 5


def aic_by_model(
    usable: Measurements, data: Measurements, t_0: float, t_read: float
) -> dict[str, float]:
    r"""Return the AIC of a power law and of a relaxation, by the names of :class:`FitSettings`.

    Both are compared as normal distributions of a device's readings at all times, with the mean and the
    covariance of the fitted model, over the devices without missing readings. Targets with a reading of
    0, or with too few devices to know the read noise of a relaxation, are left out.

    Args:
        usable: The measurements for a power law.
        data: The measurements for a relaxation.
        t_0: Time constant of the drift law, s; for a relaxation time counts from 0.
        t_read: Duration of one reading, s.

    Returns:
        The two criteria; empty if devices have no common times above 0, or all targets have a reading of 0.
    """
    times = data.common_times
    if times is None or times[0] <= 0.0 or len(times) < 3 or t_0 <= 0.0:
        return {}
    targets = data.targets
    g_max = float(targets[-1])
    found = estimate_devices(usable, t_0, t_read)
    if len(usable.targets) < len(targets):
        return {}
    once = np.ones((1, len(usable.target)))
    power = fit_power_law(found, usable.target, targets, once, g_max=g_max, degree=0)
    relaxation = fit_relaxation(
        data,
        np.ones((1, len(data.target))),
        times=times,
        t_0=0.0,
        t_read=t_read,
        g_max=g_max,
        degree=0,
    )
    log_time = np.log1p(times / t_0)
    growth, growth_from_0 = (
        growth_at(times, start, t_read) / np.sqrt(data.mean_reads) for start in (t_0, 0.0)
    )
    totals = {"power-law": 0.0, "relaxation": 0.0}
    compared = False
    for k, g in enumerate(targets):
        y = data.conductance[data.target == g]
        y = y[np.isfinite(y).all(axis=1)]
        if not (y > 0.0).all() or len(y) < _LEAST_DEVICES or np.isnan(relaxation.read_std[0, k]):
            continue
        compared = True
        totals["power-law"] += 2.0 * 4
        totals["relaxation"] += 2.0 * (2 * len(times) + 1)
        mean = g * np.exp(-power.nu_mean[0, k] * log_time)
        log_covariance = (
            (power.prog_std[0, k] / g) ** 2
            + power.nu_std[0, k] ** 2 * np.outer(log_time, log_time)
            + np.diag((power.read_q[0, k] * growth) ** 2)
        )
        totals["power-law"] += _deviance(y - mean, np.outer(mean, mean) * log_covariance, g_max)
        spread = relaxation.spread[0, :, k]
        covariance = np.outer(spread, spread) + np.diag(
            (relaxation.read_std[0, k] * growth_from_0) ** 2
        )
        totals["relaxation"] += _deviance(y - g - relaxation.shift[0, :, k], covariance, g_max)
    return {name: float(total) for name, total in totals.items()} if compared else {}


def _deviance(residuals: Floats, covariance: Floats, g_max: float) -> float:
    """Return -2 log likelihood of residuals, shape ``(n, J)``."""
    whole = covariance + (_FLOOR * g_max) ** 2 * np.eye(len(covariance))
    _, log_det = np.linalg.slogdet(2.0 * np.pi * whole)
    squares = (residuals * np.linalg.solve(whole, residuals.T).T).sum()
    return float(len(residuals) * log_det + squares)
