"""Exact number of architectures of a space, and uniform sampling of architectures.

Unconstrained genes just multiply the count. For the others, values that all constraints treat alike form a
class: a learning rate of 30,001 values with one condition has two classes. Genes are eliminated one at a time
    from the
joint table of classes (variable elimination, Dechter 1999), in Python integers. The same tables, used in
reverse order, give the probabilities for sampling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError
from .gene_constraints import GeneConstraints
from .index_sets import IndexSet

_MOST_AXES = 32
LARGEST_TABLE = 2**20
"""Largest number of entries of a joint table; beyond that, counting raises an error."""


class UncountableError(InvalidArgumentError):
    """The constraints couple too many hyperparameters for exact counting."""


class _CombinationCounts(NamedTuple):
    """Numbers of combinations by the classes of some genes, one axis per gene."""

    genes: tuple[int, ...]
    ways: NDArray[Any]


class Counter:
    """Number of distinct, allowed architectures under constraints, and samples of them.

    Args:
        constraints: Conditions and forbidden combinations of the genes.

    Raises:
        UncountableError: If a joint table would need more than :data:`LARGEST_TABLE` entries.

    Attributes:
        total: Number of architectures.
    """

    def __init__(self, constraints: GeneConstraints) -> None:
        self._classes = _classes_of(constraints)
        tables = [self._activity(constraints, gene) for gene in range(len(self._classes))]
        tables += [self._clause(clause) for clause in constraints.clauses]
        self._eliminated: list[tuple[int, _CombinationCounts]] = []
        self.total = 1
        using: list[list[_CombinationCounts]] = [
            [] for _ in self._classes
        ]  # tables by gene that they contain
        for table in tables:
            self._add(table, using)
        sizes = {gene: self._joint_size(using[gene]) for gene in range(len(self._classes))}
        while sizes:
            gene = min(sizes, key=lambda gene: (sizes[gene], gene))
            del sizes[gene]
            merged = using[gene]
            joint = self._product(merged)
            gone = set(map(id, merged))
            for other in joint.genes:
                using[other] = [table for table in using[other] if id(table) not in gone]
            axis = joint.genes.index(gene)
            rest = joint.genes[:axis] + joint.genes[axis + 1 :]
            self._add(
                _CombinationCounts(rest, np.asarray(joint.ways.sum(axis=axis), dtype=object)), using
            )
            self._eliminated.append((gene, joint))
            for other in rest:
                sizes[other] = self._joint_size(using[other])

    def _add(self, table: _CombinationCounts, using: list[list[_CombinationCounts]]) -> None:
        for gene in table.genes:
            using[gene].append(table)
        if not table.genes:
            self.total *= int(table.ways.item())

    def draw(self, n: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Draw ``n`` canonical rows, shape ``(n, n_genes)``; all architectures are equally likely."""
        classes = np.zeros((len(self._classes), n), dtype=np.int64)
        rows = np.zeros((n, len(self._classes)), dtype=np.int64)
        for gene, joint in reversed(self._eliminated):
            ways = np.moveaxis(joint.ways, joint.genes.index(gene), -1)
            totals = ways.sum(axis=-1, keepdims=True)
            # Integers of any size, so divide before converting to float.
            odds = (ways / np.where(totals == 0, 1, totals)).astype(np.float64).cumsum(axis=-1)
            rest = tuple(classes[other] for other in joint.genes if other != gene)
            bounds = odds[rest] if rest else np.broadcast_to(odds, (n, odds.shape[-1]))
            drawn = generator.random(n)[:, None] * bounds[:, -1:]
            classes[gene] = (drawn >= bounds).sum(axis=1)
            rows[:, gene] = self._classes[gene].members(classes[gene], generator)
        return rows

    def _activity(self, constraints: GeneConstraints, gene: int) -> _CombinationCounts:
        """Return the number of values in each class of a gene (1 if inactive), by classes of parents."""
        own = self._classes[gene]
        parents = sorted({parent for parent, _ in constraints.parents[gene]})
        genes = (gene, *parents)
        shape = self._shape(genes)
        active = np.ones(shape[1:], dtype=bool)
        for parent, holds in constraints.parents[gene]:
            place = [1] * len(parents)
            place[parents.index(parent)] = -1
            active = active & self._classes[parent].of(holds).reshape(place)
        ways = np.zeros(shape, dtype=object)
        for position, count in enumerate(own.counts):
            ways[position] = active * np.array(count, dtype=object)
        if own.conditional:
            ways[-1] = ~active * np.array(1, dtype=object)
        return _CombinationCounts(genes, ways)

    def _clause(self, clause: list[tuple[int, IndexSet]]) -> _CombinationCounts:
        """Return a table that is 0 where a combination is forbidden, else 1."""
        genes = tuple(gene for gene, _ in clause)
        self._shape(genes)
        hit: Any = np.ones((), dtype=bool)
        for gene, listed in clause:
            hit = hit[..., None] & self._classes[gene].of(listed)
        return _CombinationCounts(genes, ~hit * np.array(1, dtype=object))

    def _product(self, tables: list[_CombinationCounts]) -> _CombinationCounts:
        genes = tuple(sorted({gene for table in tables for gene in table.genes}))
        ways: Any = np.ones(self._shape(genes), dtype=object)
        for table in tables:
            order = sorted(range(len(table.genes)), key=lambda axis: table.genes[axis])
            place = [self._classes[gene].n if gene in table.genes else 1 for gene in genes]
            ways = ways * table.ways.transpose(order).reshape(place)
        return _CombinationCounts(genes, ways)

    def _joint_size(self, tables: list[_CombinationCounts]) -> int:
        joint = {other for table in tables for other in table.genes}
        return math.prod(self._classes[other].n for other in joint)

    def _shape(self, genes: tuple[int, ...]) -> tuple[int, ...]:
        shape = tuple(self._classes[gene].n for gene in genes)
        if math.prod(shape) > LARGEST_TABLE or len(shape) > _MOST_AXES:
            raise UncountableError(
                f"The constraints couple so many hyperparameters (a joint table of {math.prod(shape):.3g} "
                f"entries) that the space cannot be counted exactly; the limit is {LARGEST_TABLE:,} entries. "
                "Sampling and search still work."
            )
        return shape


