"""Constraints: a metric with a bound, such as ``params<=1e6``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InvalidArgumentError
from .metrics import current_metric_name

_COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
_PATTERN = re.compile(r"\s*([A-Za-z_]\w*)\s*(<=|>=|<|>)\s*([^\s<>=]+)\s*")


@dataclass(frozen=True)
class Constraint:
    """One bound on one metric.

    Attributes:
        metric: Name of the metric.
        relation: ``"<="``, ``">="``, ``"<"`` or ``">"``.
        bound: The bound, in the metric's unit.

    Example:
        >>> Constraint.parse("params <= 1e6")
        Constraint(metric='params', relation='<=', bound=1000000.0)
    """

    metric: str
    relation: str
    bound: float

    @classmethod
    def parse(cls, text: str | Constraint) -> Constraint:
        """Read ``"METRIC<=NUMBER"`` (or ``>=``, ``<``, ``>``).

        Raises:
            InvalidArgumentError: If the text has another form or the bound is not finite.
        """
        if isinstance(text, Constraint):
            return text
        match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
        try:
            bound = float(match[3]) if match else math.nan
        except ValueError:
            bound = math.nan
        if match is None or not math.isfinite(bound):
            raise InvalidArgumentError(
                f"Cannot read the constraint {text!r}: expected METRIC followed by <=, >=, < or > and a "
                "finite number, for example 'params<=1e6'."
            )
        return cls(current_metric_name(match[1]), match[2], bound)

    def satisfied(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each of ``values`` (any shape) meets the bound; NaN does not."""
        result: NDArray[np.bool_] = _COMPARE[self.relation](values, self.bound)
        return result

    def violation(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each of ``values`` lies beyond the bound, relative to the bound's size; 0 if it is met.

        NaN counts as infinitely far.
        """
        excess = values - self.bound if self.relation.startswith("<") else self.bound - values
        relative = np.maximum(excess, 0.0) / max(abs(self.bound), 1.0)
        # A value equal to a strict bound violates it by the smallest possible amount.
        broken = np.where(self.satisfied(values), 0.0, np.maximum(relative, np.finfo(float).tiny))
        return np.where(np.isnan(values), np.inf, broken)

    def __str__(self) -> str:
        short = f"{self.bound:.12g}"
        exact = short if float(short) == self.bound else repr(self.bound)
        return f"{self.metric}{self.relation}{exact}"


def parse_constraints(constraints: Any) -> tuple[Constraint, ...]:
    """Read one constraint or a sequence of them, as text or :class:`Constraint`.

    Raises:
        InvalidArgumentError: If one cannot be read.

    Example:
        >>> [str(one) for one in parse_constraints(["params<=1e6"])]
        ['params<=1000000']
    """
    if isinstance(constraints, str | Constraint):
        constraints = [constraints]
    elif not isinstance(constraints, Iterable):
        raise InvalidArgumentError(
            f"`constraints` must be a bound such as 'params<=1e6' or several, but got {constraints!r}."
        )
    return tuple(Constraint.parse(entry) for entry in constraints)


def merge_constraints(
    constraints: Any, brought: Any, *, by: str = "the optimizer"
) -> tuple[Constraint, ...]:
    """Return the constraints of a search together with those of a component, such as an optimizer.

    Constraints of the component that follow from a constraint of the search are omitted.

    Args:
        constraints: Constraints of the search, as for :func:`parse_constraints`.
        brought: Constraints of the component, likewise.
        by: Name of the component, for messages.

    Raises:
        InvalidArgumentError: If a constraint cannot be read, or two constraints exclude each other.

    Example:
        >>> [str(bound) for bound in merge_constraints("params<=5e5", ["params<=1e6", "avm<=10"])]
        ['params<=500000', 'avm<=10']
    """
    own = parse_constraints(constraints)
    added = []
    for bound in parse_constraints(brought):
        about = [other for other in own if other.metric == bound.metric]
        for other in about:
            if _exclude(other, bound):
                raise InvalidArgumentError(
                    f"No value meets both {str(other)!r} and {str(bound)!r}, a limit of {by}; change one of "
                    "them."
                )
        if not any(_implies(other, bound) for other in about):
            added.append(bound)
    return (*own, *added)


def _implies(one: Constraint, other: Constraint) -> bool:
    """Whether a bound on the same metric holds wherever ``one`` does."""
    if one.relation[0] != other.relation[0]:
        return False
    if one.bound == other.bound:
        return one.relation in (other.relation, other.relation[0])
    return bool(_COMPARE[other.relation](one.bound, other.bound))


def _exclude(one: Constraint, other: Constraint) -> bool:
    """Whether no value meets two bounds on the same metric."""
    if one.relation[0] == other.relation[0]:
        return False
    if one.bound == other.bound:
        return "=" not in one.relation or "=" not in other.relation
    return not _COMPARE[other.relation](one.bound, other.bound)


def total_violation(
    constraints: Sequence[Constraint], values: Mapping[str, NDArray[np.float64]], n: int
) -> NDArray[np.float64]:
    """Sum of all violations of each of ``n`` rows; exactly 0 where every constraint is met.

    Args:
        constraints: The constraints.
        values: Metric name to values, shape ``(n,)`` each.
        n: Number of rows, needed where there is no constraint.

    Example:
        >>> constraints = parse_constraints(["params<=1e6"])
        >>> total_violation(constraints, {"params": np.array([8e5, 2e6])}, 2)
        array([0., 1.])
    """
    total = np.zeros(n)
    for constraint in constraints:
        total += constraint.violation(values[constraint.metric])
    return total
