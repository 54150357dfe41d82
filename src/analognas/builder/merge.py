"""Merging builds, and tables with the same measurement, into one table."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core import InvalidArgumentError
from ..spaces import Space, find_space
from ..tables import TableRows, read_rows, write_rows
from .build_rows import rows_of_build
from .folder import Build
from .measurement_settings import completed_identity

__all__ = ["MergeReport", "merge_build", "merge_tables", "open_source"]


@dataclass(frozen=True)
class MergeReport:
    """Summary of a merged table.

    Attributes:
        path: The table.
        checksum: Its checksum.
        n_rows: Number of rows, one for each architecture and seed.
        n_failed: Number of rows with a failed unit.
        n_open: Number of rows that are missing because their units are open.

    Example:
        >>> from analognas.builder import Build
        >>> report = merge_build(Build("my-build"), "merged.parquet")
        >>> report.n_rows, report.n_open
        (9, 0)
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


def merge_build(build: Build, path: str | os.PathLike[str] | None = None) -> MergeReport:
    """Write the table of a build from all finished rows; open rows are omitted.

    The build may continue meanwhile. The metadata state whether the table is complete.

    Args:
        build: The build.
        path: The file; ``table.parquet`` in the folder by default.

    Raises:
        InvalidArgumentError: If no row is finished.
        OutputFolderError: If the file cannot be written.

    Example:
        >>> from analognas.builder import Build
        >>> merge_build(Build("my-build"), "part.parquet").n_rows
        9
    """
    target = build.table_file if path is None else Path(path)
    return _write(target, *rows_of_build(build))


def merge_tables(
    sources: Sequence[str | os.PathLike[str]], path: str | os.PathLike[str]
) -> MergeReport:
    """Write one table from several tables or folders of builds with the same measurement.

    Rows keep the order of the sources. A row in several sources counts once, if possible without an error.

    Args:
        sources: Files of measured tables, or folders of builds.
        path: The file to write.

    Raises:
        InvalidArgumentError: If space, data or measurement of the sources differ, or the sources contradict
            each other; names the difference.
        TableIntegrityError: If a file is missing, damaged or not a measured table.
        OutputFolderError: If the file cannot be written.

    Example:
        >>> merge_tables(["my-build", "my-build/table.parquet"], "joined.parquet").n_rows
        9
    """
    if not sources:
        raise InvalidArgumentError("There is nothing to merge; name tables or folders of builds.")
    found = [open_source(source) for source in sources]
    rows, described = found[0]
    for source, (other, of_other) in zip(sources[1:], found[1:], strict=True):
        check_alike(described, of_other, str(sources[0]), str(source))
        rows = joined(find_space(described["space"]), rows, other, str(source))
    entries = [entry for _, about in found for entry in about["sources"]]
    unique = {json.dumps(entry, sort_keys=True): entry for entry in entries}
    about = {
        **described,
        "sources": list(unique.values()),
        "complete": all(about["complete"] for _, about in found),
        "n_open": sum(about["n_open"] for _, about in found),
    }
    return _write(Path(path), rows, about)


def open_source(path: str | os.PathLike[str]) -> tuple[TableRows, dict[str, Any]]:
    """Return the rows of a measured table, or the finished rows of a build, and their metadata.

    Raises:
        TableIntegrityError: If a file is missing, damaged or not a measured table.
        ResumeError: If there is no build in a folder.
    """
    if Path(path).is_dir():
        return rows_of_build(Build(path))
    table, _, rows = read_rows(path)
    return rows, dict(table.metadata)


def check_alike(one: Mapping[str, Any], other: Mapping[str, Any], name: str, of_other: str) -> None:
    """Check that two tables have the same space, data and measurement.

    The note on the data is not compared. Entries of the measurement that were added after a table was made have
    their defaults. Of the fidelity, only common columns are compared.

    Raises:
        InvalidArgumentError: If they differ; names the first differing entry.
    """
    tables = [
        {**table, "measurement": completed_identity(table["measurement"])} for table in (one, other)
    ]
    shared = one["fidelity"].keys() & other["fidelity"].keys()
    for table in tables:
        # The digest identifies the examples; the wording of the note may change.
        table["data"] = {key: value for key, value in table["data"].items() if key != "note"}
        table["fidelity"] = {
            key: value for key, value in table["fidelity"].items() if key in shared
        }
    for what in ("space", "space_fingerprint", "data", "measurement", "fidelity"):
        if (found := _difference(what, *(table[what] for table in tables))) is not None:
            entry, here, there = found
            raise InvalidArgumentError(
                f"{name!r} and {of_other!r} were not measured alike: {entry} is {here!r} and {there!r}. Only "
                "tables of one specification can be merged; `analognas bench compare` compares others."
            )


def _difference(entry: str, one: Any, other: Any) -> tuple[str, Any, Any] | None:
    """Return the first entry in which two values differ, and both values."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys([*one, *other]):
            found = _difference(f"{entry}.{key}", one.get(key), other.get(key))
            if found is not None:
                return found
        return None
    return None if one == other else (entry, one, other)


def joined(space: Space, rows: TableRows, others: TableRows, source: str) -> TableRows:
    """Return rows, followed by new rows of another table.

    Raises:
        InvalidArgumentError: If they contradict each other.
    """
    known = {
        key: row
        for row, key in enumerate(
            zip(space.codes(rows.population).tolist(), rows.seeds.tolist(), strict=True)
        )
    }
    new, better = [], {}
    keys = zip(space.codes(others.population).tolist(), others.seeds.tolist(), strict=True)
    for row, key in enumerate(keys):
        here = known.get(key)
        if here is None:
            new.append(row)
        elif rows.errors[here] and not others.errors[row]:
            better[here] = row
        elif not others.errors[row]:
            _check_equal(space, rows, here, others, row, source)
    kept = np.array([row not in better for row in range(len(rows))], dtype=bool)
    added = np.array([*better.values(), *new], dtype=np.int64)
    names = list(dict.fromkeys([*rows.values, *others.values]))
    empty = np.full(max(len(rows), len(others)), np.nan)
    values = {
        name: np.concatenate(
            [
                rows.values.get(name, empty[: len(rows)])[kept],
                others.values.get(name, empty[: len(others)])[added],
            ]
        )
        for name in names
    }
    return TableRows(
        population=np.concatenate([rows.population[kept], others.population[added]]),
        seeds=np.concatenate([rows.seeds[kept], others.seeds[added]]),
        values=values,
        fidelity=rows.fidelity,
        errors=[
            *(error for error, keep in zip(rows.errors, kept, strict=True) if keep),
            *(others.errors[row] for row in added),
        ],
    )


def _check_equal(
    space: Space, rows: TableRows, here: int, others: TableRows, there: int, source: str
) -> None:
    for name in others.values:
        if name not in rows.values:
            continue
        one, other = rows.values[name][here], others.values[name][there]
        if one != other and not (np.isnan(one) and np.isnan(other)):
            raise InvalidArgumentError(
                f"{source!r} contradicts the tables before it: {name!r} of "
                f"{space.decode(rows.population[here])}, seed {rows.seeds[here]}, is {one} and {other}. "
                "Results of other machines or versions may differ; give them other seeds."
            )


def _write(target: Path, rows: TableRows, described: Mapping[str, Any]) -> MergeReport:
    checksum = write_rows(target, rows, described)
    n_failed = sum(bool(error) for error in rows.errors)
    return MergeReport(target, checksum, len(rows), n_failed, described["n_open"])
