r"""Acquisition functions: the value of measuring a candidate, from the mean and deviation of its score.

Each takes normal predictions and returns one number for each candidate; larger is better. With
:math:`z = (\mu - f^*) / \sigma` and :math:`f^*` the best score so far,

- ``ei``, the logarithm of the expected improvement, :math:`\log \sigma + \log(z \Phi(z) + \varphi(z))`, which
  also ranks candidates far below the best (Ament et al., "Unexpected Improvements to Expected Improvement for
  Bayesian Optimization", NeurIPS 2023, equations 8 and 9),
- ``pi``, probability of improvement :math:`\Phi(z)`,
- ``ucb``, upper confidence bound :math:`\mu + \kappa \sigma`,
- ``thompson``, a draw from :math:`N(\mu, \sigma^2)`.

Source: Shahriari et al., "Taking the Human Out of the Loop: A Review of Bayesian Optimization",
Proceedings of the IEEE 104, 2016, section IV.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import check_choice

Floats = NDArray[np.float64]

ACQUISITIONS = ("ei", "pi", "ucb", "thompson")
"""Names of the acquisition functions."""

EI_PER_COST = "ei_per_cost"
"""Name of the expected improvement divided by the predicted cost of a measurement (Snoek et al., "Practical
Bayesian Optimization of Machine Learning Algorithms", NeurIPS 2012, section 3.2)."""


def acquire(
    name: str,
    means: Floats,
    stds: Floats,
    *,
    best: float,
    kappa: float,
    generator: np.random.Generator,
) -> Floats:
    """Return the acquisition function of every candidate, shape ``(n,)``.

    Args:
        name: One of :data:`ACQUISITIONS`.
        means: Predicted scores, shape ``(n,)``.
        stds: Their standard deviations, positive, shape ``(n,)``.
        best: The best score so far.
        kappa: Factor of the standard deviation in ``ucb``.
        generator: Source of randomness of ``thompson``.

    Raises:
        UnknownNameError: If there is no such acquisition function.

    Example:
        >>> generator = np.random.default_rng(0)
        >>> means, stds = np.array([0.0, 1.0]), np.array([1.0, 1.0])
        >>> acquire("pi", means, stds, best=1.0, kappa=1.0, generator=generator).round(4)
        array([0.1587, 0.5   ])
    """
    from scipy.special import ndtr

    check_choice("acquisition", name, ACQUISITIONS)
    if name == "ucb":
        return means + kappa * stds
    if name == "thompson":
        return generator.normal(means, stds)
    z = (means - best) / stds
    if name == "pi":
        return np.asarray(ndtr(z), dtype=np.float64)
    return np.log(stds) + _log_improvement(z)


def _log_improvement(z: Floats) -> Floats:
    """Return log(z Φ(z) + φ(z)), also where both terms cancel or underflow."""
    from scipy.special import erfcx, ndtr

    near = np.maximum(z, -1.0)
    direct = np.log(near * ndtr(near) + np.exp(-0.5 * near**2) / np.sqrt(2 * np.pi))
    # φ(z) (1 - |z| R) with Mills' ratio R = Φ(-|z|) / φ(z); for large |z| its series is 1/z² (1 - 3/z²).
    far = np.minimum(z, -1.0)
    ratio = np.sqrt(np.pi / 2) * erfcx(-far / np.sqrt(2))
    rest = np.where(far < -1e3, far**-2, 1 + far * ratio)
    tail = -0.5 * far**2 - 0.5 * np.log(2 * np.pi) + np.log(np.maximum(rest, np.finfo(float).tiny))
    return np.asarray(np.where(z > -1, direct, tail), dtype=np.float64)
