r"""Fit of a device that relaxes around its target: spread, mean shift and read noise at the measured times.

At each target and time, the conductance is :math:`\max(0, x)` with :math:`x \sim N(g + m, \sigma^2 + (q G)^2)`.
Mean and variance are those of greatest likelihood; readings of 0 are censored (Tobit). The read noise q is
what one factor, the place of a device within the spread, does not explain in the covariance of its readings
over time (probabilistic principal component analysis, Tipping and Bishop, J. R. Stat. Soc. B 61:611, 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from .measurements import Measurements
from .power_law import growth_at
from .resampling import Floats, std_polynomial

_TOBIT_STEPS = 60
_FACTORS = 1


@dataclass(frozen=True, eq=False)
class RelaxationFit:
    """Estimates in the first row, bootstrap samples in the others.

    Attributes:
        spread: Spread at each time and target without the polynomial, shape ``(1 + B, J, K)``, µS.
        spread_coeffs: Shape ``(1 + B, J, degree + 1)``, µS.
        shift: Mean shift, shape ``(1 + B, J, K)``, µS.
        read_std: Read noise for an accumulated noise of 1, shape ``(1 + B, K)``, µS; NaN where it is not known.
    """

    spread: Floats
    spread_coeffs: Floats
    shift: Floats
    read_std: Floats


def fit_relaxation(
    data: Measurements,
    weights: Floats,
    *,
    times: Floats,
    t_0: float,
    t_read: float,
    g_max: float,
    degree: int,
) -> RelaxationFit:
    """Fit spread, shift and read noise for each weighting of the devices.

    Args:
        data: The measurements, all at ``times``.
        weights: How often each device counts, shape ``(1 + B, N)``.
        times: The times, shape ``(J,)``, s.
        t_0: Added to the time in the law of the read noise, s.
        t_read: Duration of one reading, s.
        g_max: Conductance in which the polynomial is normalised, µS.
        degree: Degree of the polynomial.
    """
    targets = data.targets
    growth = np.maximum(growth_at(times, t_0, t_read), 1e-6) / np.sqrt(data.mean_reads)
    shape = len(weights), len(times), len(targets)
    variance, extra, shift = (np.empty(shape) for _ in range(3))
    read_std = np.empty((len(weights), len(targets)))
    counts = np.empty(shape[1:])
    for k, g in enumerate(targets):
        own = data.target == g
        w, d = weights[:, own], data.conductance[own] - g
        read_std[:, k] = _read_noise(
            w, d / growth, np.isfinite(d).all(axis=1) & (d > -g).all(axis=1)
        )
        mean, total = _tobit(w, d, -g)
        shift[:, :, k] = mean
        extra[:, :, k] = np.nan_to_num(read_std[:, k : k + 1]) ** 2 * growth**2
        variance[:, :, k] = total - extra[:, :, k]
        counts[:, k] = np.isfinite(d).sum(axis=0)
    coeffs = [
        std_polynomial(variance[:, j], extra[:, j], counts[j], targets / g_max, degree)
        for j in range(len(times))
    ]
    return RelaxationFit(
        np.sqrt(np.maximum(variance, 0.0)), np.stack(coeffs, axis=1), shift, read_std
    )


def known_read_noise(read_std: Floats) -> Floats:
    """Return the read noise of each target; of the nearest where it is not known, 0 if it is nowhere known."""
    known = np.flatnonzero(np.isfinite(read_std))
    if not len(known):
        return np.zeros(len(read_std))
    nearest = np.abs(np.arange(len(read_std))[:, None] - known).argmin(axis=1)
    found: Floats = read_std[known[nearest]]
    return found


def _read_noise(weights: Floats, scaled: Floats, whole: Floats) -> Floats:
    """Return the standard deviation that one factor leaves, shape ``(B,)``; NaN with too few times or devices.

    Args:
        weights: Shape ``(B, n)``.
        scaled: Deviations divided by G, shape ``(n, J)``.
        whole: Devices with all readings above 0, shape ``(n,)``.
    """
    n_times = scaled.shape[1]
    if n_times <= _FACTORS or whole.sum() <= n_times + 1:
        return np.full(len(weights), np.nan)
    w, x = weights[:, whole], scaled[whole]
    n = np.maximum(w.sum(axis=1), 1.0)
    mean = w @ x / n[:, None]
    products = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    second = (w @ products / n[:, None]).reshape(-1, n_times, n_times)
    covariance = second - mean[:, :, None] * mean[:, None, :]
    eigenvalues = np.linalg.eigvalsh(covariance)[:, : n_times - _FACTORS]
    # A mean and a factor are fitted: so many degrees of freedom fewer.
    lost = np.maximum(n - 1.0 - _FACTORS, 1.0)
    found: Floats = np.sqrt(np.maximum(eigenvalues.mean(axis=1) * n / lost, 0.0))
    return found


def _tobit(weights: Floats, d: Floats, floor: float) -> tuple[Floats, Floats]:
    """Return the most likely mean and variance of deviations that are cut off at ``floor``, shapes ``(B, J)``.

    Expectation maximisation. Without readings at the floor, it ends after one step at the sample moments.
    """
    seen = np.isfinite(d)
    cut = seen & (d <= floor)
    free = seen & ~cut
    x = np.where(free, d, 0.0)
    n, n_cut = weights @ free, weights @ cut
    total = np.maximum(n + n_cut, 1.0)
    first, second = weights @ x, weights @ x**2
    mean = (first + n_cut * floor) / total
    variance = np.maximum((second + n_cut * floor**2) / total - mean**2, 1e-30)
    if not cut.any():
        return mean, variance * total / np.maximum(total - 1.0, 1.0)
    for _ in range(_TOBIT_STEPS):
        std = np.sqrt(variance)
        h = (floor - mean) / std
        hazard = np.exp(-0.5 * h**2 - 0.5 * np.log(2.0 * np.pi) - special.log_ndtr(h))
        low = mean - std * hazard
        low_square = mean**2 + variance - std * hazard * (floor + mean)
        mean = (first + n_cut * low) / total
        variance = np.maximum((second + n_cut * low_square) / total - mean**2, 1e-30)
    return mean, variance * total / np.maximum(total - 1.0, 1.0)
