"""Conditions and forbidden combinations laid out as arrays over genes: what is active, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError, check_choice
from .conditions import Condition, Forbidden
from .hyperparameters import Hyperparameter

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
                check_choice(
                    f"hyperparameter in the condition of {entry.name!r}", condition.parent, gene
                )
                parent = gene[condition.parent]
                rows.append((parent, condition.holds(self.hyperparameters[parent])))
            _check_possible(entry.name, rows, conditions.get(entry.name, ()))
            self.parents.append(rows)
        self.clauses: list[list[tuple[int, Mask]]] = []
        for clause in forbidden:
            for name in clause.values:
                check_choice(f"hyperparameter in the forbidden combination `{clause}`", name, gene)
            self.clauses.append(
                [
                    (gene[name], clause.hits(self.hyperparameters[gene[name]]))
                    for name in clause.values
                ]
            )
        self.order = self._parents_first()

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


def _check_possible(
    name: str, rows: Sequence[tuple[int, Mask]], conditions: Sequence[Condition]
) -> None:
    """Refuse conditions that no value of a parent can meet together."""
    met: dict[int, Mask] = {}
    for parent, holds in rows:
        met[parent] = met.get(parent, holds) & holds
    if not all(holds.any() for holds in met.values()):
        raise InvalidArgumentError(
            f"The conditions of {name!r} contradict each other, so it could never be active: "
            f"{' and '.join(map(str, conditions))}."
        )
