"""From the results of units to one table: a row for every architecture and seed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..core import InvalidArgumentError
from ..tables import MEASURED, TableRows, write_rows
from .folder import Build
from .work_queue import WorkQueue

__all__ = ["MergeReport", "merge_build"]


@dataclass(frozen=True)
class MergeReport:
    """What a merge wrote.

    Attributes:
        path: The table.
        checksum: Its checksum.
        n_rows: Rows: architectures times seeds.
        n_failed: Rows of which a unit failed.
        n_open: Rows that are not there yet, because units are open.
    """

    path: Path
    checksum: str
    n_rows: int
    n_failed: int
    n_open: int

    def __str__(self) -> str:
        parts = [f"{self.n_rows} rows"]
        if self.n_failed:
            parts.append(f"{self.n_failed} with failed units")
        if self.n_open:
            parts.append(f"incomplete: {self.n_open} rows are still open")
        return f"{self.path}: {', '.join(parts)}; sha256:{self.checksum[:12]}"


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


def merge_build(build: Build, path: str | os.PathLike[str] | None = None) -> MergeReport:
    """Write the table of a build from all rows whose units have ended; those that are still open are left out.

    A build may go on meanwhile. The table says whether it is complete.

    Args:
        build: The build.
        path: The file; ``table.parquet`` in the folder by default.

    Raises:
        InvalidArgumentError: If no row has ended yet.
        OutputFolderError: If the file cannot be written.
    """
    target = build.table_file if path is None else Path(path)
    with WorkQueue(build.queue_file) as queue:
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
    n_open = len(rows) - len(ended)
    checksum = write_rows(target, made, _metadata(build, facts, made, n_open))
    n_failed = sum(bool(row.errors) for row in ended)
    return MergeReport(target, checksum, len(ended), n_failed, n_open)


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


def _metadata(
    build: Build, facts: Mapping[str, Any], rows: TableRows, n_open: int
) -> dict[str, Any]:
    settings = build.settings.to_dict()
    settings["measurement"]["root"] = None  # results carry no paths
    import torch

    return {
        "name": build.settings.name,
        "kind": MEASURED,
        "space": facts["space"],
        "space_fingerprint": facts["space_fingerprint"],
        "measurement": facts["measurement"],
        "licence": build.settings.licence,
        "notes": build.settings.notes,
        "complete": n_open == 0,
        "n_open": n_open,
        "provenance": {
            "dataset": facts["data"]["name"],
            "dataset_note": facts["data"]["note"],
            "dataset_sha256": facts["data"]["sha256"],
            "analognas": facts["analognas"],
            "merged_by": __version__,
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "specification": settings,
    }
