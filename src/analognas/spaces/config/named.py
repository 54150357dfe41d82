"""Spaces of named hyperparameters with conditions and forbidden combinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError, check_choice
from ..base import Population, Space
from ..hyperparameters import Choices, Hyperparameter
from . import definition
from .conditions import Condition, Forbidden, read_conditions
from .counting import Counter, UncountableError
from .gene_constraints import GeneConstraints


class NamedSpace(Space):
    """Hyperparameters by name, their conditions, and forbidden combinations; empty at first.

    Changes are atomic: after an error the space is as before. This is the base of :class:`ConfigSpace`.

    Args:
        name: Name of the space.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._hyperparameters: dict[str, Hyperparameter] = {}
        self._conditions: dict[str, list[Condition]] = {}
        self._forbidden: list[Forbidden] = []
        self._counted: Counter | None = None
        self._constraints = GeneConstraints([], {}, [])
        self._update({}, {}, [])

    def add_hyperparameter(
        self,
        name: str,
        type: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        *,
        log: bool = False,
        levels: int | None = None,
        when: Any = None,
        inactive: Any = None,
    ) -> None:
        """Add a closed interval.

        Args:
            name: Name of the hyperparameter.
            type: ``"discrete"`` for integers, ``"continuous"`` for numbers.
            min_value: Smallest value.
            max_value: Largest value.
            step: Distance between values; None: 1 for integers, a fine grid for numbers.
            log: Whether a continuous interval is logarithmic; not with a step.
            levels: Grid points of a continuous interval without a step; None: 30,001.
            when: Conditions under which it is active, ``(parent, comparison, value)`` or a list of them that
                must all hold; comparisons are ``== != in > >= < <=``. Always active by default.
            inactive: Value in architectures in which it is inactive; by default it is omitted.

        Raises:
            InvalidArgumentError: If the name is taken, the interval empty or the step 0; if a condition is
                invalid, contradicts others or forms a cycle.
            UnknownNameError: If the type or the parent is not known.
        """
        settings = {"type": type, "min_value": min_value, "max_value": max_value, "step": step}
        settings |= {"log": log, "levels": levels, "inactive": inactive}
        self._add(definition.interval(name, settings), when)

    def add_hyperparameter_range(
        self, name: str, type: str, range: Sequence[Any], *, when: Any = None, inactive: Any = None
    ) -> None:
        """Add a list of values.

        Args:
            name: Name of the hyperparameter.
            type: ``"discrete"`` if the order of the values matters, ``"categorical"`` if not.
            range: The values.
            when: Conditions, see :meth:`add_hyperparameter`.
            inactive: Value where it is inactive, see :meth:`add_hyperparameter`.

        Raises:
            InvalidArgumentError: If the name is taken, the list empty, or a value repeated.
            UnknownNameError: If the type or the parent is not known.
        """
        kinds = ("discrete", "categorical", "continuous")
        ordered = check_choice("type of hyperparameter", type, kinds) != "categorical"
        self._add(Choices(name, range, ordered=ordered, inactive=inactive), when)

    def add_condition(self, name: str, parent: str, comparison: str, value: Any) -> None:
        """Add the condition ``parent comparison value`` to a hyperparameter.

        Raises:
            UnknownNameError: If a name or the comparison is not known.
            InvalidArgumentError: If the value is invalid, or the conditions would form a cycle.
        """
        check_choice("hyperparameter", name, self._hyperparameters)
        more = [
            *self._conditions.get(name, []),
            *read_conditions(name, (parent, comparison, value)),
        ]
        self._update(self._hyperparameters, {**self._conditions, name: more}, self._forbidden)

    def add_forbidden(self, combination: Mapping[str, Any]) -> None:
        """Forbid a combination: all named hyperparameters active, each with the given value (or one of them).

        Raises:
            UnknownNameError: If a name is not known.
            InvalidArgumentError: If a value is invalid, or no architecture would be left.
        """
        before = self._forbidden
        clause = Forbidden.read(combination)
        self._update(self._hyperparameters, self._conditions, [*before, clause])
        if self._is_empty():
            self._update(self._hyperparameters, self._conditions, before)
            raise InvalidArgumentError(f"Forbidding `{clause}` would leave no architecture.")

    def remove_hyperparameter(self, name: str) -> None:
        """Remove a hyperparameter.

        Raises:
            UnknownNameError: If there is no such hyperparameter.
            InvalidArgumentError: If conditions or forbidden combinations still name it.
        """
        check_choice("hyperparameter", name, self._hyperparameters)
        users = [
            child for child, rows in self._conditions.items() if any(r.parent == name for r in rows)
        ]
        users += [f"forbidden `{clause}`" for clause in self._forbidden if name in clause.values]
        if users:
            raise InvalidArgumentError(
                f"{name!r} cannot be removed while constraints name it: {', '.join(users)}."
            )
        left = {key: value for key, value in self._hyperparameters.items() if key != name}
        conditions = {key: value for key, value in self._conditions.items() if key != name}
        self._update(left, conditions, self._forbidden)

    def get_hyperparameters(self) -> list[str]:
        """Return the names, in the order of the genes."""
        return list(self._hyperparameters)

    def parameters(self) -> list[Hyperparameter]:
        """Return the hyperparameters, in the order of the genes."""
        return list(self._hyperparameters.values())

    def hyperparameter(self, name: str) -> Hyperparameter:
        """Return one hyperparameter.

        Raises:
            UnknownNameError: If there is no such hyperparameter.
        """
        return self._hyperparameters[check_choice("hyperparameter", name, self._hyperparameters)]

    def count(self) -> int:
        """Return the number of architectures, cached until the space changes."""
        return self._counter().total

    def active(self, population: Population) -> NDArray[np.bool_]:
        """Return which genes are active, shape ``(n, n_genes)``."""
        return self._constraints.active(population)

    def allowed(self, population: Population) -> NDArray[np.bool_]:
        """Return which rows contain no forbidden combination, shape ``(n,)``."""
        return self._constraints.allowed(population)

    def sample_evenly(self, n: int, *, generator: np.random.Generator) -> Population:
        """Draw ``n`` genotypes, shape ``(n, n_genes)``, with equal probability of all architectures.

        In contrast, :meth:`sample` is uniform gene by gene. For example, networks with five main blocks are
        drawn far more often here than those with one, because there are far more of them.

        Raises:
            InvalidArgumentError: If the space cannot be counted.
        """
        return self._counter().draw(n, generator).astype(self.dtype)

    def sample_rare(self, n: int, *, generator: np.random.Generator) -> Population | None:
        """Draw with :meth:`sample_evenly` if few combinations are allowed and the space can be counted."""
        try:
            return self.sample_evenly(n, generator=generator)
        except UncountableError:
            return None

    def _counter(self) -> Counter:
        if self._counted is None:
            self._counted = Counter(self._constraints)
        return self._counted

    def _is_empty(self) -> bool:
        try:
            return self.count() == 0
        except UncountableError:
            return False

    def _add(self, new: Hyperparameter, when: Any) -> None:
        if new.name in self._hyperparameters:
            raise InvalidArgumentError(
                f"There is already a hyperparameter {new.name!r}; choose another name or remove it first."
            )
        conditions = dict(self._conditions)
        if rows := read_conditions(new.name, when):
            conditions[new.name] = rows
        self._update({**self._hyperparameters, new.name: new}, conditions, self._forbidden)

    def _update(
        self,
        hyperparameters: dict[str, Hyperparameter],
        conditions: dict[str, list[Condition]],
        forbidden: list[Forbidden],
    ) -> None:
        """Set a changed definition, or raise an error and leave the space as it is."""
        entries = list(hyperparameters.values())
        constraints = GeneConstraints(entries, conditions, forbidden, self._constraints)
        self._hyperparameters, self._conditions = hyperparameters, conditions
        self._forbidden, self._constraints = forbidden, constraints
        self._counted = None
        self._set_genes(
            [entry.n_choices for entry in entries],
            fine=[entry.fine for entry in entries],
            constrained=any(constraints.parents) or bool(forbidden),
        )
