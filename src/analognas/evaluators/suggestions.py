"""Which networks to measure next, so that a surrogate learns most from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_int
from ..spaces import Population, Space
from .training_data import Floats

__all__ = ["CANDIDATES", "check_candidates", "choose_informative", "draw_candidates"]

CANDIDATES = 1000
"""Number of random architectures that suggestions are chosen from, if they are not given."""

_ROUNDS = 50


def choose_informative(covariance: Floats, noise: float, n: int) -> NDArray[np.int64]:
    r"""Return the candidates whose measurement reduces the mean variance of all candidates most.

    They are chosen one after another. The variance of a Gaussian process does not depend on what is measured,
    so after each choice the covariance is updated as if it had been measured:

    .. math:: C \leftarrow C - \frac{c_j c_j^T}{C_{jj} + \sigma^2}

    A candidate is chosen for its uncertainty and for what it says about others. Near repeats of a chosen one
    say little more, so the choice is diverse.

    Args:
        covariance: Covariance of the true values of the candidates, shape ``(m, m)``.
        noise: Variance of a measurement.
        n: Number of candidates to choose.

    Returns:
        Their positions in the order of the choice, shape ``(n,)``.

    Source: Seo et al., "Gaussian process regression: active data selection and test point rejection", IJCNN
    2000, after Cohn et al., "Active learning with statistical models", JAIR 4, 1996.

    Example:
        >>> two_groups = np.kron(np.eye(2), np.full((2, 2), 0.9)) + 0.1 * np.eye(4)
        >>> sorted(int(row) // 2 for row in choose_informative(two_groups, 0.1, 2))
        [0, 1]
    """
    left = np.array(covariance, dtype=np.float64)
    free = np.ones(len(left), dtype=bool)
    chosen = []
    for _ in range(n):
        variances = np.maximum(np.diag(left), 0.0) + noise
        gains = np.einsum("ij,ij->j", left, left) / np.maximum(variances, np.finfo(float).tiny)
        best = int(np.where(free, gains, -np.inf).argmax())
        chosen.append(best)
        free[best] = False
        column = left[:, best] / np.sqrt(variances[best])
        left -= np.outer(column, column)
    return np.array(chosen, dtype=np.int64)


def draw_candidates(
    space: Space, known: Population, n: int, *, generator: np.random.Generator
) -> Population:
    """Return random architectures that are not among the known ones, without repeats, shape ``(m, n_genes)``.

    Args:
        space: The space.
        known: Architectures that were measured, shape ``(k, n_genes)``.
        n: Number of architectures; fewer are returned if the space is small.
        generator: Source of randomness.
    """
    seen = set(space.codes(known).tolist())
    rows = np.empty((0, space.n_genes), dtype=space.dtype)
    for _ in range(_ROUNDS):
        drawn = space.sample(n, generator=generator)
        codes = space.codes(drawn).tolist()
        first = {code: row for row, code in reversed(list(enumerate(codes)))}
        new = sorted(row for code, row in first.items() if code not in seen)
        seen.update(first)
        rows = np.concatenate([rows, drawn[new]])
        if len(rows) >= n:
            break
    return rows[:n]


def check_candidates(n: int, candidates: Population) -> int:
    """Return the number of suggestions, checked against the candidates.

    Raises:
        InvalidArgumentError: If it is not positive, or there are too few candidates.
    """
    wanted = check_int("n", n, minimum=1)
    if wanted > len(candidates):
        raise InvalidArgumentError(
            f"`n` is {wanted}, but only {len(candidates)} architectures can be suggested; take fewer."
        )
    return wanted
