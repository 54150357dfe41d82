"""Bootstrap over devices, and the polynomial of a standard deviation, for many weightings at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..fitted import ROUNDING, ROUNDING_CONDUCTANCE

Floats = NDArray[np.float64]

_STEPS = 25
_ROUNDING_ERROR = 1e-15
_NONE = 1e-9
_FEW = 8.0


def bootstrap_weights(
    groups: NDArray[np.int64], n_groups: int, n: int, generator: np.random.Generator
) -> Floats:
    """Return how often each device is drawn, shape ``(1 + n, N)``; the first row is all devices once.

    Devices are drawn with replacement within their target.

    Args:
        groups: Number of the target of each device, shape ``(N,)``.
        n_groups: Number of targets.
        n: Number of bootstrap samples.
        generator: Source of the draws.
    """
    weights = np.ones((1 + n, len(groups)))
    for k in range(n_groups):
        members = np.flatnonzero(groups == k)
        weights[1:, members] = generator.multinomial(
            len(members), np.full(len(members), 1.0 / len(members)), size=n
        )
    return weights


def bootstrap_interval(
    values: Floats, confidence: float, n_devices: float, *, positive: bool = False
) -> tuple[Floats, Floats]:
    """Return intervals of Student's t with the standard error of the bootstrap.

    The standard error is enlarged by sqrt(n / (n - 1)), as a bootstrap of n devices spreads less than n devices
    do. Intervals of standard deviations are those of their logarithm, whose standard error does not depend on
    the value. Percentiles would be too short: they ignore that the error of a standard deviation grows with it.
    Where a sample is 0, intervals are percentiles and the estimate.

    Args:
        values: The estimate in the first row, bootstrap samples in the others, shape ``(1 + B, ...)``.
        confidence: Confidence level.
        n_devices: Devices at a target, of which samples are drawn.
        positive: Whether the numbers are standard deviations.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 12.2, 12.4 and 13.3;
    enlargement: Hesterberg, The American Statistician 69:371, 2015.
    """
    estimate, samples = values[0], values[1:]
    if len(samples) < 2:
        nothing = np.full(estimate.shape, np.nan)
        return nothing, nothing
    dof = max(n_devices - 1.0, 1.0)
    z = float(special.stdtrit(dof, 0.5 + confidence / 2.0)) * np.sqrt((dof + 1.0) / dof)
    reach = z * samples.std(axis=0, ddof=1)
    if not positive:
        return estimate - reach, estimate + reach
    # Rounding errors are 0.
    whole = (values > _NONE * np.abs(values).max(axis=0)).all(axis=0)
    logs = np.log(np.where(whole, values, 1.0))
    reach = z * logs[1:].std(axis=0, ddof=1)
    if n_devices < _FEW:
        # Student's t is too wide for logarithms; normal numbers are no further off than by chi-square.
        reach = np.minimum(reach, -0.5 * np.log(special.chdtri(dof, 0.5 + confidence / 2.0) / dof))
    factor = np.exp(reach)
    share = float(special.ndtr(z))
    low, high = np.quantile(samples, [1.0 - share, share], axis=0)
    low, high = np.minimum(low, estimate), np.maximum(high, estimate)
    return np.where(whole, estimate / factor, low), np.where(whole, estimate * factor, high)


def std_polynomial(
    variance: Floats, extra: Floats, counts: Floats, r: Floats, degree: int
) -> Floats:
    r"""Fit :math:`\sigma(r) = \sum_i c_i r^i` to estimated variances, weighted as maximum likelihood does.

    The variance of each estimate is :math:`2 (\sigma^2 + v)^2 / n`, at the fitted :math:`\sigma`.

    Args:
        variance: Estimated :math:`\sigma^2` at each r, may be negative, shape ``(B, K)``.
        extra: Variance v of other sources beside it, shape ``(B, K)``.
        counts: Devices n at each r, shape ``(K,)``.
        r: Arguments, shape ``(K,)``.
        degree: Degree of the polynomial, below K.

    Returns:
        Coefficients in ascending powers, shape ``(B, degree + 1)``.
    """
    x = r[:, None] ** np.arange(degree + 1)
    start = np.sqrt(np.maximum(variance, 1e-3 * np.abs(variance).mean(axis=1, keepdims=True)))
    scale = np.maximum(start.mean(axis=1, keepdims=True), 1e-30)
    coeffs: Floats = start @ np.linalg.pinv(x).T
    for _ in range(_STEPS):
        p = coeffs @ x.T
        p = np.where(np.abs(p) < 1e-3 * scale, 1e-3 * scale, p)
        weight = counts / (2.0 * (p**2 + extra) ** 2)
        jacobian = 2.0 * p[:, :, None] * x
        weighted = jacobian * weight[:, :, None]
        normal = np.swapaxes(weighted, 1, 2) @ jacobian
        ridge = 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(degree + 1)
        gradient = (weighted * (variance - p**2)[:, :, None]).sum(axis=1)
        step = np.linalg.solve(normal + ridge, gradient[:, :, None])[:, :, 0]
        change = np.abs(step @ x.T).max(axis=1, keepdims=True)
        coeffs = coeffs + step * np.minimum(1.0, scale / np.maximum(change, 1e-30))
    # Only the square was fitted.
    found: Floats = np.where((coeffs @ x.T).sum(axis=1, keepdims=True) < 0.0, -coeffs, coeffs)
    return found


def is_std(coeffs: Floats, r: Floats) -> bool:
    """Return whether a polynomial is not negative between the first and the last point, except for rounding.

    Args:
        coeffs: Coefficients in ascending powers.
        r: Points, ascending.
    """
    p = _between(coeffs, r)
    return bool(p.min() >= -ROUNDING * np.abs(p).max() - ROUNDING_CONDUCTANCE)


def lifted(coeffs: Floats, r: Floats) -> Floats:
    """Return a polynomial with a constant that is high enough for no negative value; see :func:`is_std`."""
    raised = coeffs.copy()
    if not is_std(coeffs, r):
        raised[0] -= _between(coeffs, r).min()
    return raised


def rounded(values: Floats) -> tuple[float, ...]:
    """Return numbers of a model, with 0 for rounding errors, which files of settings cannot hold."""
    return tuple(np.where(np.abs(values) < _ROUNDING_ERROR, 0.0, values).tolist())


def _between(coeffs: Floats, r: Floats) -> Floats:
    powers = np.linspace(r[0], r[-1], 101)[:, None] ** np.arange(len(coeffs))
    found: Floats = powers @ coeffs
    return found
