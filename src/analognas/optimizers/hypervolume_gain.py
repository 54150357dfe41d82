r"""How much each candidate would add to a front's hypervolume, exactly and for all candidates at once.

What a front of minimised points leaves free below a reference is cut into disjoint boxes
:math:`[l_i, u_i)`; a point :math:`p` gains :math:`\sum_i \prod_j (u_{ij} - \max(l_{ij}, p_j))_+`. The boxes
come from the local upper bounds of the front: the points below which, and only there, something would not be
dominated.

Source: Lacour, Klamroth and Fonseca, "A Box Decomposition Algorithm to Compute the Hypervolume Indicator",
Computers & Operations Research 79, 2017 (local upper bounds; the boxes of the dominated region); the free
region is the dominated region of the bounds with all signs turned, as in Yang et al., "Efficient Computation of
Expected Hypervolume Improvement Using Box Decomposition Algorithms", Journal of Global Optimization 75, 2019.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["FreeBoxes"]

Floats = NDArray[np.float64]

_CHUNK = 2**20
"""Products of points and boxes computed at once."""


class FreeBoxes:
    """The region that a front does not dominate, as disjoint boxes between a floor and a reference.

    Args:
        front: Costs of the front, shape ``(n, k)``, n may be 0. Dominated and equal rows do no harm.
        reference: Where volume ends in each objective, shape ``(k,)``.
        floor: Where it begins, shape ``(k,)``, below the reference: better points count as if they were there.

    Attributes:
        low: Lower corners, shape ``(m, k)``.
        high: Upper corners, shape ``(m, k)``.

    Example:
        >>> front = np.array([[0.0, 1.0], [1.0, 0.0]])
        >>> boxes = FreeBoxes(front, np.array([2.0, 2.0]), np.array([-1.0, -1.0]))
        >>> boxes.gains(np.array([[0.5, 0.5], [1.0, 1.0], [-1.0, 1.0]])).tolist()
        [0.25, 0.0, 1.0]
    """

    def __init__(self, front: Floats, reference: Floats, floor: Floats) -> None:
        self.floor = np.asarray(floor, dtype=np.float64)
        inside = np.maximum(front, self.floor)
        bounds, _ = _local_upper_bounds(inside, np.asarray(reference, dtype=np.float64))
        low, high = _dominated_boxes(-bounds, -self.floor)
        self.low, self.high = -high, -low

    def gains(self, points: Floats) -> Floats:
        """Hypervolume that each point alone would add to the front.

        Args:
            points: Costs, shape ``(n, k)``.

        Returns:
            Shape ``(n,)``; 0 for points that are dominated or beyond the reference.
        """
        points = np.maximum(points, self.floor)
        total = np.empty(len(points))
        step = max(1, _CHUNK // max(1, len(self.low)))
        for start in range(0, len(points), step):
            part = points[start : start + step]
            volume = np.ones((len(part), len(self.low)))
            for low, high, value in zip(self.low.T, self.high.T, part.T, strict=True):
                volume *= np.maximum(high - np.maximum(low, value[:, None]), 0.0)
            total[start : start + step] = volume.sum(axis=1)
        return total


def _local_upper_bounds(points: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Local upper bounds of minimised points, shape ``(m, k)``, and the points that define each, ``(m, k, k)``.

    Entry ``[i, j]`` of the latter is the point that bound ``i`` has its coordinate ``j`` from.
    """
    k = len(reference)
    bounds = reference[None]
    owners = np.full((1, k, k), -np.inf)
    owners[0, np.arange(k), np.arange(k)] = reference
    for point in points:
        above = (point < bounds).all(axis=1)
        if not above.any():
            continue
        old, old_owners = bounds[above], owners[above]
        kept, kept_owners = [bounds[~above]], [owners[~above]]
        for j in range(k):
            others = np.arange(k) != j
            valid = point[j] >= old_owners[:, others, j].max(axis=1, initial=-np.inf)
            moved, moved_owners = old[valid], old_owners[valid]
            moved[:, j] = point[j]
            moved_owners[:, j] = point
            kept.append(moved)
            kept_owners.append(moved_owners)
        bounds, owners = np.concatenate(kept), np.concatenate(kept_owners)
    return bounds, owners


def _dominated_boxes(points: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Disjoint boxes that fill the region which minimised points dominate below a reference."""
    bounds, owners = _local_upper_bounds(points, reference)
    low, high = bounds.copy(), bounds.copy()
    high[:, 0] = reference[0]
    for j in range(1, len(reference)):
        low[:, j] = owners[:, :j, j].max(axis=1)
    full = (high > low).all(axis=1)
    return low[full], high[full]
