"""Moves on whole populations: sampling, mutation, crossover, neighbours.

All functions take and return canonical, allowed rows. Plain spaces, without inactive or fine genes and without
forbidden combinations, have faster versions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_int
from .genotypes import Genotypes, Population

__all__ = ["check_enough", "crossover", "mutate", "neighbours", "sample"]

FINE_STEP = 0.2
"""Standard deviation of a mutation of a fine gene, as a share of its range."""

_ROUNDS = 30
_UNIQUE_ROUNDS = 50
_SMALLEST_DRAW = 64
_LARGEST_OVERDRAW = 50.0


def sample(
    space: Genotypes, n: int, generator: np.random.Generator, *, unique: bool = False
) -> Population:
    """Draw ``n`` genotypes; see :meth:`.Space.sample`.

    Args:
        space: The genotypes.
        n: Number of rows.
        generator: Source of randomness.
        unique: Whether to draw without replacement.

    Raises:
        InvalidArgumentError: If ``n`` is negative, there are fewer with ``unique``, or few combinations are
            allowed and the space has no other way to draw.
    """
    n = _checked_draw(n, generator)
    if unique and not space.constrained and space.has_integer_codes:
        check_enough(space, n, space.size)
        return space.from_codes(generator.choice(space.size, n, replace=False))
    if unique:
        return _sample_unique(space, n, generator)
    return _sample_allowed(space, n, generator) if space.constrained else _grid(space, n, generator)


def mutate(
    space: Genotypes,
    population: Population,
    generator: np.random.Generator,
    *,
    genes: NDArray[np.bool_] | None = None,
) -> Population:
    """Change one active gene of every row; see :meth:`.Space.mutate`.

    Args:
        space: The genotypes.
        population: Shape ``(n, n_genes)``.
        generator: Source of randomness.
        genes: Which genes may be chosen, shape ``(n_genes,)``; all by default.

    Raises:
        InvalidArgumentError: If there is only one architecture.
    """
    if genes is not None:
        return _mutate_genes(space, population, np.asarray(genes, dtype=bool), generator)
    if not len(space.free_genes):
        raise InvalidArgumentError(f"{space.name!r} has only one architecture; it cannot change.")
    if not space.plain:
        return _mutate_active(space, population, generator)
    n = len(population)
    draws = generator.random(2 * n)
    chosen = space.free_genes.take((draws[:n] * len(space.free_genes)).astype(np.int64))
    choices = space.n_choices.take(chosen)
    steps = 1 + (draws[n:] * (choices - 1)).astype(np.int64)
    children = population.copy()
    # Indexing the flat array is faster than indexing rows and columns.
    flat = children.reshape(-1)
    places = chosen + np.arange(0, flat.size, space.n_genes)
    flat[places] = (flat.take(places) + steps) % choices
    return children


def crossover(
    space: Genotypes, mothers: Population, fathers: Population, generator: np.random.Generator
) -> Population:
    """Take every gene from either parent; see :meth:`.Space.crossover`.

    Children that are still forbidden after some attempts are copies of their mothers.

    Args:
        space: The genotypes.
        mothers: Shape ``(n, n_genes)``.
        fathers: Shape ``(n, n_genes)``.
        generator: Source of randomness.
    """
    if not space.constrained:
        mixed: Population = np.where(generator.random(mothers.shape) < 0.5, mothers, fathers)
        return mixed
    children = mothers.copy()
    left = np.arange(len(mothers))
    for _ in range(_ROUNDS):
        if not len(left):
            break
        her, his = mothers[left], fathers[left]
        hers, theirs = space.active(her), space.active(his)
        draws = _grid(space, len(left), generator)
        his = np.where(theirs, his, np.where(hers, her, draws))
        her = np.where(hers, her, his)
        mixed = space.canonical(np.where(generator.random(her.shape) < 0.5, her, his))
        allowed = space.allowed(mixed)
        children[left[allowed]] = mixed[allowed]
        left = left[~allowed]
    return children


def neighbours(space: Genotypes, row: NDArray[np.integer[Any]]) -> Population:
    """Return all architectures that differ from ``row`` in one gene; see :meth:`.Space.neighbours`.

    Args:
        space: The genotypes.
        row: Shape ``(n_genes,)``.
    """
    if space.plain:
        columns = np.repeat(np.arange(space.n_genes), space.n_choices - 1)
        steps = np.concatenate([np.arange(1, n) for n in space.n_choices])
        rows: Population = np.tile(np.asarray(row, dtype=space.dtype), (len(columns), 1))
        each = np.arange(len(columns))
        rows[each, columns] = (rows[each, columns] + steps) % space.n_choices[columns]
        return rows
    genes, values = [], []
    for gene, n in enumerate(space.n_choices.tolist()):
        here = int(row[gene])
        if space.fine[gene]:
            steps = 1 << np.arange(int(n - 1).bit_length())
            other = np.unique(np.concatenate([here - steps, here + steps]))
            other = other[(other >= 0) & (other < n)]
        else:
            other = np.delete(np.arange(n), here)
        genes.append(np.full(len(other), gene))
        values.append(other)
    columns = np.concatenate(genes)
    rows = np.tile(np.asarray(row, dtype=space.dtype), (len(columns), 1))
    rows[np.arange(len(columns)), columns] = np.concatenate(values)
    kept: Population = rows[(space.canonical(rows) == rows).all(axis=1) & space.allowed(rows)]
    return kept


def _sample_allowed(space: Genotypes, n: int, generator: np.random.Generator) -> Population:
    """Draw every gene uniformly, set inactive genes to 0, and drop forbidden rows.

    Args:
        space: The space.
        n: Number of genotypes.
        generator: Source of randomness.

    Raises:
        InvalidArgumentError: If few combinations are allowed, and the space has no other way to draw.
    """
    parts: list[Population] = []
    missing, n_drawn, n_kept = n, 0, 0
    for _ in range(_ROUNDS):
        overdraw = min((n_drawn + 1) / (n_kept + 1), _LARGEST_OVERDRAW)
        draws = _grid(space, max(int(missing * overdraw * 1.1), _SMALLEST_DRAW), generator)
        if not parts:
            draws = draws[:n]
        rows = space.canonical(draws)
        rows = rows[space.allowed(rows)][:missing]
        parts.append(rows)
        missing -= len(rows)
        n_drawn, n_kept = n_drawn + len(draws), n_kept + len(rows)
        if not missing:
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
    rare = space.sample_rare(missing, generator=generator)
    if rare is None:
        raise InvalidArgumentError(
            f"Of {n_drawn:,} random combinations of {space.name!r} only {n_kept:,} are allowed; remove values "
            "that are nearly always forbidden."
        )
    return np.concatenate([*parts, rare])


def _sample_unique(space: Genotypes, n: int, generator: np.random.Generator) -> Population:
    """Draw ``n`` different genotypes with the probabilities of :meth:`.Space.sample`.

    Args:
        space: The space.
        n: Number of genotypes.
        generator: Source of randomness.

    Raises:
        InvalidArgumentError: If the space has fewer.
    """
    rows = np.empty((0, space.n_genes), dtype=space.dtype)
    for _ in range(_UNIQUE_ROUNDS):
        rows = np.concatenate([rows, sample(space, n - len(rows), generator)])
        rows = rows[np.sort(np.unique(space.codes(rows), return_index=True)[1])]
        if len(rows) == n:
            return rows
    # Only few, or very unlikely, rows are left.
    every = space.every()
    check_enough(space, n, len(every))
    left = every[~np.isin(space.codes(every), space.codes(rows))]
    return np.concatenate([rows, generator.permutation(left)[: n - len(rows)]])


def check_enough(space: Genotypes, n: int, size: int) -> None:
    """Check that there are enough genotypes to draw without replacement.

    Raises:
        InvalidArgumentError: If ``n`` is larger than ``size``.
    """
    if n > size:
        raise InvalidArgumentError(
            f"`n` must be at most {size}, the size of {space.name}, to sample without "
            f"replacement, but got {n}."
        )


def _checked_draw(n: Any, generator: Any) -> int:
    """Return the number of draws as an ``int``.

    Raises:
        InvalidArgumentError: If it is not an integer or negative, or ``generator`` is not a numpy generator.
    """
    if not isinstance(generator, np.random.Generator):
        raise InvalidArgumentError(
            "`generator` must be a numpy.random.Generator, such as numpy.random.default_rng(0), but got "
            f"{generator!r}."
        )
    return check_int("n", n, minimum=0)


def _grid(space: Genotypes, n: int, generator: np.random.Generator) -> Population:
    """Draw every gene uniformly, shape ``(n, n_genes)``; rows may be neither canonical nor allowed."""
    rows: Population = (generator.random((n, space.n_genes)) * space.n_choices).astype(space.dtype)
    return rows


def _mutate_active(
    space: Genotypes, population: Population, generator: np.random.Generator
) -> Population:
    """Change one active gene of every row; genes that become active are drawn uniformly."""
    children = population.copy()
    left = np.arange(len(population))
    for _ in range(_ROUNDS):
        if not len(left):
            return children
        children[left] = _mutated(space, population[left], space.n_choices > 1, generator)
        left = left[~space.allowed(children[left])]
    for row in left:
        around = neighbours(space, population[row])
        children[row] = (
            around[generator.integers(len(around))]
            if len(around)
            else _another(space, population[row], generator)
        )
    return children


def _mutate_genes(
    space: Genotypes,
    population: Population,
    genes: NDArray[np.bool_],
    generator: np.random.Generator,
) -> Population:
    """Change one active gene of ``genes`` in every row that has one.

    Other rows, and rows that are still forbidden after some attempts, are copies of their parents.
    """
    children = population.copy()
    changeable = genes & (space.n_choices > 1)
    left = np.flatnonzero((space.active(population) & changeable).any(axis=1))
    for _ in range(_ROUNDS):
        if not len(left):
            break
        mutants = _mutated(space, population[left], changeable, generator)
        allowed = space.allowed(mutants)
        children[left[allowed]] = mutants[allowed]
        left = left[~allowed]
    return children


def _other_choices(
    space: Genotypes,
    genes: NDArray[np.int64],
    current: NDArray[np.integer[Any]],
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Return another choice for each gene: uniform, or for fine genes a normal step, reflected at the ends."""
    choices = space.n_choices[genes]
    before = current.astype(np.int64)
    steps = 1 + (generator.random(len(genes)) * (choices - 1)).astype(np.int64)
    after = (before + steps) % choices
    fine = space.fine[genes]
    if fine.any():
        last, start = choices[fine] - 1, before[fine]
        walk = np.rint(generator.normal(size=len(start)) * FINE_STEP * last).astype(np.int64)
        end = np.abs(start + walk) % (2 * last)
        end = np.minimum(end, 2 * last - end)
        # A step that rounds to 0 becomes one grid point, inwards at the upper end.
        after[fine] = np.where(end == start, np.where(start == last, start - 1, start + 1), end)
    return after


def _mutated(
    space: Genotypes,
    parents: Population,
    changeable: NDArray[np.bool_],
    generator: np.random.Generator,
) -> Population:
    active = space.active(parents)
    position = (active & changeable).cumsum(axis=1)
    picks = (generator.random(len(parents)) * position[:, -1]).astype(np.int64)
    genes = (position > picks[:, None]).argmax(axis=1)
    # Inactive genes hold a draw, which is kept where the mutation makes them active.
    children = np.where(active, parents, _grid(space, len(parents), generator))
    rows = np.arange(len(parents))
    children[rows, genes] = _other_choices(space, genes, parents[rows, genes], generator)
    return space.canonical(children)


def _another(space: Genotypes, row: Population, generator: np.random.Generator) -> Population:
    """Return any other architecture, for the rare row whose neighbours are all forbidden."""
    for _ in range(_ROUNDS):
        draws = sample(space, _SMALLEST_DRAW, generator)
        other = draws[(draws != row).any(axis=1)]
        if len(other):
            first: Population = other[0]
            return first
    raise InvalidArgumentError(
        f"{space.name!r} has hardly more than one architecture; it cannot be searched."
    )
