"""A configuration space as a table that a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..hyperparameters import Hyperparameter
from .conditions import Condition, Forbidden


def table_text(
    title: str,
    hyperparameters: Sequence[Hyperparameter],
    conditions: Mapping[str, Sequence[Condition]],
    forbidden: Sequence[Forbidden],
) -> str:
    """Return one line a hyperparameter: name, values, number of choices, and when it is active."""
    rows = [("name", "values", "choices", "active when")]
    for entry in hyperparameters:
        when = " and ".join(map(str, conditions.get(entry.name, ()))) or "always"
        rows.append((entry.name, entry.range_text(), f"{entry.n_choices:,}", when))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"  {name:<{widths[0]}}  {values:<{widths[1]}}  {choices:>{widths[2]}}  {when}"
        for name, values, choices, when in rows
    ]
    return "\n".join([title, *lines, *(f"  forbidden: {clause}" for clause in forbidden)])
