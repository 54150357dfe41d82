"""Additions to a build: further architectures, further seeds, or rows of another table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core import InvalidArgumentError, check_int
from ..core.former_names import former_names
from ..spaces import Population
from ..tables import TableRows
from .build_rows import facts_of_table
from .folder import Build, planned_units
from .measurement_settings import MeasurementSettings
from .merge import check_alike, open_source
from .protocol import Measurement
from .sampling import draw_further
from .units import Unit
from .work_queue import WorkQueue

__all__ = ["add_architectures", "add_further", "add_seeds", "add_table"]


def add_architectures(
    build: Build, architectures: Iterable[Any], *, measurement: Measurement | None = None
) -> int:
    """Add architectures to a build, with the seeds that every architecture has; return the number of new units.

    Architectures that are already in the build are unchanged.

    Args:
        build: The build.
        architectures: In any form of the space.
        measurement: What measures one network, in place of that of the specification.

    Raises:
        OutOfSpaceError: If one does not belong to the space.

    Example:
        >>> build = Build("my-build")
        >>> add_architectures(build, [(2, 2, 0, 4, 2, 1)])
        1
    """
    return _add(build, build.space.population(list(architectures)), measurement)


def add_further(build: Build, n: int, *, measurement: Measurement | None = None) -> int:
    """Add ``n`` architectures that are drawn like those of the specification; return the number of new units.

    Raises:
        InvalidArgumentError: If the method of the specification lists all architectures, or too few are left.

    Example:
        >>> build = Build("my-build")
        >>> add_further(build, 2)
        2
    """
    known = build.population()
    rows = draw_further(build.space, build.settings.sample, known, check_int("n", n, minimum=1))
    return _add(build, rows, measurement)


def _add(build: Build, rows: Population, measurement: Measurement | None) -> int:
    measurement = build.measurement() if measurement is None else measurement
    with WorkQueue(build.queue_file) as queue:
        genotypes = queue.genotypes()
        known = {row: position for position, row in enumerate(genotypes)}
        new = [tuple(row) for row in rows.tolist() if tuple(row) not in known]
        settings = build.settings.replace(repeats={"n": 0})
        units = planned_units(settings, len(new), measurement, first=len(genotypes))
        return queue.add([*genotypes, *new], units)


def add_seeds(
    build: Build,
    n: int,
    architectures: Sequence[Any] | None = None,
    *,
    measurement: Measurement | None = None,
) -> int:
    """Measure architectures of a build with ``n`` further seeds; return the number of new units.

    Args:
        build: The build.
        n: Seeds beyond those that each of them has.
        architectures: In any form of the space; all of the build by default.
        measurement: What measures one network, in place of that of the specification.

    Raises:
        OutOfSpaceError: If an architecture does not belong to the space.
        InvalidArgumentError: If one is not in the build.

    Example:
        >>> build = Build("my-build")
        >>> add_seeds(build, 1)
        6
    """
    check_int("n", n, minimum=1)
    measurement = build.measurement() if measurement is None else measurement
    with WorkQueue(build.queue_file) as queue:
        genotypes = queue.genotypes()
        positions = list(range(len(genotypes)))
        if architectures is not None:
            rows = build.space.population(list(architectures)).tolist()
            positions = [_position(build, genotypes, tuple(row)) for row in rows]
        last: dict[int, int] = {}
        for unit in queue.units():
            last[unit["position"]] = max(last.get(unit["position"], -1), unit["seed"])
        units = [
            Unit(position, seed, condition, tuple(measurement.requires(condition)))
            for position in positions
            for seed in range(last[position] + 1, last[position] + 1 + n)
            for condition in measurement.units
        ]
        return queue.add(genotypes, units)


def _position(build: Build, genotypes: Sequence[tuple[int, ...]], row: tuple[int, ...]) -> int:
    if row not in genotypes:
        raise InvalidArgumentError(
            f"{build.space.decode(np.array(row))} is not in the build {str(build.folder)!r}; add it first."
        )
    return genotypes.index(row)


def add_table(
    build: Build, source: str | os.PathLike[str], *, measurement: Measurement | None = None
) -> int:
    """Add the rows of a table with the same measurement to a build; return the number of added rows.

    Open units of the build that the table contains count as done. Rows with an error are skipped.

    Args:
        build: The build.
        source: File of a measured table, or folder of a build.
        measurement: What measures one network, in place of that of the specification.

    Raises:
        InvalidArgumentError: If the table has another measurement, or contradicts the build.
        TableIntegrityError: If the file is missing, damaged or not a measured table.

    Example:
        >>> build = Build("my-build")
        >>> add_table(build, "my-build/table.parquet")
        9
    """
    measurement = build.measurement() if measurement is None else measurement
    rows, described = open_source(source)
    with WorkQueue(build.queue_file) as queue:
        check_alike(facts_of_table(queue.facts), described, str(build.folder), str(source))
        genotypes = queue.genotypes()
        known = {row: position for position, row in enumerate(genotypes)}
        results = []
        for row in range(len(rows)):
            if rows.errors[row]:
                continue
            genotype = tuple(rows.population[row].tolist())
            position = known.setdefault(genotype, len(known))
            for condition in measurement.units:
                unit = Unit(
                    position,
                    int(rows.seeds[row]),
                    condition,
                    tuple(measurement.requires(condition)),
                )
                results.append((unit, _result(rows, row, build.settings.measurement, condition)))
        queue.add_done(list(known), results, str(source))
    return len({(unit.position, unit.seed) for unit, _ in results})


def _result(
    rows: TableRows, row: int, settings: MeasurementSettings, condition: str
) -> dict[str, dict[str, float]]:
    """Return the part of a row that one condition measures."""
    names = [name for name in settings.metrics(condition) if name in rows.values]
    parts = {"values": "", "stds": "_std", "sems": "_sem"}
    return {
        part: {
            name: float(rows.values[name + ending][row])
            for name in names
            if name + ending in rows.values
        }
        for part, ending in parts.items()
    }


__getattr__ = former_names(__name__, {"start_with_tables": ".run:start_with_tables"})
