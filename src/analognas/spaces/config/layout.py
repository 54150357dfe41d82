"""Conditions and forbidden combinations laid out as arrays over genes: what is active, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError, UnknownNameError, check_choice
from ..hyperparameters import Hyperparameter
from .conditions import Condition, Forbidden

Mask = NDArray[np.bool_]


class Layout:
    """The constraints of a space by gene.

    Args:
        hyperparameters: Hyperparameters in the order of the genes.
        conditions: Conditions by the name of the child; all of a child's must hold.
        forbidden: Combinations that must not occur.

    Raises:
        UnknownNameError: If a constraint names no hyperparameter.
        InvalidArgumentError: If conditions form a cycle, or name an impossible value.

    Attributes:
        parents: For each gene its conditions: the parent's gene, and which of the parent's indices pass.
        clauses: For each forbidden combination its genes, and which of their indices are listed.
    """

    def __init__(
        self,
        hyperparameters: Sequence[Hyperparameter],
        conditions: Mapping[str, Sequence[Condition]],
        forbidden: Sequence[Forbidden],
    ) -> None:
        self.hyperparameters = list(hyperparameters)
        gene = {entry.name: position for position, entry in enumerate(self.hyperparameters)}
        self.parents: list[list[tuple[int, Mask]]] = []
        for entry in self.hyperparameters:
            rows = []
            for condition in conditions.get(entry.name, ()):
                _check_name(
                    f"The condition `{condition}` of {entry.name!r}", condition.parent, gene
                )
                parent = gene[condition.parent]
                rows.append((parent, condition.holds(self.hyperparameters[parent])))
            self.parents.append(rows)
        self.clauses: list[list[tuple[int, Mask]]] = []
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
        """Which genes are active, shape ``(n, n_genes)``."""
        active = np.ones(population.shape[::-1], dtype=bool)
        known: dict[tuple[int, bytes], Mask] = {}
        for gene in self.order:
            for parent, holds in self.parents[gene]:
                key = (parent, holds.tobytes())
                if key not in known:
                    known[key] = holds[population[:, parent]] & active[parent]
                active[gene] &= known[key]
        return active.T

    def allowed(self, population: NDArray[Any]) -> Mask:
        """Which rows hit no forbidden combination, shape ``(n,)``."""
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
        order: list[int] = []
        waiting = list(range(len(self.parents)))
        while waiting:
            ready = [
                gene for gene in waiting if all(parent in order for parent, _ in self.parents[gene])
            ]
            if not ready:
                names = ", ".join(self.hyperparameters[gene].name for gene in waiting)
                raise InvalidArgumentError(
                    f"Conditions must not form a cycle, but those of {names} wait for each other."
                )
            order += ready
            waiting = [gene for gene in waiting if gene not in ready]
        return order

    def _check_reachable(self, conditions: Mapping[str, Sequence[Condition]]) -> None:
        """Refuse conditions that no values can meet together, those of a parent's parents included."""
        needed: list[dict[int, Mask]] = [{} for _ in self.parents]
        for gene in self.order:
            for parent, holds in self.parents[gene]:
                for other, mask in [(parent, holds), *needed[parent].items()]:
                    needed[gene][other] = needed[gene].get(other, mask) & mask
            if not all(mask.any() for mask in needed[gene].values()):
                self._refuse_contradiction(gene, needed[gene], conditions)

    def _refuse_contradiction(
        self, gene: int, needed: Mapping[int, Mask], conditions: Mapping[str, Sequence[Condition]]
    ) -> None:
        names = [entry.name for entry in self.hyperparameters]
        involved = [gene, *(other for other in needed if conditions.get(names[other]))]
        shown = "; ".join(
            f"{names[other]!r} needs {' and '.join(map(str, conditions[names[other]]))}"
            for other in involved
        )
        raise InvalidArgumentError(
            f"Conditions cannot hold together, so {names[gene]!r} could never be active: {shown}."
        )


def _check_name(where: str, name: str, known: Mapping[str, int]) -> None:
    try:
        check_choice("hyperparameter", name, known)
    except UnknownNameError as error:
        raise UnknownNameError(f"{where} cannot be: {error}") from None
