"""Conditions on other hyperparameters, and forbidden combinations."""

from __future__ import annotations

import math
import operator
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core import InvalidArgumentError, OutOfSpaceError, check_choice
from ..hyperparameters import Choices, Hyperparameter, plain
from .index_sets import IndexSet

OPERATORS = ("==", "!=", "in", ">", ">=", "<", "<=")
"""Comparison operators of conditions."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


_SMALL = 1000  # largest number of values that are compared at once
_HUGE = 2**1000


@dataclass(frozen=True)
class Condition:
    """A comparison that the value of another hyperparameter, the parent, must satisfy.

    Attributes:
        parent: Name of the parent.
        comparison: One of :data:`OPERATORS`.
        value: Value to compare with; a tuple of values for ``in``.

    Example:
        >>> print(Condition("M", ">=", 2))
        M >= 2
    """

    parent: str
    comparison: str
    value: Any

    def holds(self, parent: Hyperparameter) -> IndexSet:
        """Return the indices of the parent whose values satisfy the condition.

        Raises:
            InvalidArgumentError: If the value is invalid, or the parent's values are not ordered.
        """
        if self.comparison in _COMPARE:
            return self._compare(parent)
        wanted = self.value if self.comparison == "in" else (self.value,)
        passes = IndexSet.of(_indices(parent, wanted, str(self)), parent.n_choices)
        return passes.complement() if self.comparison == "!=" else passes

    def _compare(self, parent: Hyperparameter) -> IndexSet:
        compare = _COMPARE[self.comparison]
        listed = isinstance(parent, Choices)
        numbers = not isinstance(parent, Choices) or all(map(_is_number, parent.choices))
        if numbers and _is_number(self.value):
            if listed or parent.n_choices <= _SMALL:
                values = parent.values(np.arange(parent.n_choices))
                bound = self.value
                if abs(bound) >= _HUGE:  # not representable as a float
                    bound = math.inf if bound > 0 else -math.inf
                return IndexSet.of_mask(np.asarray(compare(values, bound), dtype=bool))
            return self._end_of(parent)
        if numbers or not parent.ordered:
            raise InvalidArgumentError(
                f"The condition `{self}` needs an order, but {parent.name!r} is {parent.range_text()}; use "
                "==, != or in."
            )
        # Ordered strings are compared by position.
        place = _indices(parent, (self.value,), f"condition `{self}`")[0]
        return IndexSet.of_mask(np.asarray(compare(np.arange(parent.n_choices), place), dtype=bool))

    def _end_of(self, interval: Hyperparameter) -> IndexSet:
        """Return the indices of an interval that satisfy the condition; values are ascending."""
        n = interval.n_choices
        strict = self.comparison in (">", "<=")

        def beyond(index: int) -> bool:
            value = interval.value(index)
            return bool(value > self.value if strict else value >= self.value)

        first = bisect_left(range(n), True, key=beyond)
        return IndexSet.between(*((first, n) if self.comparison[0] == ">" else (0, first)), n)

    def __str__(self) -> str:
        value = list(self.value) if self.comparison == "in" else self.value
        return f"{self.parent} {self.comparison} {value!r}"


def read_conditions(name: str, when: Any) -> list[Condition]:
    """Parse the conditions of a hyperparameter as users write them.

    Args:
        name: Name of the hyperparameter, for messages.
        when: None, a triple ``(parent, comparison, value)``, or a list of triples that must all hold.

    Raises:
        InvalidArgumentError: If it is none of these.
    """
    if when is None:
        return []
    single = isinstance(when, str | Condition) or not isinstance(when, Sequence)
    if single or (when and isinstance(when[0], str)):
        when = [when]
    conditions = []
    for entry in when:
        if isinstance(entry, Condition):
            conditions.append(entry)
            continue
        if isinstance(entry, str) or not isinstance(entry, Sequence) or len(entry) != 3:
            raise InvalidArgumentError(
                f"`when` of {name!r} must be (name, comparison, value), such as ('M', '>=', 2), or a list of "
                f"them, but got {entry!r}."
            )
        parent, comparison, value = entry
        check_choice("comparison", comparison, OPERATORS)
        if comparison == "in":
            value = tuple(plain(f"when of {name!r}", one) for one in _listed(value))
        conditions.append(
            Condition(
                parent,
                comparison,
                value if comparison == "in" else plain(f"when of {name!r}", value),
            )
        )
    return conditions


@dataclass(frozen=True)
class Forbidden:
    """A forbidden combination: all named hyperparameters are active and have one of the listed values.

    Attributes:
        values: Forbidden values by name of the hyperparameter.

    Example:
        >>> print(Forbidden({"depth": (16,), "width": (8, 12)}))
        depth == 16 and width in [8, 12]
    """

    values: Mapping[str, tuple[Any, ...]]

    @classmethod
    def read(cls, combination: Any) -> Forbidden:
        """Parse a clause of the form ``{name: value or list of values}``.

        Raises:
            InvalidArgumentError: If it is empty or has another form.
        """
        if not isinstance(combination, Mapping) or not combination:
            raise InvalidArgumentError(
                "A forbidden combination must be {name: value or list of values}, but got "
                f"{combination!r}."
            )
        return cls(
            {
                name: tuple(plain(f"forbidden {name}", value) for value in _listed(values))
                for name, values in combination.items()
            }
        )

    def hits(self, parent: Hyperparameter) -> IndexSet:
        """Return the listed indices of one hyperparameter."""
        where = f"forbidden combination `{self}`"
        return IndexSet.of(_indices(parent, self.values[parent.name], where), parent.n_choices)

    def __str__(self) -> str:
        return " and ".join(
            f"{name} == {values[0]!r}" if len(values) == 1 else f"{name} in {list(values)!r}"
            for name, values in self.values.items()
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _listed(values: Any) -> list[Any]:
    many = isinstance(values, Sequence | np.ndarray | set) and not isinstance(values, str)
    return list(values) if many else [values]


def _indices(parent: Hyperparameter, values: Sequence[Any], where: str) -> list[int]:
    try:
        return [parent.index(value) for value in values]
    except OutOfSpaceError as error:
        raise InvalidArgumentError(f"In {where}: {error}") from None
