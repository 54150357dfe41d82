"""Several objectives at once: the non-dominated set, its hypervolume, and the distance to a known front.

All functions take costs, that is, objectives of which smaller is better; see :meth:`.Problem.costs`.
Hypervolume and IGD+ are computed by moocore.

Sources: Zitzler and Thiele, "Multiobjective Evolutionary Algorithms: A Comparative Case Study and the Strength
Pareto Approach", IEEE Transactions on Evolutionary Computation 3, 1999 (hypervolume); Ishibuchi et al.,
"Modified Distance Calculation in Generational Distance and Inverted Generational Distance", EMO 2015 (IGD+).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError

__all__ = ["REFERENCE", "Scale", "hypervolume", "igd_plus", "non_dominated", "quality_curve"]

Floats = NDArray[np.float64]

REFERENCE = 1.1
"""Reference point of the hypervolume in every objective, in units of a scale: a tenth beyond the nadir."""


def non_dominated(
    costs: NDArray[Any], feasible: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Return which rows are not dominated by any other row.

    Args:
        costs: Shape ``(n, n_objectives)``, smaller is better. Rows with NaN are excluded.
        feasible: Rows to include, shape ``(n,)``; all by default.

    Returns:
        Mask, shape ``(n,)``. Equal rows are all in the set, or none of them is.

    Example:
        >>> non_dominated(np.array([[1.0, 4.0], [2.0, 2.0], [2.0, 3.0], [2.0, 2.0]])).tolist()
        [True, True, False, True]
    """
    import moocore

    costs = np.asarray(costs, dtype=np.float64)
    part = ~np.isnan(costs).any(axis=1)
    if feasible is not None:
        part &= feasible
    front = np.zeros(len(costs), dtype=bool)
    if costs.shape[1] == 1:
        front[part] = costs[part, 0] == costs[part, 0].min(initial=np.inf)
    elif part.any():
        front[part] = moocore.is_nondominated(costs[part], keep_weakly=True)
    return front


@dataclass(frozen=True)
class Scale:
    """Units of objectives: 0 at the ideal and 1 at the nadir.

    Attributes:
        ideal: Best cost of each objective, shape ``(n_objectives,)``.
        nadir: Worst cost of each objective on the front, shape ``(n_objectives,)``. Where it equals the ideal,
            the objective keeps its own unit.

    Example:
        >>> scale = Scale(ideal=np.array([0.0, 10.0]), nadir=np.array([2.0, 30.0]))
        >>> scale.normalised(np.array([[1.0, 20.0]]))
        array([[0.5, 0.5]])
    """

    ideal: Floats
    nadir: Floats

    @classmethod
    def of(cls, costs: NDArray[Any]) -> Scale:
        """Return the scale of the non-dominated set among costs, shape ``(n, n_objectives)``, n at least 1."""
        front = np.asarray(costs, dtype=np.float64)[non_dominated(costs)]
        if not len(front):
            raise InvalidArgumentError(
                "A scale needs at least one feasible point, but got none; relax the constraints."
            )
        return cls(front.min(axis=0), front.max(axis=0))

    def normalised(self, costs: NDArray[Any]) -> Floats:
        """Return costs in units of the scale, same shape."""
        span = self.nadir - self.ideal
        scaled: Floats = (np.asarray(costs) - self.ideal) / np.where(span > 0, span, 1.0)
        return scaled


def hypervolume(costs: NDArray[Any], scale: Scale) -> float:
    """Return the volume dominated by a set, in units of a scale, up to :data:`REFERENCE` in every objective.

    Args:
        costs: Shape ``(n, n_objectives)``, n may be 0.
        scale: Units; only values of the same scale are comparable.

    Example:
        >>> scale = Scale(np.array([0.0, 0.0]), np.array([1.0, 1.0]))
        >>> round(hypervolume(np.array([[0.5, 0.5]]), scale), 12)
        0.36
    """
    import moocore

    points = scale.normalised(costs)
    points = points[(points < REFERENCE).all(axis=1)]
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(REFERENCE - points.min())
    return float(moocore.hypervolume(points, ref=REFERENCE))


def igd_plus(costs: NDArray[Any], front: NDArray[Any], scale: Scale) -> float:
    """Return the IGD+: the mean distance from a known front to a set, counting only what is worse.

    Args:
        costs: The set, shape ``(n, n_objectives)``, n at least 1.
        front: The known front, shape ``(m, n_objectives)``.
        scale: Units.

    Example:
        >>> front = np.array([[0.0, 1.0], [1.0, 0.0]])
        >>> found = np.array([[0.1, 1.0], [1.0, 0.0]])
        >>> round(igd_plus(found, front, Scale(front.min(axis=0), front.max(axis=0))), 3)
        0.05
    """
    import moocore

    return float(moocore.igd_plus(scale.normalised(costs), ref=scale.normalised(front)))


def quality_curve(
    costs: NDArray[Any],
    feasible: NDArray[np.bool_],
    quality: Callable[[Floats], float],
    empty: float,
) -> Floats:
    """Return the quality of the non-dominated set after each row.

    Args:
        costs: Shape ``(n, n_objectives)``, in the order of measurement.
        feasible: Rows to include, shape ``(n,)``.
        quality: Function of the costs of a front, shape ``(m, n_objectives)``.
        empty: Value before the first feasible row.

    Returns:
        Shape ``(n,)``.

    Example:
        >>> costs = np.array([[3.0, 3.0], [1.0, 2.0], [2.0, 2.0]])
        >>> feasible = np.ones(3, dtype=bool)
        >>> quality_curve(costs, feasible, lambda front: float(-front.sum(axis=1).min()), -np.inf)
        array([-6., -3., -3.])
    """
    values = np.empty(len(costs))
    front = np.empty((0, costs.shape[1]))
    value = empty
    takes_part = feasible & ~np.isnan(costs).any(axis=1)
    for row, point in enumerate(costs):
        if takes_part[row] and not (front <= point).all(axis=1).any():
            front = np.vstack([front[~(point <= front).all(axis=1)], point])
            value = quality(front)
        values[row] = value
    return values
