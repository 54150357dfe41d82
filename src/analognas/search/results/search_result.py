"""The result of a search."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.text_tables import ShownTable, TableView, with_unit
from ...evaluators import FIDELITY, REFERENCE, Problem
from ...spaces import Space, architecture_labels, architecture_text
from ..log.definitions import logged_space
from .formatting import front_lines, number, value_text
from .fronts import aligned, hypervolume_curves, igd_plus_curves, reference_front, scale_of
from .run_result import RunResult
from .standings import Comparison


@dataclass(frozen=True, repr=False)
class SearchResult(TableView):
    """All runs of a search.

    Attributes:
        problem: What was searched for.
        runs: One result a run.
        settings: The identity of the search and its limits, JSON types.
        architectures: The best architecture of each run, JSON types that the space's ``encode`` takes.
        winners: The best distinct architectures over all runs, best first: notations, metrics, run and
            ``feasible``. All of them meet the constraints; if nothing does, they are the nearest. With several
            objectives they are the non-dominated set, in the order of the first objective.
        comparison: Interval of the winner and its rivals, where measurements have standard errors.
        remarks: Notes to be shown with the numbers, such as a low fidelity; one line each.

    Example:
        >>> from analognas import Worker
        >>> result = Worker(optimizer="random_search", runs=2, budget=5).search()
        >>> len(result.runs)
        2
    """

    problem: Problem
    runs: tuple[RunResult, ...]
    settings: dict[str, Any]
    architectures: tuple[Any, ...]
    winners: tuple[dict[str, Any], ...]
    comparison: Comparison | None = None
    remarks: tuple[str, ...] = ()

    @property
    def feasible(self) -> bool:
        """Whether any architecture met all constraints."""
        return any(run.feasible for run in self.runs)

    @property
    def front(self) -> tuple[dict[str, Any], ...]:
        """The non-dominated set over all runs, entries as in ``winners``; empty where nothing is feasible.

        With one objective, those that share its best value.
        """
        if not self.feasible:
            return ()
        if len(self.problem.objectives) > 1:
            return self.winners
        name = self.problem.objectives[0]
        best = self.winners[0]["metrics"][name]
        return tuple(cell for cell in self.winners if cell["metrics"][name] == best)

    def hypervolume(self, ideal: Any = None, nadir: Any = None) -> NDArray[np.float64]:
        """Hypervolume of each run's non-dominated set after each distinct query.

        Objectives count in units in which 0 is the ideal and 1 the nadir, turned so that smaller is better, and
        the volume ends at 1.1. Only values of one scale can be compared, so give the scale of a known front to
        compare searches.

        Args:
            ideal: Best value of each objective, in its own unit, shape ``(n_objectives,)``; by default that of
                the non-dominated set that all runs have found.
            nadir: Worst value of each objective on the front, likewise.

        Returns:
            Shape ``(n_runs, n_queries)``, 0 before the first feasible architecture. Runs that ended early keep
            their last value.

        Raises:
            InvalidArgumentError: If the scale cannot be read, or none is given and nothing is feasible.
        """
        scale = scale_of(self.problem, self.runs, ideal, nadir)
        return hypervolume_curves(self.problem, self.runs, scale)

    def igd_plus(self, reference: Any) -> NDArray[np.float64]:
        """Mean distance from a known front to each run's non-dominated set after each distinct query (IGD+).

        Args:
            reference: Values of the known front in the objectives' own units, shape ``(m, n_objectives)``; they
                also are the scale.

        Returns:
            Shape ``(n_runs, n_queries)``; 0 is best, NaN before the first feasible architecture.

        Raises:
            InvalidArgumentError: If the front has another shape or values that are not finite.
        """
        front = reference_front(self.problem, reference)
        return igd_plus_curves(self.problem, self.runs, front)

    def shown_table(self) -> ShownTable:
        """Return what is printed: the best architectures with the metrics of the search, and a summary."""
        names = list(dict.fromkeys(self.problem.metrics))
        units = [self.problem.metric(name) for name in names]
        labels = architecture_labels([cell["architecture"] for cell in self.winners], self.space)
        rows = [
            (label, *(value_text(cell, metric) for metric in units), str(cell.get("run", "")))
            for label, cell in zip(labels.texts, self.winners, strict=True)
        ]
        heads = [with_unit(metric.name, metric.unit) for metric in units]
        title = f"{len(self.runs)} runs, {sum(run.n_distinct for run in self.runs):,} architectures evaluated"
        notes = (
            *([labels.note] if labels.note else []),
            *self.summary(table=False).splitlines(),
        )
        return ShownTable(title, ("architecture", *heads, "run"), tuple(rows), notes)

    @cached_property
    def space(self) -> Space | None:
        """The space of the architectures, by its name or definition in the settings; None if unknown."""
        return logged_space(self.settings)

    def _shown(self, architecture: Any) -> str:
        return architecture_text(architecture, space=self.space)

    def finals(self) -> list[float]:
        """Best value of each run that found something feasible, in the objective's own unit."""
        return [run.best_value(self.problem) for run in self.runs if run.feasible]

    def convergence(self) -> NDArray[np.float64]:
        """Best value so far of each run after each distinct query, shape ``(n_runs, n_queries)``.

        In the objective's own unit; NaN before the first feasible architecture. Runs that ended early keep
        their last value.
        """
        curves = [run.best_so_far() for run in self.runs]
        padded = aligned(curves, -np.inf)
        return np.where(np.isfinite(padded), self.problem.sign * padded, np.nan)

    def summary(self, *, table: bool = True) -> str:
        """The result as a few lines of text.

        Args:
            table: With several objectives, begin with a table of the non-dominated set.
        """
        objective = self.problem.objectives[0]
        about = self.problem.metric(objective)
        unit = about.unit
        best = self.winners[0]
        shown = self._shown(best["architecture"])
        finals = self.finals()
        if not finals:
            nothing = [self._nothing_summary(shown), *self._fidelity_lines()]
            return "\n".join([*nothing, *self.remarks])
        if len(self.problem.objectives) > 1:
            lines = self._front_summary(table)
        else:
            lines = [f"Best architecture {shown} of run {best['run']}: {self._headline(best)}"]
            if self.comparison is not None:
                lines.append(self.comparison.summary(self._shown, unit))
            lines += self._twins(best)
            if len(finals) > 1:
                kind = "reading" if self._estimated else "value"
                lines.append(
                    f"Best {kind} of each of {len(finals)} runs: {number(about, float(np.mean(finals)))} ± "
                    f"{number(about, float(np.std(finals, ddof=1)))} {unit}".rstrip()
                    + " (mean ± standard deviation)"
                )
        failed = len(self.runs) - len(finals)
        if failed:
            lines.append(
                f"{failed} of {len(self.runs)} runs found nothing that meets the constraints"
            )
        n_barred = sum(run.n_barred for run in self.runs)
        if n_barred:
            bounds = " and ".join(map(str, self.problem.first_bounds))
            lines.append(f"{n_barred} proposals did not meet {bounds} and were not evaluated")
        # Infinite: failed, or of a lower fidelity.
        violations = np.concatenate([run.violation[run.new] for run in self.runs])
        n_outside = int(((violations > 0) & np.isfinite(violations)).sum())
        if n_outside > len(violations) / 10:
            lines.append(
                f"{n_outside} of {len(violations)} evaluations did not meet the constraints"
            )
        n_errors = sum(len(run.errors) for run in self.runs)
        if n_errors:
            last = next(run.errors for run in reversed(self.runs) if run.errors)
            lines.append(f"{n_errors} evaluations failed, the last with {last[max(last)]!r}")
        return "\n".join([*lines, *self._fidelity_lines(), *self.remarks])

    @property
    def n_at_fidelity(self) -> dict[float, int]:
        """Number of evaluations at each fidelity in all runs, rising; empty where there is one."""
        counts: Counter[float] = Counter()
        for run in self.runs:
            counts.update(run.n_at_fidelity)
        return dict(sorted(counts.items()))

    def _fidelity_lines(self) -> list[str]:
        """How often was measured at each fidelity."""
        counts = self.n_at_fidelity
        if not counts:
            return []
        unit = self.problem.metric(FIDELITY).unit
        each = [f"{count:,} at {fidelity:.12g} {unit}" for fidelity, count in counts.items()]
        return [f"Evaluations by fidelity: {', '.join(each)}; only the full fidelity can win"]

    def _headline(self, best: dict[str, Any]) -> str:
        """The value of the winner: the estimate of its true value first, where there is one."""
        objective = self.problem.objectives[0]
        about = self.problem.metric(objective)
        reading = f"{number(about, best['metrics'][objective])} {about.unit}".rstrip()
        if self.comparison is None or not self._estimated:
            return f"{objective} {reading}"
        estimate = number(about, self.comparison.winner.estimate)
        return (
            f"estimated {objective} {estimate} {about.unit}".rstrip()
            + f" (the table reads {reading})"
        )

    @property
    def _estimated(self) -> bool:
        """Whether architectures are ranked by estimates of true values, not by readings."""
        return self.comparison is not None and self.comparison.reading is not None

    def _twins(self, best: dict[str, Any]) -> list[str]:
        """What the table reads of the winner's network elsewhere, where it was trained several times."""
        twins = best.get("isomorphism_class")
        objective = self.problem.objectives[0]
        if not self._estimated or twins is None or twins["members"] < 2:
            return []
        mean = number(self.problem.metric(objective), twins["means"].get(objective))
        return [
            f"The {twins['members']} cells of the table that are the same network read {mean} on average"
        ]

    def _nothing_summary(self, nearest: str) -> str:
        """Why nothing could be chosen, and what came nearest."""
        n = sum(run.n_distinct for run in self.runs)
        unknown = [
            name
            for name in self.problem.metrics
            if all(np.isnan(run.evaluation.means[name]).all() for run in self.runs)
        ]
        if n and unknown:
            return (
                f"No architecture can be chosen: none of {n} has a value of {' or '.join(unknown)}."
            )
        full = [bound for bound in self.problem.constraints if bound.metric == FIDELITY]
        if full and full[0].bound not in self.n_at_fidelity:
            text = f"{full[0].bound:.12g} {self.problem.metric(FIDELITY).unit}"
            return (
                f"No architecture can be chosen: the search ended before one was measured in full, at {text}; "
                "continue it with a larger budget."
            )
        bounds = " and ".join(map(str, self.problem.constraints))
        needed = " and ".join(self.problem.objectives)
        if not bounds:
            return f"No architecture can be chosen: none of {n} has values of {needed} together."
        values = self.winners[0]["metrics"]
        found = ", ".join(
            f"{name} {'unknown' if values[name] is None else format(values[name], '.12g')}"
            for name in dict.fromkeys(bound.metric for bound in self.problem.constraints)
        )
        return f"No architecture met {bounds}; the nearest is {nearest}: {found}."

    def _front_summary(self, table: bool) -> list[str]:
        objectives = [self.problem.metric(name) for name in self.problem.objectives]
        volumes = self.hypervolume()[:, -1]
        spread = f" ± {np.std(volumes, ddof=1):.3f}" if len(volumes) > 1 else ""
        runs = "1 run" if len(volumes) == 1 else f"{len(volumes)} runs"
        return [
            *([*front_lines(self.front, objectives, self.space), ""] if table else []),
            f"Non-dominated set of {len(self.front)} architectures from {runs}; hypervolume of a run "
            f"{np.mean(volumes):.3f}{spread}, in units of this set's ideal and nadir",
        ]

    def to_json(self) -> dict[str, Any]:
        """The result as JSON types, free of times and paths: equal searches give equal bytes.

        With several objectives, ``front`` is the non-dominated set and ``best`` its member that is best in the
        first objective; ``hypervolume`` says how large it is, and on which scale.
        """
        objective = self.problem.objectives[0]
        per_run = []
        for position, run in enumerate(self.runs):
            row = run.best
            per_run.append(
                {
                    "run": position,
                    "architecture": self.architectures[position],
                    objective: _number(
                        run.best_value(self.problem)
                        if run.feasible
                        else run.evaluation.means[objective][row]
                    ),
                    "feasible": run.feasible,
                    "evaluations": run.n_evaluations,
                    "stopped_by": run.stopped_by,
                    **_counted(run.n_at_fidelity),
                    **({"failed": len(run.errors)} if run.errors else {}),
                    **({"not_evaluated": run.n_barred} if run.n_barred else {}),
                }
            )
        if len(self.problem.objectives) > 1:
            return self._front_json(per_run)
        finals = self.finals()
        spread = float(np.std(finals, ddof=1)) if len(finals) > 1 else None
        return {
            **self._head,
            "feasible": self.feasible,
            "best": self.winners[0],
            "runners_up": list(self.winners[1:]),
            **({} if self.comparison is None else {"comparison": self.comparison.to_json()}),
            "runs": per_run,
            "over_runs": {
                "n": len(finals),
                "mean": float(np.mean(finals)) if finals else None,
                "std": spread,
            },
        }

    @property
    def _head(self) -> dict[str, Any]:
        """What was searched, and what must be said beside it, as JSON types."""
        return {**self.settings, **({"remarks": list(self.remarks)} if self.remarks else {})}

    def _front_json(self, per_run: list[dict[str, Any]]) -> dict[str, Any]:
        whole = {"feasible": self.feasible, "best": self.winners[0], "front": list(self.front)}
        if not self.feasible:
            return {**self._head, **whole, "nearest": list(self.winners), "runs": per_run}
        names = self.problem.objectives
        scale = scale_of(self.problem, self.runs, None, None)
        volumes = hypervolume_curves(self.problem, self.runs, scale)[:, -1].tolist()
        for entry, volume in zip(per_run, volumes, strict=True):
            entry["hypervolume"] = volume
        ends = {
            name: dict(zip(names, self.problem.in_own_units(costs).tolist(), strict=True))
            for name, costs in (("ideal", scale.ideal), ("nadir", scale.nadir))
        }
        volume = {
            "mean_of_runs": float(np.mean(volumes)),
            "std_of_runs": float(np.std(volumes, ddof=1)) if len(volumes) > 1 else None,
            "reference": REFERENCE,
            **ends,
        }
        return {**self._head, **whole, "hypervolume": volume, "runs": per_run}


def _counted(n_at_fidelity: dict[float, int]) -> dict[str, Any]:
    """Numbers of evaluations by fidelity as JSON types; nothing where there is one fidelity."""
    listed = [{FIDELITY: at, "evaluations": n} for at, n in n_at_fidelity.items()]
    return {"by_fidelity": listed} if listed else {}


def _number(value: float) -> float | None:
    """A value as JSON has it: what was not measured is null."""
    return float(value) if np.isfinite(value) else None
