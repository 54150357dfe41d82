"""Rows of a table from the results of a build's units: one row for every architecture and seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core import InvalidArgumentError
from ..tables import MEASURED, TableRows
from .folder import Build
from .work_queue import WorkQueue

__all__ = ["facts_of_table", "rows_of_build"]


@dataclass
class _Row:
    """The units of one architecture and seed."""

    position: int
    seed: int
    columns: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    open: bool = False

    def take(self, unit: Mapping[str, Any]) -> None:
        if unit["state"] == "failed":
            self.errors.append(f"{unit['condition']}: {unit['error']}")
        elif unit["state"] != "done":
            self.open = True
        else:
            self.columns |= _flat(unit["result"])


def rows_of_build(build: Build) -> tuple[TableRows, dict[str, Any]]:
    """Return the finished rows of a build, and the metadata of its table.

    Raises:
        InvalidArgumentError: If no row has ended yet.
    """
    with WorkQueue(build.queue_file, snapshot=True) as queue:
        facts = queue.facts
        genotypes = queue.genotypes()
        rows = _rows(queue.units())
    ended = [row for row in rows if not row.open]
    if not ended:
        raise InvalidArgumentError(
            f"None of the {len(rows)} rows of {str(build.folder)!r} has ended yet; look at `analognas bench "
            "status`, and merge later."
        )
    made = _table_rows(build, facts, [genotypes[row.position] for row in ended], ended)
    return made, _metadata(build, facts, n_open=len(rows) - len(ended))


def _flat(result: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Columns of one result, each metric with its ``_std`` and ``_sem`` beside it."""
    columns: dict[str, float] = {}
    for name, value in result["values"].items():
        columns[name] = value
        for ending in ("std", "sem"):
            if name in result[f"{ending}s"]:
                columns[f"{name}_{ending}"] = result[f"{ending}s"][name]
    return columns


def _rows(units: Iterable[Mapping[str, Any]]) -> list[_Row]:
    """All rows by position and seed."""
    rows: dict[tuple[int, int], _Row] = {}
    for unit in units:
        key = unit["position"], unit["seed"]
        rows.setdefault(key, _Row(*key)).take(unit)
    return [rows[key] for key in sorted(rows)]


def _table_rows(
    build: Build, facts: Mapping[str, Any], genotypes: Sequence[Sequence[int]], rows: Sequence[_Row]
) -> TableRows:
    names = list(dict.fromkeys(name for row in rows for name in row.columns))
    values = {
        name: np.array([row.columns.get(name, np.nan) for row in rows], dtype=np.float64)
        for name in names
    }
    return TableRows(
        population=build.space.population([list(genotype) for genotype in genotypes]),
        seeds=np.array([row.seed for row in rows], dtype=np.int64),
        values=values,
        fidelity=facts["fidelity"],
        errors=["; ".join(row.errors) for row in rows],
    )


def facts_of_table(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that all rows of a table share, from the facts of a queue."""
    names = ("space", "space_fingerprint", "data", "measurement", "fidelity")
    return {name: facts[name] for name in names}


def _metadata(build: Build, facts: Mapping[str, Any], *, n_open: int) -> dict[str, Any]:
    settings = build.settings.to_dict()
    settings["measurement"]["root"] = None  # results carry no paths
    versions = {name: facts[name] for name in ("analognas", "numpy", "torch") if name in facts}
    return {
        "name": build.settings.name,
        "kind": MEASURED,
        **facts_of_table(facts),
        "licence": build.settings.licence,
        "notes": build.settings.notes,
        "complete": n_open == 0,
        "n_open": n_open,
        "provenance": {"dataset": facts["data"]["name"], **versions},
        "sources": [{"name": build.settings.name, **versions, "specification": settings}],
    }
