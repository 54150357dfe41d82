"""A search in one line, as complete settings, and by what its trajectory follows from."""

from __future__ import annotations

from typing import Any

from .components import class_without_entry, evaluator_entry, optimizer_entry, space_entry
from .settings import BackendSettings, SearchSettings

__all__ = ["complete_settings", "describe_search", "search_identity"]


def describe_search(search: Any) -> str:
    """Return what a search looks for, in which space and how, as its ``repr``."""
    goals = ", ".join(search.problem.objectives)
    bounds = "".join(f", {bound}" for bound in search.problem.constraints)
    optimizer = type(search.optimizer).__name__
    budget = search.limits.evaluations
    size = "no limit of" if budget is None else f"up to {budget:,}"
    return (
        f"<{type(search).__name__}: {goals}{bounds} in {search.space!r} by {optimizer}, {search.runs} runs of "
        f"{size} evaluations>"
    )


def complete_settings(search: Any) -> SearchSettings:
    """Return the settings of a search with everything filled in that was found, as a log stores them."""
    given: SearchSettings = search.given
    objects = {"space": search.space, "optimizer": search.optimizer, "evaluator": search.evaluator}
    entries: dict[str, Any] = {
        "space": space_entry(search.space),
        "optimizer": optimizer_entry(search.optimizer),
        "evaluator": evaluator_entry(given.evaluator, search.evaluator),
        "backend": given.backend,
    }
    if search.has_own_backend:
        objects["backend"] = search.backend
        entries["backend"] = BackendSettings.of(search.backend)
    missing = {
        part: class_without_entry(value) for part, value in objects.items() if entries[part] is None
    }
    return given.replace(
        **{part: entry for part, entry in entries.items() if entry is not None},
        **({"space": None} if "space" in missing else {}),
        **({} if search.start is None else {"start": search.start.entry()}),
        **({} if search.prior is None else {"prior": search.prior.entry}),
        fidelities=None,  # part of the optimizer by now
        objectives=search.problem.objectives,
        constraints=search.problem.constraints,
        runs=search.runs,
        budget=search.limits.evaluations,
        objects=missing,
    )


def search_identity(search: Any) -> dict[str, Any]:
    """Return what the trajectory of a search follows from, as JSON types."""
    fingerprint = search.space.fingerprint()
    cost_metric = search.limits.cost_metric
    return {
        "space": search.space.name,
        **({} if fingerprint is None else {"space_fingerprint": fingerprint}),
        "optimizer": {"name": search.optimizer.name, **search.optimizer.hyperparameters()},
        "evaluator": search.evaluator.identity(),
        "objectives": list(search.problem.objectives),
        "constraints": [str(constraint) for constraint in search.problem.constraints],
        "seed": search.given.seed,
        **({} if cost_metric is None else {"cost_metric": cost_metric}),
        **({} if search.start is None else {"start": search.start.identity()}),
        **({} if search.prior is None else {"prior": search.prior.identity()}),
        **({} if search.given.pending is None else {"pending": search.given.pending}),
    }
