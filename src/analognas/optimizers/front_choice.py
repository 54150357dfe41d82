"""Choice of candidates with several objectives: Thompson samples with random scalarisations.

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
"""Weight of the sum besides the maximum in the augmented Chebyshev distance (Knowles 2006)."""

MARGIN = 0.1
"""Distance of the reference point beyond the ideal point, in units of the front."""


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
    """Return the positions of up to ``n`` candidates; of equal features only one.

    For each position, a Thompson sample is drawn from the predictions, and weights are drawn uniformly from the
    simplex. The chosen candidate is feasible in the sample and has the smallest augmented Chebyshev distance to
    the ideal point of the front. Objectives are in units of the front, so a batch covers all of its parts.
    Without a feasible candidate, or before the first feasible result, the smallest violation is chosen.

    Args:
        observations: Results of the run.
        problem: Objectives and constraints.
        predictions: Predictions of all metrics of the problem for the candidates.
        features: Features of the candidates, shape ``(m, d)``.
        n: Number of candidates wanted.
        temperature: Factor of the standard deviations of the predictions.
        generator: Source of randomness.
    """
    front = observations.costs[non_dominated(observations.costs, observations.violation == 0)]
    left = np.arange(len(features))
    chosen: list[int] = []
    while len(chosen) < n and len(left):
        sampled = predictions.sample(generator, temperature)
        violation = problem.violation(sampled)[left]
        weights = generator.dirichlet(np.ones(len(problem.objectives)))
        distances = np.zeros(len(left))
        if len(front):
            points = Scale.of(front).normalised(problem.costs(sampled)[left])
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
