"""Experimental designs: initial architectures to measure, for example to fit a predictor.

They work for all spaces and return a population, shape ``(n, n_genes)``. A Latin hypercube covers each gene
evenly; a Sobol sequence also covers pairs and triples of genes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core import check_int

if TYPE_CHECKING:
    from .base import Population, Space


def latin_hypercube(space: Space, n: int, *, generator: np.random.Generator) -> Population:
    """Draw ``n`` genotypes that cover the choices of each gene evenly.

    Each choice of a gene that is always active occurs ``n / n_choices`` times, rounded up or down. Forbidden
    rows are replaced by samples of :meth:`Space.sample`.

    Args:
        space: The space.
        n: Number of genotypes.
        generator: Source of randomness.

    Source: McKay, Beckman, Conover, Technometrics 1979.

    Example:
        >>> import numpy as np
        >>> from analognas.spaces import NASBench201Space
        >>> latin_hypercube(NASBench201Space(), 5, generator=np.random.default_rng(0)).shape
        (5, 6)
    """
    check_int("n", n, minimum=1)
    strata = generator.permuted(np.tile(np.arange(n), (space.n_genes, 1)), axis=1).T
    return _to_rows(space, (strata + generator.random(strata.shape)) / n, generator)


def sobol(space: Space, n: int, *, generator: np.random.Generator) -> Population:
    """Return the first ``n`` points of a scrambled Sobol sequence as genotypes; choose a power of two.

    Forbidden rows are replaced by samples of :meth:`Space.sample`.

    Args:
        space: The space, with at most 21,201 genes.
        n: Number of genotypes.
        generator: Source of the scrambling.

    Source: Sobol, USSR Comput. Math. Math. Phys. 1967; Owen's scrambling, as in ``scipy.stats.qmc``.

    Example:
        >>> import numpy as np
        >>> from analognas.spaces import NASBench201Space
        >>> sobol(NASBench201Space(), 8, generator=np.random.default_rng(0)).shape
        (8, 6)
    """
    from scipy.stats import qmc

    check_int("n", n, minimum=1)
    # 2^m points, as scipy needs for balance; bits beyond double precision are not needed.
    sequence = qmc.Sobol(space.n_genes, scramble=True, seed=generator)
    points = sequence.random_base2(max(n - 1, 1).bit_length())[:n]
    return _to_rows(space, points, generator)


def _to_rows(
    space: Space, points: NDArray[np.float64], generator: np.random.Generator
) -> Population:
    """Convert points of the unit cube to canonical, allowed rows."""
    rows = space.canonical((points * space.n_choices).astype(space.dtype))
    allowed = space.allowed(rows)
    if not allowed.all():
        rows[~allowed] = space.sample(int((~allowed).sum()), generator=generator)
    return rows
