"""Moves in spaces with inactive genes, forbidden combinations or fine grids.

A gene of an absent block says nothing. It holds 0, the canonical value, so that equal architectures are equal
rows. Every function here takes canonical, allowed rows and returns such rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_int

if TYPE_CHECKING:
    from .base import Population, Space

FINE_STEP = 0.2
"""Standard deviation of a mutation of a fine gene, as a share of its range."""

_ROUNDS = 30
_UNIQUE_ROUNDS = 50
_SMALLEST_DRAW = 64
_LARGEST_OVERDRAW = 50.0


def sample(space: Space, n: int, generator: np.random.Generator) -> Population:
    """Draw every gene uniformly, forget those that are inactive, and drop what is forbidden.

    Args:
        space: The space.
        n: Number of genotypes.
        generator: Source of randomness.

    Raises:
        InvalidArgumentError: If hardly any combination is allowed, and the space has no other way to draw.
    """
    parts: list[Population] = []
    missing, n_drawn, n_kept = n, 0, 0
    for _ in range(_ROUNDS):
        overdraw = min((n_drawn + 1) / (n_kept + 1), _LARGEST_OVERDRAW)
        draws = grid(space, max(int(missing * overdraw * 1.1), _SMALLEST_DRAW), generator)
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
            f"Of {n_drawn:,} random combinations of {space.name!r} only {n_kept:,} are allowed; leave out "
            "values that are nearly always forbidden."
        )
    return np.concatenate([*parts, rare])


def sample_unique(space: Space, n: int, generator: np.random.Generator) -> Population:
    """Draw ``n`` different genotypes as :meth:`.Space.sample` draws them.

    Args:
        space: The space.
        n: Number of genotypes.
        generator: Source of randomness.

    Raises:
        InvalidArgumentError: If the space has fewer.
    """
    rows = np.empty((0, space.n_genes), dtype=space.dtype)
    for _ in range(_UNIQUE_ROUNDS):
        rows = np.concatenate([rows, space.sample(n - len(rows), generator=generator)])
        rows = rows[np.sort(np.unique(space.codes(rows), return_index=True)[1])]
        if len(rows) == n:
            return rows
    # Few are left, or very unlikely ones.
    every = space.every()
    check_enough(space, n, len(every))
    left = every[~np.isin(space.codes(every), space.codes(rows))]
    return np.concatenate([rows, generator.permutation(left)[: n - len(rows)]])


def check_enough(space: Space, n: int, size: int) -> None:
    """Refuse to draw more genotypes without replacement than there are.

    Raises:
        InvalidArgumentError: If ``n`` is larger than ``size``.
    """
    if n > size:
        raise InvalidArgumentError(
            f"`n` must be at most {size}, the size of {space.name}, to sample without "
            f"replacement, but got {n}."
        )


def check_draw(n: Any, generator: Any) -> int:
    """Return the number of draws in its plain type.

    Raises:
        InvalidArgumentError: If it is no integer or negative, or ``generator`` is none of numpy's.
    """
    if not isinstance(generator, np.random.Generator):
        raise InvalidArgumentError(
            "`generator` must be a numpy.random.Generator, such as numpy.random.default_rng(0), but got "
            f"{generator!r}."
        )
    return check_int("n", n, minimum=0)


def grid(space: Space, n: int, generator: np.random.Generator) -> Population:
    """Draw every gene uniformly and by itself, shape ``(n, n_genes)``: neither canonical nor allowed."""
    rows: Population = (generator.random((n, space.n_genes)) * space.n_choices).astype(space.dtype)
    return rows


def mutate(space: Space, population: Population, generator: np.random.Generator) -> Population:
    """Change one active gene of every row; genes that thereby become active are drawn uniformly."""
    children = population.copy()
    left = np.arange(len(population))
    for _ in range(_ROUNDS):
        if not len(left):
            return children
        children[left] = _mutated(space, population[left], space.n_choices > 1, generator)
        left = left[~space.allowed(children[left])]
    for row in left:
        around = space.neighbours(population[row])
        children[row] = (
            around[generator.integers(len(around))]
            if len(around)
            else _another(space, population[row], generator)
        )
    return children


def mutate_genes(
    space: Space,
    population: Population,
    genes: NDArray[np.bool_],
    generator: np.random.Generator,
) -> Population:
    """Change one active gene of ``genes`` in every row that has one.

    Other rows, and those that stay forbidden after some attempts, are copies of their parents.
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


def crossover(
    space: Space, mothers: Population, fathers: Population, generator: np.random.Generator
) -> Population:
    """Take every active gene from a parent in which it is active; where neither has it, draw it uniformly.

    Children that stay forbidden after some attempts are copies of their mothers.
    """
    children = mothers.copy()
    left = np.arange(len(mothers))
    for _ in range(_ROUNDS):
        if not len(left):
            break
        her, his = mothers[left], fathers[left]
        hers, theirs = space.active(her), space.active(his)
        draws = grid(space, len(left), generator)
        his = np.where(theirs, his, np.where(hers, her, draws))
        her = np.where(hers, her, his)
        mixed = space.canonical(np.where(generator.random(her.shape) < 0.5, her, his))
        allowed = space.allowed(mixed)
        children[left[allowed]] = mixed[allowed]
        left = left[~allowed]
    return children


def neighbours(space: Space, row: NDArray[np.integer[Any]]) -> Population:
    """All canonical, allowed genotypes that differ from ``row`` in one gene; fine genes by powers of two."""
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
    rows: Population = np.tile(np.asarray(row, dtype=space.dtype), (len(columns), 1))
    rows[np.arange(len(columns)), columns] = np.concatenate(values)
    kept: Population = rows[(space.canonical(rows) == rows).all(axis=1) & space.allowed(rows)]
    return kept


def other_choices(
    space: Space,
    genes: NDArray[np.int64],
    current: NDArray[np.integer[Any]],
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Another choice for each gene: uniform, or for fine genes a normal step, reflected at the ends."""
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
        # A step too small to see becomes one grid point, inwards at the upper end.
        after[fine] = np.where(end == start, np.where(start == last, start - 1, start + 1), end)
    return after


def _mutated(
    space: Space,
    parents: Population,
    changeable: NDArray[np.bool_],
    generator: np.random.Generator,
) -> Population:
    active = space.active(parents)
    position = (active & changeable).cumsum(axis=1)
    picks = (generator.random(len(parents)) * position[:, -1]).astype(np.int64)
    genes = (position > picks[:, None]).argmax(axis=1)
    # What is inactive holds a draw meanwhile: it stays where the mutation makes it active.
    children = np.where(active, parents, grid(space, len(parents), generator))
    rows = np.arange(len(parents))
    children[rows, genes] = other_choices(space, genes, parents[rows, genes], generator)
    return space.canonical(children)


def _another(space: Space, row: Population, generator: np.random.Generator) -> Population:
    """Any other architecture; for the rare row whose neighbours are all forbidden."""
    for _ in range(_ROUNDS):
        draws = sample(space, _SMALLEST_DRAW, generator)
        other = draws[(draws != row).any(axis=1)]
        if len(other):
            first: Population = other[0]
            return first
    raise InvalidArgumentError(
        f"{space.name!r} has hardly any architecture but one; nothing can be searched for."
    )
