"""Verification of tables and builds: files, specification, and results that are measured again."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core import AnalogNASError, ResumeError, TableIntegrityError
from ..core.verify_report import VerifyReport
from ..tables import MeasuredTable, TableRows, read_rows
from .build_rows import facts_of_table, rows_of_build
from .folder import Build
from .protocol import Measurement
from .work_queue import WorkQueue

__all__ = ["VerifyReport", "verify_build", "verify_table"]


def verify_table(path: str | Path) -> VerifyReport:
    """Check a measured table: checksums, architectures, seeds, values.

    Raises:
        TableIntegrityError: If it is missing, damaged or not a measured table.

    Example:
        >>> report = verify_table("my-build/table.parquet")
        >>> report.problems, len(report.checks)
        ((), 4)
    """
    table = MeasuredTable(path)
    checks = [f"{path}: every column has its checksum; sha256:{table.checksum}"]
    problems = []
    rows = table.rows
    texts = [str(text) for text in _texts(path)]
    wrong = [
        n for n, text in enumerate(table.full_space.json_texts(rows.population)) if text != texts[n]
    ]
    if wrong:
        problems.append(f"row {wrong[0]} is called {texts[wrong[0]]}, which its genes do not mean")
    else:
        checks.append(
            f"the genes of {len(rows)} rows mean the architectures that are named beside them"
        )
    keys = set(zip(table.places.tolist(), rows.seeds.tolist(), strict=True))
    if len(keys) < len(rows):
        problems.append(f"{len(rows) - len(keys)} rows repeat an architecture and seed")
    else:
        checks.append("no architecture has two rows of one seed")
    missing = _missing(rows)
    if missing:
        problems.append(missing)
    else:
        checks.append(f"{len(rows.metrics)} metrics have a value in every row without an error")
    return VerifyReport(tuple(checks), tuple(problems))


def _texts(path: str | Path) -> Sequence[Any]:
    table, _, _ = read_rows(path)
    return list(table.columns["architecture"])


def _missing(rows: TableRows) -> str:
    sound = np.array([not error for error in rows.errors], dtype=bool)
    for name in rows.metrics:
        absent = np.isnan(rows.values[name]) & sound
        if absent.any():
            return f"row {int(absent.argmax())} has no {name} and no error that says why"
    return ""


def verify_build(
    build: Build, *, again: int = 0, measurement: Measurement | None = None
) -> VerifyReport:
    """Check the folder of a build: queue, specification, merged table, and rows that are measured again.

    Args:
        build: The build.
        again: Number of rows that are measured again. Values are equal on the same machine with the same
            versions; elsewhere they may differ in the last digits.
        measurement: What measures one network, in place of that of the specification.

    Raises:
        ResumeError: If the queue cannot be read.

    Example:
        >>> from analognas.builder import Build
        >>> verify_build(Build("my-build")).problems
        ()
    """
    checks: list[str] = []
    problems: list[str] = []
    _check_queue(build, checks, problems)
    _check_table(build, checks, problems)
    if again:
        measurement = build.measurement() if measurement is None else measurement
        _measure_again(build, measurement, again, checks, problems)
    return VerifyReport(tuple(checks), tuple(problems))


def _check_queue(build: Build, checks: list[str], problems: list[str]) -> None:
    with WorkQueue(build.queue_file, snapshot=True) as queue:
        state = queue.state()
        counts, facts = queue.counts(), queue.facts
        list(queue.units())
    if state == "ok":
        checks.append("the work queue is not damaged")
    else:
        problems.append(f"the work queue is damaged: {state}")
    states = {name: counts.total(name) for name in ("done", "failed", "waiting", "running")}
    checks.append(", ".join(f"{n} units {name}" for name, n in states.items() if n))
    stated = build.settings.facts()
    differing = [name for name in stated if stated[name] != facts.get(name)]
    if differing:
        problems.append(
            f"the specification says another {' and '.join(differing)} than the queue began with: "
            "spec.yaml was edited, or this is another version of analognas"
        )
    else:
        checks.append("the specification is that of the queue")


def _check_table(build: Build, checks: list[str], problems: list[str]) -> None:
    if not build.table_file.is_file():
        checks.append("there is no merged table yet")
        return
    try:
        report = verify_table(build.table_file)
        rows, _ = rows_of_build(build)
        table, _, merged = read_rows(build.table_file)
    except (TableIntegrityError, ResumeError) as error:
        problems.append(str(error))
        return
    checks += report.checks
    problems += report.problems
    if any(
        table.metadata[name] != value for name, value in _agreed(build).items()
    ) or not _same_rows(rows, merged):
        problems.append("the merged table is not what the queue gives now; merge again")
    else:
        checks.append("the merged table is what the queue gives")


def _agreed(build: Build) -> dict[str, Any]:
    with WorkQueue(build.queue_file, snapshot=True) as queue:
        return facts_of_table(queue.facts)


def _same_rows(one: TableRows, other: TableRows) -> bool:
    return (
        np.array_equal(one.population, other.population)
        and np.array_equal(one.seeds, other.seeds)
        and list(one.errors) == list(other.errors)
        and one.values.keys() == other.values.keys()
        and all(
            np.array_equal(one.values[name], other.values[name], equal_nan=True)
            for name in one.values
        )
    )


def _measure_again(
    build: Build, measurement: Measurement, n: int, checks: list[str], problems: list[str]
) -> None:
    with WorkQueue(build.queue_file, snapshot=True) as queue:
        genotypes = queue.genotypes()
        known: dict[tuple[int, int], dict[str, Any]] = {}
        for unit in queue.units():
            if unit["state"] == "done":
                key = unit["position"], unit["seed"]
                known.setdefault(key, {})[unit["condition"]] = unit["result"]["values"]
    whole = [key for key, found in known.items() if set(found) == set(measurement.units)]
    chosen = [
        whole[index * len(whole) // min(n, len(whole))] for index in range(min(n, len(whole)))
    ]
    for position, seed in chosen:
        what = f"architecture {position}, seed {seed}"
        try:
            found = _measured(measurement, genotypes[position], seed)
        except AnalogNASError as error:
            problems.append(f"{what} cannot be measured again: {error}")
            continue
        before = {
            name: value
            for values in known[position, seed].values()
            for name, value in values.items()
        }
        differing = [name for name, value in before.items() if not _equal(value, found.get(name))]
        if differing:
            name = differing[0]
            problems.append(
                f"{what} measured again: {name} is {found.get(name)}, was {before[name]}"
            )
        else:
            checks.append(f"{what} measured again: {len(before)} metrics are equal")


def _measured(measurement: Measurement, genotype: tuple[int, ...], seed: int) -> dict[str, float]:
    values: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for condition in measurement.units:
            result = measurement.run(np.array(genotype), condition, seed=seed, folder=Path(folder))
            values |= result.values
    return values


def _equal(one: float, other: float | None) -> bool:
    return other is not None and (one == other or (one != one and other != other))
