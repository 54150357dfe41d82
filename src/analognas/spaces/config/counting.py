"""Counting the architectures of a space exactly, conditions and forbidden combinations included.

Genes that no constraint names multiply the count and are never enumerated. Of the others only classes of
values matter that all constraints treat alike, so a learning rate of 30,001 values that one condition splits
is two classes. Their joint table is summed out one gene at a time (variable elimination), in Python integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError
from .layout import Layout, Mask

LARGEST_TABLE = 2**20
"""Entries of the largest joint table; where constraints couple more than that, counting is refused."""

Factor = tuple[tuple[int, ...], NDArray[Any]]


def count(layout: Layout) -> int:
    """Number of distinct, allowed architectures.

    Raises:
        InvalidArgumentError: If the constraints couple so many genes that no exact count is feasible.
    """
    states = [_Classes(layout, gene) for gene in range(len(layout.hyperparameters))]
    factors: list[Factor] = [_activity(layout, states, gene) for gene in range(len(states))]
    factors += [_clause(states, clause) for clause in layout.clauses]
    while open_genes := {gene for genes, _ in factors for gene in genes}:
        cheapest = min(open_genes, key=lambda gene: (_joint_size(factors, states, gene), gene))
        touching = [factor for factor in factors if cheapest in factor[0]]
        factors = [factor for factor in factors if cheapest not in factor[0]]
        factors.append(_sum_out(touching, states, cheapest))
    total = 1
    for _, table in factors:
        total *= int(table.item())
    return total


class _Classes:
    """Classes of one gene's values that all constraints treat alike; the last class is `inactive`."""

    def __init__(self, layout: Layout, gene: int) -> None:
        n = layout.hyperparameters[gene].n_choices
        pairs = [pair for rows in [*layout.parents, *layout.clauses] for pair in rows]
        masks = [mask for other, mask in pairs if other == gene]
        self.conditional = bool(layout.parents[gene])
        if not masks:
            self.first, sizes = np.zeros(1, dtype=np.int64), np.array([n])
        else:
            signature = np.stack(masks, axis=1)
            _, self.first, sizes = np.unique(
                signature, axis=0, return_index=True, return_counts=True
            )
        self.sizes = [int(size) for size in sizes]
        self.n = len(self.sizes) + self.conditional

    def of(self, mask: Mask) -> NDArray[np.bool_]:
        """A mask over values as one over classes; never true of `inactive`."""
        marks = np.zeros(self.n, dtype=bool)
        marks[: len(self.sizes)] = mask[self.first]
        return marks


def _activity(layout: Layout, states: list[_Classes], gene: int) -> Factor:
    """Number of values in each class of a gene, or of `inactive`, given the classes of its parents."""
    own = states[gene]
    parents = sorted({parent for parent, _ in layout.parents[gene]})
    genes = (gene, *parents)
    shape = [states[one].n for one in genes]
    _check_size(shape)
    active = np.ones(shape[1:], dtype=bool)
    for parent, holds in layout.parents[gene]:
        place = [1] * len(parents)
        place[parents.index(parent)] = -1
        active = active & states[parent].of(holds).reshape(place)
    table = np.zeros(shape, dtype=object)
    for position, size in enumerate(own.sizes):
        table[position] = np.where(active, size, 0).astype(object)
    if own.conditional:
        table[-1] = np.where(active, 0, 1).astype(object)
    return genes, table


def _clause(states: list[_Classes], clause: list[tuple[int, Mask]]) -> Factor:
    """0 where a combination is forbidden, 1 elsewhere."""
    genes = tuple(gene for gene, _ in clause)
    _check_size([states[gene].n for gene in genes])
    hit: Any = np.ones((), dtype=bool)
    for gene, listed in clause:
        hit = hit[..., None] & states[gene].of(listed)
    return genes, np.where(hit, 0, 1).astype(object)


def _sum_out(touching: list[Factor], states: list[_Classes], gene: int) -> Factor:
    genes = sorted({one for part, _ in touching for one in part})
    _check_size([states[one].n for one in genes])
    product: Any = np.ones((), dtype=object)
    for part, table in touching:
        order = sorted(range(len(part)), key=lambda axis: part[axis])
        place = [states[one].n if one in part else 1 for one in genes]
        product = product * table.transpose(order).reshape(place)
    rest = tuple(one for one in genes if one != gene)
    return rest, np.asarray(product.sum(axis=genes.index(gene)), dtype=object)


def _joint_size(factors: list[Factor], states: list[_Classes], gene: int) -> int:
    joint = {one for genes, _ in factors if gene in genes for one in genes}
    size = 1
    for one in joint:
        size *= states[one].n
    return size


def _check_size(shape: list[int]) -> None:
    size = 1
    for n in shape:
        size *= n
    if size > LARGEST_TABLE:
        raise InvalidArgumentError(
            f"The constraints couple so many hyperparameters (a joint table of {size:.3g} entries) that the "
            f"space cannot be counted exactly; at most {LARGEST_TABLE:,} entries are. All else works."
        )
