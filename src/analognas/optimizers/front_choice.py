"""Which candidates to measure when there are several objectives: those that promise most hypervolume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..evaluators import REFERENCE, Problem, Scale, non_dominated
from .archive import Archive
from .beliefs import Beliefs
from .hypervolume_gain import FreeBoxes

__all__ = ["choose_for_front"]

Floats = NDArray[np.float64]

FLOOR = -1.0
"""Candidates believed to be better than the front's ideal by more than its whole range count as this good."""


def choose_for_front(
    archive: Archive,
    problem: Problem,
    beliefs: Beliefs,
    features: NDArray[np.float32],
    n: int,
    *,
    generator: np.random.Generator,
) -> list[int]:
    """Return the positions of up to ``n`` candidates, of equal features only one.

    Thompson sampling: in a world drawn from the beliefs, the candidate is taken that adds most to the
    hypervolume of what was measured and of those taken before. Where nothing in the world adds anything, or
    nothing feasible is known, the candidate closest to feasible is taken.

    Args:
        archive: What was measured.
        problem: Objectives and constraints.
        beliefs: Predictions of all metrics of the problem for the candidates.
        features: Features of the candidates, shape ``(m, d)``.
        n: Number of candidates wanted.
        generator: Source of randomness.
    """
    drawn = beliefs.draw(generator)
    violation = problem.violation(drawn)
    costs = problem.costs(drawn)
    chosen: list[int] = []
    front = archive.costs[non_dominated(archive.costs, archive.violation == 0)]
    if len(front):
        scale = Scale.of(front)
        chosen = _gainers(
            scale.normalised(front), scale.normalised(costs), violation == 0, features, n
        )
    keys = {features[position].tobytes() for position in chosen}
    for position in np.lexsort((generator.random(len(costs)), violation)).tolist():
        if len(chosen) == n:
            break
        key = features[position].tobytes()
        if key not in keys:
            keys.add(key)
            chosen.append(position)
    return chosen


def _gainers(
    front: Floats,
    points: Floats,
    feasible: NDArray[np.bool_],
    features: NDArray[np.float32],
    n: int,
) -> list[int]:
    """Take up to ``n`` points one after another, each the one that adds most; fewer where nothing adds."""
    k = front.shape[1]
    reference, floor = np.full(k, REFERENCE), np.full(k, FLOOR)
    rows = np.flatnonzero(feasible & (points < REFERENCE).all(axis=1))
    chosen: list[int] = []
    while len(chosen) < n and len(rows):
        # A point adds at least as much as those it dominates.
        edge = rows[non_dominated(points[rows])]
        gains = FreeBoxes(front, reference, floor).gains(points[edge])
        if not gains.max() > 0:
            break
        best = int(edge[gains.argmax()])
        chosen.append(best)
        front = np.vstack([front, points[best]])
        rows = rows[(features[rows] != features[best]).any(axis=1)]
    return chosen
