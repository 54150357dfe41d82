r"""Choice among candidates with equal features, such as isomorphic cells that were measured separately.

A model cannot distinguish candidates of one class, but each has its own reading, and the best of many readings
is better than a single one. Let a class have :math:`m` members left, and let a new reading have the mean
:math:`\mu` and the standard deviation :math:`\sigma`, of which :math:`\sigma_f` is the uncertainty of the class
mean. Its value is

.. math:: N(\mu, (\tau \sigma_f)^2) + \tau \sigma\, \Phi^{-1}\!\left(\frac{m - 3/8}{m + 1/4}\right),

a draw of the class mean plus the expected advantage of its best member, both scaled by the temperature
:math:`\tau`. The expected maximum of m normal numbers is Blom's approximation (Statistical Estimates and
Transformed Beta-Variables, 1958).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BEST_OF_CLASS", "best_of_class", "most_of_class", "top_per_class"]

Floats = NDArray[np.float64]

BEST_OF_CLASS = "best_of_class"
"""Name of the acquisition function."""

_CLASSES_IN_BATCH = 2  # smallest number of classes in a batch of two or more


def best_of_class(
    means: Floats,
    stds: Floats,
    classes: NDArray[np.int64],
    *,
    noise_std: float,
    temperature: float,
    generator: np.random.Generator,
) -> Floats:
    """Return the value of each candidate as a member of its class, shape ``(m,)``.

    Args:
        means: Predicted scores of a new reading, shape ``(m,)``.
        stds: Their standard deviations with noise, shape ``(m,)``.
        classes: Class of each candidate, numbered from 0, shape ``(m,)``.
        noise_std: Standard deviation of readings within a class.
        temperature: Factor of the standard deviations; 0 is greedy.
        generator: Source of randomness.

    Example:
        >>> generator = np.random.default_rng(0)
        >>> means, stds, classes = np.zeros(4), np.ones(4), np.array([0, 1, 1, 1])
        >>> best_of_class(
        ...     means, stds, classes, noise_std=1.0, temperature=1.0, generator=generator
        ... ).round(2)
        array([0.  , 0.87, 0.87, 0.87])
    """
    from scipy.special import ndtri

    sizes = np.bincount(classes)
    uncertainty = np.sqrt(np.maximum(np.square(stds) - noise_std**2, 0.0))
    # One draw for each class: its members share the uncertainty of the mean.
    draws = generator.standard_normal(len(sizes))[classes]
    advantage = ndtri((sizes - 0.375) / (sizes + 0.25))[classes]
    return np.asarray(
        means + temperature * (uncertainty * draws + stds * advantage), dtype=np.float64
    )


def most_of_class(n: int) -> int:
    """Return the largest number of members of one class in a batch of ``n``: half.

    Example:
        >>> most_of_class(1), most_of_class(20)
        (1, 10)
    """
    return max(1, n // _CLASSES_IN_BATCH)


def top_per_class(
    worth: Floats,
    classes: NDArray[np.int64],
    n: int,
    *,
    per_class: int,
    generator: np.random.Generator,
) -> list[int]:
    """Return the positions of the ``n`` best candidates, with a limit for each class.

    Ties are in random order.

    Args:
        worth: Value of each candidate, shape ``(m,)``.
        classes: Class of each candidate, shape ``(m,)``.
        n: Number of candidates.
        per_class: Largest number of one class.
        generator: Source of randomness.

    Example:
        >>> worth, classes = np.array([3.0, 2.0, 1.0]), np.array([0, 0, 1])
        >>> top_per_class(worth, classes, 2, per_class=1, generator=np.random.default_rng(0))
        [0, 2]
    """
    chosen: list[int] = []
    taken: dict[int, int] = {}
    for position in np.lexsort((generator.random(len(worth)), -worth)).tolist():
        label = int(classes[position])
        if taken.get(label, 0) < per_class:
            taken[label] = taken.get(label, 0) + 1
            chosen.append(position)
            if len(chosen) == n:
                break
    return chosen
