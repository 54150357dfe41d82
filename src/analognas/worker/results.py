"""What a search found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import get_metric
from ..evaluators import Evaluation, Problem
from ..spaces import Population


@dataclass(frozen=True)
class RunResult:
    """One run of a search.

    Attributes:
        population: Every architecture evaluated, in order, shape ``(n, n_genes)``.
        new: Whether each was new to the run, shape ``(n,)``.
        evaluation: Their metrics.
        score: Objective turned so that larger is better; minus infinity where a constraint is broken.
        violation: Total violation of the constraints; 0 where all are met.
        stopped_by: ``"budget"``, ``"seconds"``, ``"cost"``, ``"exhausted"`` (nothing new left), ``"stalled"``
            or ``"callback"``.
        n_evaluations: What counted against the budget: distinct architectures, or all readings where repeats
            are new measurements.
        errors: Why an evaluation failed, by row; its metrics are NaN.
    """

    population: Population
    new: NDArray[np.bool_]
    evaluation: Evaluation
    score: NDArray[np.float64]
    violation: NDArray[np.float64]
    stopped_by: str
    n_evaluations: int
    errors: dict[int, str] = field(default_factory=dict)

    @property
    def n_distinct(self) -> int:
        """Number of distinct architectures evaluated."""
        return int(self.new.sum())

    @property
    def best(self) -> int:
        """Row of the best architecture: the best score, or the smallest violation if none is feasible."""
        feasible = self.violation == 0
        return int(self.score.argmax() if feasible.any() else self.violation.argmin())

    @property
    def feasible(self) -> bool:
        """Whether any architecture met all constraints."""
        return bool((self.violation == 0).any())

    def best_value(self, problem: Problem) -> float:
        """Best feasible value of the objective, in its own unit; NaN if there is none."""
        if not self.feasible:
            return float("nan")
        return float(self.evaluation.means[problem.objectives[0]][self.best])

    def best_so_far(self) -> NDArray[np.float64]:
        """Best score after each distinct query, shape ``(n_distinct,)``.

        Minus infinity before the first feasible one.
        """
        best: NDArray[np.float64] = np.maximum.accumulate(self.score[self.new])
        return best


@dataclass(frozen=True)
class SearchResult:
    """All runs of a search.

    Attributes:
        problem: What was searched for.
        runs: One result a run.
        settings: Everything that identifies the search, JSON types.
        architectures: The best architecture of each run, JSON types that the space's ``encode`` takes.
        winners: The best distinct architectures over all runs, best first: notations, metrics, run and
            ``feasible``. All of them meet the constraints; where nothing does, they are the nearest.
    """

    problem: Problem
    runs: tuple[RunResult, ...]
    settings: dict[str, Any]
    architectures: tuple[Any, ...]
    winners: tuple[dict[str, Any], ...]

    @property
    def feasible(self) -> bool:
        """Whether any architecture met all constraints."""
        return any(run.feasible for run in self.runs)

    @property
    def sign(self) -> float:
        """1 if the objective is maximised, -1 if it is minimised."""
        return 1.0 if get_metric(self.problem.objectives[0]).higher_is_better else -1.0

    def finals(self) -> list[float]:
        """Best value of each run that found something feasible, in the objective's own unit."""
        return [run.best_value(self.problem) for run in self.runs if run.feasible]

    def convergence(self) -> NDArray[np.float64]:
        """Best value so far of each run after each distinct query, shape ``(n_runs, n_queries)``.

        In the objective's own unit; NaN before the first feasible architecture. Runs that ended early keep
        their last value.
        """
        curves = [run.best_so_far() for run in self.runs]
        length = max(len(curve) for curve in curves)
        padded = np.stack(
            [np.pad(curve, (0, length - len(curve)), mode="edge") for curve in curves]
        )
        return np.where(np.isfinite(padded), self.sign * padded, np.nan)

    def summary(self) -> str:
        """The result as a few lines of text."""
        objective = self.problem.objectives[0]
        unit = get_metric(objective).unit
        best = self.winners[0]
        shown = architecture_text(best["architecture"])
        finals = self.finals()
        if not finals:
            bounds = " and ".join(map(str, self.problem.constraints))
            found = ", ".join(
                f"{name} {best['metrics'][name]:.12g}"
                for name in dict.fromkeys(bound.metric for bound in self.problem.constraints)
            )
            return f"No architecture met {bounds}; the nearest is {shown}: {found}."
        lines = [
            f"Best architecture {shown} of run {best['run']}: "
            f"{objective} {best['metrics'][objective]:.2f} {unit}".rstrip()
        ]
        failed = len(self.runs) - len(finals)
        if len(finals) > 1:
            lines.append(
                f"Best of each of {len(finals)} runs: {np.mean(finals):.2f} ± "
                f"{np.std(finals, ddof=1):.2f} {unit}".rstrip()
                + " (mean ± standard deviation)"
            )
        if failed:
            lines.append(
                f"{failed} of {len(self.runs)} runs found nothing that meets the constraints"
            )
        n_errors = sum(len(run.errors) for run in self.runs)
        if n_errors:
            last = next(run.errors for run in reversed(self.runs) if run.errors)
            lines.append(f"{n_errors} evaluations failed, the last with {last[max(last)]!r}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The result as JSON types, free of times and paths: equal searches give equal bytes."""
        objective = self.problem.objectives[0]
        per_run = []
        for number, run in enumerate(self.runs):
            row = run.best
            per_run.append(
                {
                    "run": number,
                    "architecture": self.architectures[number],
                    objective: _number(run.evaluation.means[objective][row]),
                    "feasible": run.feasible,
                    "evaluations": run.n_evaluations,
                    "stopped_by": run.stopped_by,
                    **({"failed": len(run.errors)} if run.errors else {}),
                }
            )
        finals = self.finals()
        spread = float(np.std(finals, ddof=1)) if len(finals) > 1 else None
        return {
            **self.settings,
            "feasible": self.feasible,
            "best": self.winners[0],
            "runners_up": list(self.winners[1:]),
            "runs": per_run,
            "over_runs": {
                "n": len(finals),
                "mean": float(np.mean(finals)) if finals else None,
                "std": spread,
            },
        }


def _number(value: float) -> float | None:
    """A value as JSON has it: what was not measured is null."""
    return float(value) if np.isfinite(value) else None


def architecture_text(architecture: Any, width: int | None = None) -> str:
    """Return an architecture as people read it: a list in brackets, named values as ``name=value``.

    Args:
        architecture: List of operations or mapping from names to values.
        width: Longest text, in characters; what is beyond is left out. None: the whole.

    Example:
        >>> architecture_text([2, 2, 0]), architecture_text({"depth": 2, "width": 16})
        ('(2, 2, 0)', 'depth=2, width=16')
        >>> architecture_text({"depth": 2, "width": 16}, width=12)
        'depth=2, wi…'
    """
    if isinstance(architecture, Mapping):
        text = ", ".join(f"{name}={value}" for name, value in architecture.items())
    else:
        text = str(tuple(architecture))
    return text if width is None or len(text) <= width else text[: width - 1] + "…"
