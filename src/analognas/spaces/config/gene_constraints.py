"""Conditions and forbidden combinations as arrays over genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError, UnknownNameError, check_choice
from ..hyperparameters import Hyperparameter
from .conditions import Condition, Forbidden
from .index_sets import IndexSet, Mask


class GeneConstraints:
    """The constraints of a space by gene.

    Args:
        hyperparameters: Hyperparameters in the order of the genes.
        conditions: Conditions by name of the child; all conditions of a child must hold.
        forbidden: Forbidden combinations.
        before: Earlier constraints, whose results are reused.

    Raises:
        UnknownNameError: If a constraint names an unknown hyperparameter.
        InvalidArgumentError: If conditions form a cycle, or have an invalid value.

    Attributes:
        parents: Conditions of each gene: the parent's gene, and the parent's indices that satisfy it.
        clauses: Genes and listed indices of each forbidden combination.
    """

    def __init__(
        self,
        hyperparameters: Sequence[Hyperparameter],
        conditions: Mapping[str, Sequence[Condition]],
        forbidden: Sequence[Forbidden],
        before: GeneConstraints | None = None,
    ) -> None:
        self.hyperparameters = list(hyperparameters)
        # Cache by condition and parent; both are kept alive, so that their ids stay unique.
        self._passing: dict[tuple[int, int], tuple[Condition, Hyperparameter, IndexSet]] = {}
        known = {} if before is None else before._passing
        gene = {entry.name: position for position, entry in enumerate(self.hyperparameters)}
        self.parents: list[list[tuple[int, IndexSet]]] = []
        for entry in self.hyperparameters:
            rows = []
            for condition in conditions.get(entry.name, ()):
                _check_name(
                    f"The condition `{condition}` of {entry.name!r}", condition.parent, gene
                )
                parent = gene[condition.parent]
                key = id(condition), id(self.hyperparameters[parent])
                if key not in known:
                    owner = self.hyperparameters[parent]
                    known[key] = condition, owner, condition.holds(owner)
                self._passing[key] = known[key]
                rows.append((parent, known[key][-1]))
            self.parents.append(rows)
        self.clauses: list[list[tuple[int, IndexSet]]] = []
        for clause in forbidden:
            for name in clause.values:
                _check_name(f"The forbidden combination `{clause}`", name, gene)
            self.clauses.append(
                [
                    (gene[name], clause.hits(self.hyperparameters[gene[name]]))
                    for name in clause.values
                ]
            )
        self.order = self._parents_first()
        self._check_reachable(conditions)

    def active(self, population: NDArray[Any]) -> Mask:
        """Return which genes are active, shape ``(n, n_genes)``."""
        active = np.ones(population.shape[::-1], dtype=bool)
        known: dict[tuple[int, bytes], Mask] = {}
        for gene in self.order:
            for parent, holds in self.parents[gene]:
                key = (parent, holds.key)
                if key not in known:
                    known[key] = holds[population[:, parent]] & active[parent]
                active[gene] &= known[key]
        return active.T

    def allowed(self, population: NDArray[Any]) -> Mask:
        """Return which rows contain no forbidden combination, shape ``(n,)``."""
        allowed = np.ones(len(population), dtype=bool)
        if not self.clauses:
            return allowed
        active = self.active(population)
        for clause in self.clauses:
            hit = np.ones(len(population), dtype=bool)
            for gene, listed in clause:
                hit &= listed[population[:, gene]] & active[:, gene]
            allowed &= ~hit
        return allowed

    def _parents_first(self) -> list[int]:
        """Return genes in topological order, each after its parents."""
        children: list[list[int]] = [[] for _ in self.parents]
        missing = [len(rows) for rows in self.parents]
        for gene, rows in enumerate(self.parents):
            for parent, _ in rows:
                children[parent].append(gene)
        order: list[int] = []
        ready = [gene for gene, n in enumerate(missing) if not n]
        while ready:
            order += ready
            after = [child for gene in ready for child in children[gene]]
            for child in after:
                missing[child] -= 1
            ready = sorted({child for child in after if not missing[child]})
        if len(order) < len(missing):
            names = ", ".join(
                entry.name for entry, n in zip(self.hyperparameters, missing, strict=True) if n
            )
            raise InvalidArgumentError(
                f"Conditions must not form a cycle, but those of {names} do."
            )
        return order

    def _check_reachable(self, conditions: Mapping[str, Sequence[Condition]]) -> None:
        """Raise an error for contradictory conditions, including those of parents."""
        # Conditions can only be contradictory if several of them are on the same parent.
        asked: list[set[bytes]] = [set() for _ in self.parents]
        for rows in self.parents:
            for parent, holds in rows:
                asked[parent].add(holds.key)
        needed: list[dict[int, IndexSet]] = [{} for _ in self.parents]
        for gene in self.order:
            own = needed[gene]
            for parent, holds in self.parents[gene]:
                inherited = list(needed[parent].items())
                if len(asked[parent]) > 1 or not holds.any():
                    inherited.append((parent, holds))
                for other, mask in inherited:
                    own[other] = own[other] & mask if other in own else mask
            if not all(mask.any() for mask in own.values()):
                self._refuse_contradiction(gene, conditions)

    def _refuse_contradiction(
        self, gene: int, conditions: Mapping[str, Sequence[Condition]]
    ) -> None:
        names = [entry.name for entry in self.hyperparameters]
        involved: dict[int, None] = {}
        waiting = [gene]
        while waiting:
            other = waiting.pop()
            if other not in involved and conditions.get(names[other]):
                involved[other] = None
                waiting += [parent for parent, _ in reversed(self.parents[other])]
        shown = "; ".join(
            f"{names[other]!r} needs {' and '.join(map(str, conditions[names[other]]))}"
            for other in involved
        )
        raise InvalidArgumentError(
            f"Conditions are contradictory, so {names[gene]!r} could never be active: {shown}."
        )


def _check_name(where: str, name: str, known: Mapping[str, int]) -> None:
    if name in known:
        return
    try:
        check_choice("hyperparameter", name, known)
    except UnknownNameError as error:
        raise UnknownNameError(f"{where} is invalid: {error}") from None
