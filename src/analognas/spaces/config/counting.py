"""Counting the architectures of a space exactly, and drawing each with the same probability.

Genes that no constraint names multiply the count and are never enumerated. Of the others only classes of
values matter that all constraints treat alike, so a learning rate of 30,001 values that one condition splits
is two classes. Their joint table is summed out one gene at a time (variable elimination, Dechter 1999), in
Python integers; run backwards, the same tables draw a gene at a time with the right odds.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError
from .layout import Layout, Mask

LARGEST_TABLE = 2**20
"""Entries of the largest joint table; where constraints couple more than that, counting is refused."""


class UncountableError(InvalidArgumentError):
    """The constraints couple too many hyperparameters for an exact count."""


class _Table(NamedTuple):
    """Numbers of ways by the classes of some genes, one axis a gene."""

    genes: tuple[int, ...]
    ways: NDArray[Any]


class Counter:
    """Number of distinct, allowed architectures of a layout, and draws from them.

    Args:
        layout: Genes and their constraints.

    Raises:
        UncountableError: If a joint table would need more than :data:`LARGEST_TABLE` entries.

    Attributes:
        total: The number.
    """

    def __init__(self, layout: Layout) -> None:
        self._classes = [_Classes(layout, gene) for gene in range(len(layout.hyperparameters))]
        tables = [self._activity(layout, gene) for gene in range(len(self._classes))]
        tables += [self._clause(clause) for clause in layout.clauses]
        self._eliminated: list[tuple[int, _Table]] = []
        while open_genes := {gene for table in tables for gene in table.genes}:
            gene = min(open_genes, key=lambda gene: (self._joint_size(tables, gene), gene))
            joint = self._product([table for table in tables if gene in table.genes])
            tables = [table for table in tables if gene not in table.genes]
            axis = joint.genes.index(gene)
            rest = joint.genes[:axis] + joint.genes[axis + 1 :]
            tables.append(_Table(rest, np.asarray(joint.ways.sum(axis=axis), dtype=object)))
            self._eliminated.append((gene, joint))
        self.total = math.prod(int(table.ways.item()) for table in tables)

    def draw(self, n: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Draw ``n`` canonical rows, every architecture equally likely, shape ``(n, n_genes)``."""
        classes = np.zeros((len(self._classes), n), dtype=np.int64)
        rows = np.zeros((n, len(self._classes)), dtype=np.int64)
        for gene, joint in reversed(self._eliminated):
            ways = np.moveaxis(joint.ways, joint.genes.index(gene), -1)
            totals = ways.sum(axis=-1, keepdims=True)
            # Integers of any size are divided before they become floats.
            odds = (ways / np.where(totals == 0, 1, totals)).astype(np.float64).cumsum(axis=-1)
            rest = tuple(classes[other] for other in joint.genes if other != gene)
            bounds = odds[rest] if rest else np.broadcast_to(odds, (n, odds.shape[-1]))
            drawn = generator.random(n)[:, None] * bounds[:, -1:]
            classes[gene] = (drawn >= bounds).sum(axis=1)
            rows[:, gene] = self._classes[gene].members(classes[gene], generator)
        return rows

    def _activity(self, layout: Layout, gene: int) -> _Table:
        """Values in each class of a gene, or one way to be inactive, by the classes of its parents."""
        own = self._classes[gene]
        parents = sorted({parent for parent, _ in layout.parents[gene]})
        genes = (gene, *parents)
        shape = self._shape(genes)
        active = np.ones(shape[1:], dtype=bool)
        for parent, holds in layout.parents[gene]:
            place = [1] * len(parents)
            place[parents.index(parent)] = -1
            active = active & self._classes[parent].of(holds).reshape(place)
        ways = np.zeros(shape, dtype=object)
        for position, members in enumerate(own.positions):
            ways[position] = active * np.array(len(members), dtype=object)
        if own.conditional:
            ways[-1] = ~active * np.array(1, dtype=object)
        return _Table(genes, ways)

    def _clause(self, clause: list[tuple[int, Mask]]) -> _Table:
        """No way where a combination is forbidden, one elsewhere."""
        genes = tuple(gene for gene, _ in clause)
        self._shape(genes)
        hit: Any = np.ones((), dtype=bool)
        for gene, listed in clause:
            hit = hit[..., None] & self._classes[gene].of(listed)
        return _Table(genes, ~hit * np.array(1, dtype=object))

    def _product(self, tables: list[_Table]) -> _Table:
        genes = tuple(sorted({gene for table in tables for gene in table.genes}))
        ways: Any = np.ones(self._shape(genes), dtype=object)
        for table in tables:
            order = sorted(range(len(table.genes)), key=lambda axis: table.genes[axis])
            place = [self._classes[gene].n if gene in table.genes else 1 for gene in genes]
            ways = ways * table.ways.transpose(order).reshape(place)
        return _Table(genes, ways)

    def _joint_size(self, tables: list[_Table], gene: int) -> int:
        joint = {other for table in tables if gene in table.genes for other in table.genes}
        return math.prod(self._classes[other].n for other in joint)

    def _shape(self, genes: tuple[int, ...]) -> tuple[int, ...]:
        shape = tuple(self._classes[gene].n for gene in genes)
        if math.prod(shape) > LARGEST_TABLE:
            raise UncountableError(
                f"The constraints couple so many hyperparameters (a joint table of {math.prod(shape):.3g} "
                f"entries) that the space cannot be counted exactly; up to {LARGEST_TABLE:,} entries it can. "
                "Sampling and search work all the same."
            )
        return shape


class _Classes:
    """Classes of one gene's values that all constraints treat alike; the last may be `inactive`."""

    def __init__(self, layout: Layout, gene: int) -> None:
        n = layout.hyperparameters[gene].n_choices
        pairs = [pair for rows in [*layout.parents, *layout.clauses] for pair in rows]
        masks = [mask for other, mask in pairs if other == gene]
        self.conditional = bool(layout.parents[gene])
        self.positions: list[Any] = [range(n)]
        if masks:
            _, group = np.unique(np.stack(masks, axis=1), axis=0, return_inverse=True)
            group = group.reshape(-1)
            self.positions = [np.flatnonzero(group == one) for one in range(int(group.max()) + 1)]
        self.n = len(self.positions) + self.conditional

    def of(self, mask: Mask) -> NDArray[np.bool_]:
        """A mask over values as one over classes; never true of `inactive`."""
        marks = np.zeros(self.n, dtype=bool)
        marks[: len(self.positions)] = [mask[members[0]] for members in self.positions]
        return marks

    def members(
        self, classes: NDArray[np.int64], generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw a value of each class uniformly, 0 for `inactive`; shape of ``classes``."""
        share = generator.random(len(classes))
        indices = np.zeros(len(classes), dtype=np.int64)
        for position, members in enumerate(self.positions):
            mine = classes == position
            picks = (share[mine] * len(members)).astype(np.int64)
            indices[mine] = picks if isinstance(members, range) else members[picks]
        return indices