def _classes_of(constraints: GeneConstraints) -> list[_Classes]:
    """Return the classes of values of every gene."""
    sets: list[dict[bytes, IndexSet]] = [{} for _ in constraints.hyperparameters]
    for gene, found in (
        pair for rows in [*constraints.parents, *constraints.clauses] for pair in rows
    ):
        sets[gene].setdefault(found.key, found)
    return [
        _Classes(entry.n_choices, list(sets[gene].values()), bool(constraints.parents[gene]))
        for gene, entry in enumerate(constraints.hyperparameters)
    ]


class _Classes:
    """Classes of one gene's values that all constraints treat alike; the last may be `inactive`.

    Args:
        n: Number of values.
        sets: Sets of indices that the constraints distinguish.
        conditional: Whether the gene may be inactive.
    """

    def __init__(self, n: int, sets: Sequence[IndexSet], conditional: bool) -> None:
        edges = np.unique(
            np.concatenate([[0, n], *(part for one in sets for part in (one.starts, one.stops))])
        ).astype(np.int64)
        starts, lengths = edges[:-1], np.diff(edges)
        group = np.zeros(len(starts), dtype=np.int64)
        if sets:
            inside = np.stack([one[starts] for one in sets], axis=1)
            group = np.unique(inside, axis=0, return_inverse=True)[1].reshape(-1)
        self.conditional = conditional
        self._pieces = [
            (starts[group == one], lengths[group == one]) for one in range(int(group.max()) + 1)
        ]
        self._first = np.array([starts[0] for starts, _ in self._pieces])
        self.counts = [int(lengths.sum()) for _, lengths in self._pieces]
        self.n = len(self._pieces) + conditional

    def of(self, found: IndexSet) -> NDArray[np.bool_]:
        """Return a set of values as a mask over classes, False for `inactive`."""
        marks = np.zeros(self.n, dtype=bool)
        marks[: len(self._first)] = found[self._first]
        return marks

    def members(
        self, classes: NDArray[np.int64], generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw a value of each class uniformly (0 for `inactive`), shape of ``classes``."""
        share = generator.random(len(classes))
        indices = np.zeros(len(classes), dtype=np.int64)
        for position, (starts, lengths) in enumerate(self._pieces):
            mine = classes == position
            picks = (share[mine] * self.counts[position]).astype(np.int64)
            ends = lengths.cumsum()
            piece = ends.searchsorted(picks, side="right")
            indices[mine] = starts[piece] + picks - (ends - lengths)[piece]
        return indices
