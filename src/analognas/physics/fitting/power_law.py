r"""Fit of a power-law device: programming noise, drift exponents and read noise.

The model of a device with target :math:`g_k`:

.. math::

    g(t) = g_{prog} e^{-\nu L(t)} (1 + Q(g_{prog}) G(t) \xi_t), \quad L = \ln(1 + t / t_0), \quad
    g_{prog} \sim N(g_k, \sigma^2(g_k)), \quad \nu \sim N(\mu_k, s_k^2)

with G the accumulated 1/f noise of :func:`analognas.physics.laws.accumulated_noise`. The fit has three steps.

1. Each device: :math:`(\ln g_{prog}, \nu)` by iterated weighted least squares, weights :math:`1 / (g G)^2`.
   Their covariance is :math:`Q^2 C`, and the weighted residual sum of squares has the mean :math:`Q^2 (n - 2)`.
2. Q of all devices: maximum likelihood of the residual sums, which are :math:`Q^2 \chi^2_{n-2}`.
3. Each target: maximum likelihood of :math:`\sigma^2` and :math:`s^2` in the covariance of the estimates,
   :math:`\mathrm{diag}(\sigma^2, s^2) + Q^2 C`; then the polynomial of :math:`\sigma` over all targets.

All steps after the first run for all bootstrap samples at once. The folding of negative exponents is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..laws import accumulated_noise
from .measurements import Measurements
from .resampling import Floats, bootstrap_weights, std_polynomial

_DEVICE_STEPS = 6
_Q_STEPS = 6
_COVARIANCE_STEPS = 12
_LARGEST_EXPONENT = 2.0
_NO_SPREAD = 1e-20
"""Variance of conductances, µS², and exponents below which there is no spread."""


@dataclass(frozen=True, eq=False)
class DeviceEstimates:
    r"""Estimates of single devices.

    Attributes:
        g_prog: Programmed conductance, shape ``(N,)``, µS.
        nu: Drift exponent, shape ``(N,)``.
        covariance: Of :math:`(\ln g_{prog}, \\nu)` in units of Q², shape ``(N, 2, 2)``.
        rss: Weighted sum of squared relative residuals, shape ``(N,)``.
        dof: Its degrees of freedom, shape ``(N,)``.
        residuals: Relative residuals, shape ``(N, J)``; NaN where there is no reading.
        growth: G at each reading, shape ``(N, J)``.
        log_time: L at each reading, shape ``(N, J)``.
    """

    g_prog: Floats
    nu: Floats
    covariance: Floats
    rss: Floats
    dof: Floats
    residuals: Floats
    growth: Floats
    log_time: Floats


@dataclass(frozen=True, eq=False)
class PowerLawFit:
    """Estimates in the first row, bootstrap samples in the others.

    Attributes:
        nu_mean: Shape ``(1 + B, K)``.
        nu_std: Shape ``(1 + B, K)``.
        read_q: Shape ``(1 + B, K)``.
        prog_coeffs: Shape ``(1 + B, degree + 1)``, µS.
        prog_std: Spread at each target without the polynomial, shape ``(1 + B, K)``, µS.
        offset: Mean programmed conductance minus target, shape ``(1 + B, K)``, µS.
        nu_std_bound: 97.5 % bound of a spread that noise of the estimates hides, shape ``(K,)``.
    """

    nu_mean: Floats
    nu_std: Floats
    read_q: Floats
    prog_coeffs: Floats
    prog_std: Floats
    offset: Floats
    nu_std_bound: Floats


def growth_at(times: Floats, t_0: float, t_read: float) -> Floats:
    """Return the accumulated read noise at each time, shape of ``times``; NaN where the time is."""
    unique, index = np.unique(times, return_inverse=True)
    found = [accumulated_noise(t + t_0, t_read) if np.isfinite(t) else np.nan for t in unique]
    return np.array(found)[index].reshape(times.shape)


def estimate_devices(data: Measurements, t_0: float, t_read: float) -> DeviceEstimates:
    """Estimate programmed conductance and exponent of each device; readings of 0 or below are left out.

    Args:
        data: The measurements. Each device needs two readings above 0.
        t_0: Time constant of the drift law, s.
        t_read: Duration of one reading, s.
    """
    used = data.conductance > 0.0
    y = np.where(used, data.conductance, 1.0)
    time = np.where(np.isnan(data.time), 0.0, data.time)
    log_time, growth = np.log1p(time / t_0), growth_at(time, t_0, t_read)
    growth = np.maximum(growth, 1e-6)
    weight = used / growth**2
    moments = [(weight * log_time**power).sum(axis=1) for power in range(3)]
    normal = np.stack(
        [np.stack([moments[0], -moments[1]], -1), np.stack([-moments[1], moments[2]], -1)], -2
    )
    covariance = np.linalg.inv(normal)

    def solve(values: Floats) -> Floats:
        right = np.stack([(weight * values).sum(1), -(weight * log_time * values).sum(1)], -1)
        found: Floats = np.einsum("nab,nb->na", covariance, right)
        return found

    theta = solve(np.log(y))
    residuals = np.zeros_like(y)
    for step in range(_DEVICE_STEPS + 1):
        nu = np.clip(theta[:, 1:], -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
        residuals = np.where(used, y * np.exp(nu * log_time - theta[:, :1]) - 1.0, 0.0)
        if step < _DEVICE_STEPS:
            theta = theta + solve(residuals)
    rss = (weight * residuals**2).sum(axis=1)
    return DeviceEstimates(
        g_prog=np.exp(theta[:, 0]),
        nu=theta[:, 1],
        covariance=covariance,
        rss=rss,
        dof=used.sum(axis=1) - 2.0,
        residuals=np.where(used, residuals, np.nan),
        growth=growth,
        log_time=log_time,
    )


def fit_power_law(
    found: DeviceEstimates,
    target: Floats,
    targets: Floats,
    weights: Floats,
    *,
    g_max: float,
    degree: int,
    g_prog: Floats | None = None,
    reset: tuple[Floats, float] | None = None,
) -> PowerLawFit:
    """Fit the laws over targets for each weighting of the devices.

    Args:
        found: Estimates of the devices.
        target: Target of each device, shape ``(N,)``, µS.
        targets: The different targets, shape ``(K,)``, µS.
        weights: How often each device counts, shape ``(1 + B, N)``.
        g_max: Conductance in which the polynomial is normalised, µS.
        degree: Degree of the polynomial.
        g_prog: Programmed conductances at which Q of the devices is, shape ``(N,)``, µS; None: as estimated.
        reset: Variance of devices with the target 0 and their effective number; see :func:`spread_at_zero`.
    """
    groups = np.searchsorted(targets, target)
    places = _shrunken(found, target, groups) if g_prog is None else g_prog
    hats = _hats(np.log(places), np.log(targets))
    log_q = _fit_q(found, hats, groups, weights)
    q_squared = np.zeros_like(weights) if log_q is None else np.exp(2.0 * (log_q @ hats.T))
    shape = len(weights), len(targets)
    variance, extra, nu_mean, nu_std, offset = (np.empty(shape) for _ in range(5))
    nu_std_bound = np.empty(len(targets))
    for k, g in enumerate(targets):
        own = groups == k
        w, n = weights[:, own], float(own.sum())
        d_g, nu = found.g_prog[own] - g, found.nu[own]
        mean_g, mean_nu = w @ d_g / n, w @ nu / n
        unbiased = n / max(n - 1.0, 1.0)
        s_gg = w @ d_g**2 / n
        s_nn = (w @ nu**2 / n - mean_nu**2) * unbiased
        s_gn = (w @ (d_g * nu) / n - mean_g * mean_nu) * unbiased
        noise = (w * q_squared[:, own]) @ found.covariance[own].reshape(-1, 4) / n
        v_gg, v_gn, v_nn = noise[:, 0] * g**2, noise[:, 1] * g, noise[:, 3]
        m_gg, m_nn = _diagonal(s_gg, s_gn, s_nn, v_gn)
        variance[:, k], extra[:, k] = m_gg - v_gg, v_gg
        nu_mean[:, k], offset[:, k] = mean_nu, mean_g
        nu_std[:, k] = np.sqrt(np.maximum(m_nn - v_nn, 0.0))
        largest = m_nn[0] * (n - 1.0) / special.chdtri(max(n - 1.0, 1.0), 0.975)
        nu_std_bound[k] = np.sqrt(max(largest - v_nn[0], 0.0))
    counts = np.bincount(groups, minlength=len(targets)).astype(np.float64)
    points = targets
    if reset is not None:
        points, counts = np.r_[0.0, targets], np.r_[reset[1], counts]
    all_variances, all_extra = variance, extra
    if reset is not None:
        all_variances = np.column_stack([reset[0], variance])
        all_extra = np.column_stack([np.zeros(len(extra)), extra])
    coeffs = std_polynomial(all_variances, all_extra, counts, points / g_max, degree)
    read_q = np.zeros(shape) if log_q is None else np.exp(log_q)
    return PowerLawFit(
        nu_mean, nu_std, read_q, coeffs, np.sqrt(np.maximum(variance, 0.0)), offset, nu_std_bound
    )


def spread_at_zero(data: Measurements, bootstrap: int, seed: int) -> tuple[Floats, float]:
    """Return the variance of programming for the target 0, and the number of devices that it is worth.

    A programmed conductance is max(0, x) with x normal around 0, so its mean square is half the variance.
    Half of the devices tell nothing more than that x is below 0.

    Args:
        data: Devices with the target 0. The first reading of each counts.
        bootstrap: Number B of bootstrap samples.
        seed: Seed of the bootstrap.

    Returns:
        Variances, shape ``(1 + B,)``, µS², and the number.
    """
    seen = np.isfinite(data.conductance)
    kept = seen.any(axis=1)
    first = data.conductance[np.arange(len(seen)), seen.argmax(axis=1)][kept]
    n = max(len(first), 1)
    weights = bootstrap_weights(
        np.zeros(len(first), dtype=np.int64), 1, bootstrap, np.random.default_rng([seed, 1])
    )
    variance: Floats = 2.0 * (weights @ np.maximum(first, 0.0) ** 2) / n
    return variance, n / 2.0


def read_noise_is_known(found: DeviceEstimates, target: Floats) -> bool:
    """Return whether each target has a device with more readings than its two parameters.

    Args:
        found: Estimates of the devices.
        target: Target of each device, shape ``(N,)``, µS.
    """
    return all((found.dof[target == g] > 0.0).any() for g in np.unique(target))


def _shrunken(found: DeviceEstimates, target: Floats, groups: NDArray[np.int64]) -> Floats:
    """Return programmed conductances with the noise of their estimates shrunken, µS."""
    result = target.copy()
    for k in range(int(groups.max()) + 1):
        own = groups == k
        d = found.g_prog[own] - target[own]
        dof = max(float(found.dof[own].sum()), 1.0)
        noise = float(found.rss[own].sum()) / dof * found.covariance[own, 0, 0] * target[own] ** 2
        spread = max(float((d**2).mean()) - float(noise.mean()), 0.0)
        result[own] += d * spread / np.maximum(spread + noise, 1e-300)
    return np.maximum(result, 0.05 * target)


def _hats(x: Floats, points: Floats) -> Floats:
    """Return weights of linear interpolation between points, extrapolated beyond, shape ``(N, K)``."""
    result = np.zeros((len(x), len(points)))
    if len(points) == 1:
        result[:] = 1.0
        return result
    left = np.clip(np.searchsorted(points, x) - 1, 0, len(points) - 2)
    share = (x - points[left]) / (points[left + 1] - points[left])
    rows = np.arange(len(x))
    result[rows, left], result[rows, left + 1] = 1.0 - share, share
    return result


def _fit_q(
    found: DeviceEstimates, hats: Floats, groups: NDArray[np.int64], weights: Floats
) -> Floats | None:
    """Return ln Q at each target, shape ``(1 + B, K)``; None without read noise."""
    dof, rss = np.maximum(found.dof, 0.0), found.rss
    n = hats.shape[1]
    sums = np.array([[x[groups == k].sum() for k in range(n)] for x in (rss, dof)])
    if not (sums[1] > 0.0).all() or not (sums[0] > 1e-18 * sums[1]).all():
        return None
    log_q = np.tile(0.5 * np.log(sums[0] / sums[1]), (len(weights), 1))
    pairs = (hats[:, :, None] * hats[:, None, :]).reshape(len(hats), -1)
    information = (weights * dof @ pairs).reshape(-1, n, n)
    information += 1e-9 * np.trace(information, axis1=1, axis2=2)[:, None, None] * np.eye(n)
    for _ in range(_Q_STEPS):
        ratio = rss * np.exp(-2.0 * (log_q @ hats.T)) - dof
        step = np.linalg.solve(information, ((weights * ratio) @ hats)[:, :, None])[:, :, 0]
        log_q = log_q + 0.5 * np.clip(step, -1.0, 1.0)
    return log_q


def _diagonal(s_gg: Floats, s_gn: Floats, s_nn: Floats, c: Floats) -> tuple[Floats, Floats]:
    """Return the diagonal of the most likely covariance with a known off-diagonal c, shapes ``(B,)``.

    Fisher scoring; the off-diagonal is known from the read noise.
    """
    # Without any spread, numbers are rounding errors and the off-diagonal tells nothing.
    flat = (s_gg <= _NO_SPREAD) | (s_nn <= _NO_SPREAD)
    exact_g, exact_n = s_gg, s_nn
    s_gg, s_nn = np.where(flat, 1.0, s_gg), np.where(flat, 1.0, s_nn)
    s_gn, c = np.where(flat, 0.0, s_gn), np.where(flat, 0.0, c)
    m_g, m_n = s_gg, s_nn
    # A covariance that noise alone makes singular is no information about the off-diagonal.
    c = np.clip(c, -0.95 * np.sqrt(m_g * m_n), 0.95 * np.sqrt(m_g * m_n))
    for _ in range(_COVARIANCE_STEPS):
        det = m_g * m_n - c**2
        p_g, p_n, p_c = m_n / det, m_g / det, -c / det
        d_g, d_n, d_c = s_gg - m_g, s_nn - m_n, s_gn - c
        score_g = p_g * p_g * d_g + 2.0 * p_g * p_c * d_c + p_c * p_c * d_n
        score_n = p_c * p_c * d_g + 2.0 * p_c * p_n * d_c + p_n * p_n * d_n
        a, b, e = p_g**2, p_c**2, p_n**2
        inverse = 1.0 / (a * e - b**2)
        step_g = (e * score_g - b * score_n) * inverse
        step_n = (a * score_n - b * score_g) * inverse
        floor_g, floor_n = (
            np.maximum(0.5 * m, c**2 / o * 1.05) for m, o in ((m_g, m_n), (m_n, m_g))
        )
        m_g = np.clip(m_g + step_g, floor_g, 2.0 * m_g)
        m_n = np.clip(m_n + step_n, floor_n, 2.0 * m_n)
        m_n = np.maximum(m_n, 1.05 * c**2 / m_g)
    return np.where(flat, exact_g, m_g), np.where(flat, exact_n, m_n)
