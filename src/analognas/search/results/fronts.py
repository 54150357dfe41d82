"""Quality of the non-dominated sets of a search after each query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError
from ...evaluators import Problem, Scale, hypervolume, igd_plus, quality_curve
from .run_result import RunResult

Floats = NDArray[np.float64]


def scale_of(problem: Problem, runs: Sequence[RunResult], ideal: Any, nadir: Any) -> Scale:
    """Return the scale of a given ideal and nadir, in the units of the objectives, or that of all runs.

    Raises:
        InvalidArgumentError: If one is given without the other, has another length, or the ideal is no better
            than the nadir; or if none is given and nothing feasible was found.
    """
    if (ideal is None) != (nadir is None):
        raise InvalidArgumentError("`ideal` and `nadir` go together, but got only one of them.")
    if ideal is None:
        parts = [problem.costs(run.evaluation)[run.violation == 0] for run in runs]
        return Scale.of(np.concatenate(parts))
    best, worst = (
        problem.in_own_units(_point(problem, name, value))
        for name, value in (("ideal", ideal), ("nadir", nadir))
    )
    if not (best <= worst).all():
        name = problem.objectives[int((best > worst).argmax())]
        raise InvalidArgumentError(
            f"`ideal` must be at least as good as `nadir`, but it is worse in {name!r}; give values in the "
            "metrics' own units and directions."
        )
    return Scale(best, worst)


def reference_front(problem: Problem, front: Any) -> Floats:
    """Check a known front, shape ``(m, n_objectives)`` in own units, and return its costs.

    Raises:
        InvalidArgumentError: If it has another shape, no row, or values that are not finite.
    """
    values = np.asarray(front, dtype=np.float64)
    k = len(problem.objectives)
    if values.ndim != 2 or values.shape[1] != k or not len(values) or not np.isfinite(values).all():
        raise InvalidArgumentError(
            f"`reference` must be finite values of shape (m, {k}), columns {', '.join(problem.objectives)}, "
            f"but got the shape {values.shape}."
        )
    return problem.in_own_units(values)


def hypervolume_curves(problem: Problem, runs: Sequence[RunResult], scale: Scale) -> Floats:
    """Hypervolume of each run after each distinct query, shape ``(n_runs, n_queries)``."""
    return _curves(problem, runs, lambda costs: hypervolume(costs, scale), 0.0)


def igd_plus_curves(problem: Problem, runs: Sequence[RunResult], front: Floats) -> Floats:
    """IGD+ of each run after each distinct query, in units of the known front; NaN before anything feasible."""
    scale = Scale.of(front)
    return _curves(problem, runs, lambda costs: igd_plus(costs, front, scale), np.nan)


def _curves(
    problem: Problem,
    runs: Sequence[RunResult],
    quality: Callable[[Floats], float],
    empty: float,
) -> Floats:
    curves = [
        quality_curve(
            problem.costs(run.evaluation)[run.new], (run.violation == 0)[run.new], quality, empty
        )
        for run in runs
    ]
    return aligned(curves, empty)


def aligned(curves: Sequence[Floats], empty: float) -> Floats:
    """Return curves as one matrix; the shorter keep their last value, and ``empty`` where there is none.

    Args:
        curves: Shape ``(n_queries,)`` each.
        empty: Value of a curve without any query.
    """
    length = max(len(curve) for curve in curves)
    started = [curve if len(curve) else np.full(min(length, 1), empty) for curve in curves]
    return np.stack([np.pad(c, (0, length - len(c)), mode="edge") for c in started])


def _point(problem: Problem, name: str, value: Any) -> Floats:
    point = np.asarray(value, dtype=np.float64)
    k = len(problem.objectives)
    if point.shape != (k,) or not np.isfinite(point).all():
        raise InvalidArgumentError(
            f"`{name}` must be {k} finite values, of {', '.join(problem.objectives)}, but got {value!r}."
        )
    return point
