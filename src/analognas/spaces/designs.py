"""Sampling plans: which architectures to measure first, or to fit a predictor on.

All take any space and return a population, shape ``(n, n_genes)``. A Latin hypercube covers every gene by
itself evenly, a Sobol sequence also pairs and triples of genes; evolution-driven sampling spends part of the
measurements where architectures are good, since that is where a predictor must tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_int

if TYPE_CHECKING:
    from .base import Population, Space

_TOURNAMENT = 5
_CANDIDATES = 8
_LARGEST_BATCH = 50
_STALL = 50


def latin_hypercube(space: Space, n: int, *, generator: np.random.Generator) -> Population:
    """Draw ``n`` genotypes whose genes each run through their choices evenly.

    Every choice of a gene that is always active comes up ``n / n_choices`` times, rounded up or down. Forbidden
    rows are replaced by draws of :meth:`Space.sample`.

    Args:
        space: The space.
        n: Number of genotypes.
        generator: Source of randomness.

    Source: McKay, Beckman, Conover, Technometrics 1979.
    """
    check_int("n", n, minimum=1)
    strata = generator.permuted(np.tile(np.arange(n), (space.n_genes, 1)), axis=1).T
    return _to_rows(space, (strata + generator.random(strata.shape)) / n, generator)


def sobol(space: Space, n: int, *, generator: np.random.Generator) -> Population:
    """Draw the first ``n`` points of a scrambled Sobol sequence as genotypes; powers of two are balanced best.

    Forbidden rows are replaced by draws of :meth:`Space.sample`.

    Args:
        space: The space, of at most 21,201 genes.
        n: Number of genotypes.
        generator: Source of the scrambling.

    Source: Sobol, USSR Comput. Math. Math. Phys. 1967; Owen's scrambling, as in ``scipy.stats.qmc``.
    """
    from scipy.stats import qmc

    check_int("n", n, minimum=1)
    # Points of bits beyond double precision are not needed; 2^m of them keep scipy's balance.
    sequence = qmc.Sobol(space.n_genes, scramble=True, seed=generator)
    points = sequence.random_base2(max(n - 1, 1).bit_length())[:n]
    return _to_rows(space, points, generator)


def evolve(
    space: Space,
    n: int,
    score: Callable[[Population], Any],
    *,
    generator: np.random.Generator,
    n_initial: int | None = None,
) -> tuple[Population, NDArray[np.float64]]:
    """Measure ``n`` distinct architectures, the first spread out, the others around the best found.

    Starts from a Latin hypercube. Then parents win tournaments of five by their score, children are mutated
    or crossed, and of eight children each the one goes to be measured that is farthest from all measured
    so far. So quality chooses the region, diversity the point, and no measurement is spent twice or thrown
    away: all ``n`` are returned.

    Args:
        space: The space.
        n: Number of architectures to measure.
        score: From a population to a value for each row, shape ``(k,)``, larger is better; NaN counts as worst.
        generator: Source of randomness.
        n_initial: Size of the Latin hypercube; a quarter of ``n`` by default.

    Returns:
        The architectures in the order of measurement, shape ``(n, n_genes)``, and their scores, shape ``(n,)``.

    Raises:
        InvalidArgumentError: If the space has fewer than ``n`` architectures, or ``score`` returns another
            number of values.

    Source: the idea, an evolutionary search whose trajectory is the sample, from AnalogNAS (Benmeziane et al.,
    IEEE EDGE 2023); selection of children by distance is ours.
    """
    n = check_int("n", n, minimum=2)
    first = (
        max(2, n // 4)
        if n_initial is None
        else check_int("n_initial", n_initial, minimum=1, maximum=n)
    )
    rows = _new(space, latin_hypercube(space, first, generator=generator), set())
    seen = set(space.codes(rows).tolist())
    values = _scored(score, rows)
    stalled = 0
    while len(rows) < n:
        missing = min(n - len(rows), max(1, len(rows) // 10), _LARGEST_BATCH)
        children = _new(
            space, _children(space, rows, values, missing * _CANDIDATES, generator), seen
        )
        stalled = 0 if len(children) else stalled + 1
        if stalled > 3:
            children = _new(space, space.sample(10 * missing, generator=generator), seen)
        if stalled > _STALL:
            raise InvalidArgumentError(
                f"`n` must be at most the number of architectures of {space.name!r}; only {len(rows)} were "
                f"found, but got {n}."
            )
        chosen = _farthest(space, children, rows, missing)
        seen.update(space.codes(chosen).tolist())
        rows = np.concatenate([rows, chosen])
        values = np.concatenate([values, _scored(score, chosen)])
    return rows, values


def _to_rows(
    space: Space, points: NDArray[np.float64], generator: np.random.Generator
) -> Population:
    """Points of the unit cube as canonical, allowed rows."""
    rows = space.canonical((points * space.n_choices).astype(space.dtype))
    allowed = space.allowed(rows)
    if not allowed.all():
        rows[~allowed] = space.sample(int((~allowed).sum()), generator=generator)
    return rows


def _children(
    space: Space,
    rows: Population,
    values: NDArray[np.float64],
    n: int,
    generator: np.random.Generator,
) -> Population:
    """Mutants of tournament winners, half of them of the crossing of two."""
    rank = np.empty(len(rows), dtype=np.int64)
    order = np.argsort(np.where(np.isnan(values), np.inf, -values), kind="stable")
    rank[order] = np.arange(len(rows))
    entrants = generator.integers(len(rows), size=(2, n, _TOURNAMENT))
    mothers, fathers = rows[order[rank[entrants].min(axis=-1)]]
    half = n // 2
    crossed = space.crossover(mothers[:half], fathers[:half], generator=generator)
    return space.mutate(np.concatenate([crossed, mothers[half:]]), generator=generator)


def _farthest(space: Space, candidates: Population, rows: Population, n: int) -> Population:
    """Pick up to ``n`` candidates one by one, each the farthest from all rows and those picked before."""
    if not len(candidates):
        return candidates
    nearest = np.min([_distance(space, candidates, row) for row in rows], axis=0)
    picked: list[int] = []
    for _ in range(min(n, len(candidates))):
        best = int(nearest.argmax())
        picked.append(best)
        nearest = np.minimum(nearest, _distance(space, candidates, candidates[best]))
        nearest[best] = -1
    return candidates[picked]


def _distance(space: Space, population: Population, row: Population) -> NDArray[np.float64]:
    """Number of differing genes; a fine gene counts by the share of its range."""
    differs = (population != row).astype(np.float64)
    fine = space.fine
    if fine.any():
        steps = np.abs(population[:, fine].astype(np.int64) - row[fine])
        differs[:, fine] = steps / (space.n_choices[fine] - 1)
    total: NDArray[np.float64] = differs.sum(axis=1)
    return total


def _new(space: Space, population: Population, seen: set[Any]) -> Population:
    """Rows that were not seen, each once, in their order."""
    codes = space.codes(population).tolist()
    known = set(seen)
    rows = []
    for row, code in enumerate(codes):
        if code not in known:
            known.add(code)
            rows.append(row)
    return population[rows]


def _scored(score: Callable[[Population], Any], rows: Population) -> NDArray[np.float64]:
    values = np.asarray(score(rows), dtype=np.float64)
    if values.shape != (len(rows),):
        raise InvalidArgumentError(
            f"`score` must return a value for each of {len(rows)} rows, but got shape {values.shape}."
        )
    return values
