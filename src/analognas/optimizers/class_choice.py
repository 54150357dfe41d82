r"""Which candidates to measure where many have equal features: isomorphic cells, each measured apart.

Candidates of equal features are one class to a model, yet each brings a reading of its own, and the best of
many readings is better than one. A class with :math:`m` members left, mean :math:`\mu` and standard deviation
:math:`\sigma` of a new reading, of which :math:`\sigma_f` is doubt about the class itself, is worth

.. math:: N(\mu, (\tau \sigma_f)^2) + \tau \sigma\, \Phi^{-1}\!\left(\frac{m - 3/8}{m + 1/4}\right),

a draw of its mean plus what the best of its members is expected to stand out by, both tempered by
:math:`\tau`. The expected largest of m normal numbers is Blom's approximation (Statistical Estimates and
Transformed Beta-Variables, 1958).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BEST_OF_CLASS", "best_of_class", "most_of_class", "top_per_class"]

Floats = NDArray[np.float64]

BEST_OF_CLASS = "best_of_class"
"""Name of the acquisition."""

_CLASSES_IN_BATCH = 2  # at least, from two architectures on


def best_of_class(
    means: Floats,
    stds: Floats,
    classes: NDArray[np.int64],
    *,
    noise_std: float,
    temperature: float,
    generator: np.random.Generator,
) -> Floats:
    """Return what each candidate is worth as one of its class, shape ``(m,)``.

    Args:
        means: Predicted scores of a new reading, shape ``(m,)``.
        stds: Their standard deviations, noise included, shape ``(m,)``.
        classes: Class of each candidate, numbered from 0, shape ``(m,)``.
        noise_std: Standard deviation of readings of one class.
        temperature: The factor on standard deviations; 0 is greedy.
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
    doubt = np.sqrt(np.maximum(np.square(stds) - noise_std**2, 0.0))
    # One draw a class: its members share what is not known of it.
    draws = generator.standard_normal(len(sizes))[classes]
    standing_out = ndtri((sizes - 0.375) / (sizes + 0.25))[classes]
    return np.asarray(means + temperature * (doubt * draws + stds * standing_out), dtype=np.float64)


def most_of_class(n: int) -> int:
    """Return how many of a batch of ``n`` may be of one class: half.

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
    """Positions of the ``n`` candidates of most worth, best first, of each class so many at most.

    Equals come in random order.

    Args:
        worth: Shape ``(m,)``.
        classes: Class of each candidate, shape ``(m,)``.
        n: Number of candidates wanted.
        per_class: Largest number from one class.
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
