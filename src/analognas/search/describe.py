"""A search in one line."""

from __future__ import annotations

from typing import Any

__all__ = ["describe_search"]


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
