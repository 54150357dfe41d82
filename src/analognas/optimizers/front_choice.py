"""Which candidates to measure with several objectives: the best of a drawn world in a drawn direction.

Source of the scalarisation: Knowles, "ParEGO: A Hybrid Algorithm with On-Line Landscape Approximation for
Expensive Multiobjective Optimization Problems", IEEE Transactions on Evolutionary Computation 10, 2006, with
Thompson draws in the place of expected improvement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..evaluators import Problem, Scale, non_dominated
from .candidate_predictions import CandidatePredictions
from .observations import Observations

__all__ = ["choose_for_front"]

Floats = NDArray[np.float64]

AUGMENTATION = 0.05
"""Weight of the sum beside the maximum, so that of equal maxima the better in all else wins (Knowles 2006)."""

MARGIN = 0.1
"""How far beyond the ideal of the front directions meet, in units of the front."""


def choose_for_front(
    observations: Observations,
    problem: Problem,
    predictions: CandidatePredictions,
    features: NDArray[np.float32],
    n: int,
    *,
    temperature: float,
    generator: np.random.Generator,
) -> list[int]:
    """Return the positions of up to ``n`` candidates, of equal features only one.

    For each, a world is drawn from the predictions and a direction uniformly from the simplex of weights; taken
    is the feasible candidate with the least augmented Chebyshev distance from the front's ideal in that
    direction. In units of the front every direction leads to another part of it, so that a batch covers all.
    Where the world has nothing feasible, or nothing feasible was measured yet, what is closest to feasible is
    taken.

    Args:
        observations: What was measured.
        problem: Objectives and constraints.
        predictions: Predictions of all metrics of the problem for the candidates.
        features: Features of the candidates, shape ``(m, d)``.
        n: Number of candidates wanted.
        temperature: Factor on the standard deviations of what is believed.
        generator: Source of randomness.
    """
    front = observations.costs[non_dominated(observations.costs, observations.violation == 0)]
    left = np.arange(len(features))
    chosen: list[int] = []
    while len(chosen) < n and len(left):
        world = predictions.draw(generator, temperature)
        violation = problem.violation(world)[left]
        weights = generator.dirichlet(np.ones(len(problem.objectives)))
        distances = np.zeros(len(left))
        if len(front):
            points = Scale.of(front).normalised(problem.costs(world)[left])
            distances = _chebyshev(points, weights)
        best = int(left[np.lexsort((distances, violation))[0]])
        chosen.append(best)
        left = left[(features[left] != features[best]).any(axis=1)]
    return chosen


def _chebyshev(points: Floats, weights: Floats) -> Floats:
    """Augmented Chebyshev distances of minimised points from the ideal, shape ``(n,)``."""
    weighted = (points + MARGIN) * weights
    distances: Floats = weighted.max(axis=1) + AUGMENTATION * weighted.sum(axis=1)
    return distances
