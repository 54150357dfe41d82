"""Conditions on other hyperparameters, and forbidden combinations."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError, OutOfSpaceError, check_choice
from ..hyperparameters import Choices, Hyperparameter, plain

OPERATORS = ("==", "!=", "in", ">", ">=", "<", "<=")
"""Comparisons that a condition may make."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Condition:
    """A comparison that the value of another hyperparameter, the parent, must pass.

    Attributes:
        parent: Name of the parent.
        comparison: One of :data:`OPERATORS`.
        value: What it is compared with; a tuple of values for ``in``.

    Example:
        >>> print(Condition("M", ">=", 2))
        M >= 2
    """

    parent: str
    comparison: str
    value: Any

    def holds(self, parent: Hyperparameter) -> NDArray[np.bool_]:
        """Tell for every index of the parent whether its value passes, shape ``(n_choices,)``.

        Raises:
            InvalidArgumentError: If the value is impossible, or the parent's values have no order.
        """
        values = parent.values(np.arange(parent.n_choices))
        if self.comparison in _COMPARE:
            return self._compare(parent, values)
        wanted = self.value if self.comparison == "in" else (self.value,)
        passes = np.zeros(len(values), dtype=bool)
        passes[_indices(parent, wanted, str(self))] = True
        return ~passes if self.comparison == "!=" else passes

    def _compare(self, parent: Hyperparameter, values: NDArray[Any]) -> NDArray[np.bool_]:
        compare = _COMPARE[self.comparison]
        numbers = not isinstance(parent, Choices) or all(
            isinstance(choice, int | float) and not isinstance(choice, bool)
            for choice in parent.choices
        )
        if numbers and not isinstance(self.value, str | bool):
            return np.asarray(compare(values, self.value), dtype=bool)
        if numbers or not parent.ordered:
            raise InvalidArgumentError(
                f"The condition `{self}` compares by size, but {parent.name!r} is {parent.range_text()}; use "
                "==, != or in."
            )
        # Texts in an order are compared by their places in it.
        place = _indices(parent, (self.value,), f"condition `{self}`")[0]
        return np.asarray(compare(np.arange(parent.n_choices), place), dtype=bool)

    def __str__(self) -> str:
        value = list(self.value) if self.comparison == "in" else self.value
        return f"{self.parent} {self.comparison} {value!r}"


def read_conditions(name: str, when: Any) -> list[Condition]:
    """Return the conditions that a person wrote for the hyperparameter called ``name``.

    Args:
        name: The child, for messages.
        when: None, one triple ``(parent, comparison, value)``, or a list of triples that must all hold.

    Raises:
        InvalidArgumentError: If it is neither.
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
    """A combination that must not occur: every named hyperparameter active and at one of the listed values.

    Attributes:
        values: Name to the values that together are forbidden.

    Example:
        >>> print(Forbidden({"depth": (16,), "width": (8, 12)}))
        depth == 16 and width in [8, 12]
    """

    values: Mapping[str, tuple[Any, ...]]

    @classmethod
    def read(cls, combination: Any) -> Forbidden:
        """Return the clause that a person wrote as ``{name: value or list of values}``.

        Raises:
            InvalidArgumentError: If it names nothing.
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

    def hits(self, parent: Hyperparameter) -> NDArray[np.bool_]:
        """Tell for every index of a named hyperparameter whether it is listed, shape ``(n_choices,)``."""
        listed = np.zeros(parent.n_choices, dtype=bool)
        listed[_indices(parent, self.values[parent.name], f"forbidden combination `{self}`")] = True
        return listed

    def __str__(self) -> str:
        return " and ".join(
            f"{name} == {values[0]!r}" if len(values) == 1 else f"{name} in {list(values)!r}"
            for name, values in self.values.items()
        )


def _listed(values: Any) -> list[Any]:
    many = isinstance(values, Sequence | np.ndarray | set) and not isinstance(values, str)
    return list(values) if many else [values]


def _indices(parent: Hyperparameter, values: Sequence[Any], where: str) -> list[int]:
    try:
        return [parent.index(value) for value in values]
    except OutOfSpaceError as error:
        raise InvalidArgumentError(f"In {where}: {error}") from None
