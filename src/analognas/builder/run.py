"""A build: settings in, a folder with its queue and its table out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import AnalogNASError
from ..core.interrupts import resumable
from ..core.memory import keep_freed_memory
from ..core.text_tables import ShownTable, TableView
from .additions import add_table
from .coordinator import Listener
from .folder import Build
from .merge import MergeReport, merge_build, open_source
from .protocol import Measurement
from .specification import BuildSettings, find_specification
from .units import Counts
from .workers import Workers, make_workers

__all__ = ["BuildResult", "resume_build", "run_build", "start_with_tables"]


@dataclass(frozen=True, repr=False)
class BuildResult(TableView):
    """What a build has come to.

    Attributes:
        build: The build.
        counts: Its units by condition and state.
        table: The table that was written; None if every unit failed.

    Example:
        >>> result = resume_build("my-build")
        >>> result.counts.total("done"), result.table.n_rows
        (9, 9)
    """

    build: Build
    counts: Counts
    table: MergeReport | None

    def shown_table(self) -> ShownTable:
        """Return what is printed: how many units there are in each state, and the table."""
        states = ("done", "failed", "running", "waiting")
        counted = [(name, str(self.counts.total(name))) for name in states]
        notes = () if self.table is None else tuple(str(self.table).splitlines())
        return ShownTable(
            f"{self.counts.total()} units of the build in {str(self.build.folder)!r}",
            ("state", "units"),
            tuple(row for row in counted if row[1] != "0"),
            notes,
        )


def run_build(
    settings: BuildSettings | Mapping[str, Any] | str | os.PathLike[str],
    out: str | os.PathLike[str],
    workers: Workers | None = None,
    *,
    known: Sequence[str | os.PathLike[str]] = (),
    root: str | os.PathLike[str] | None = None,
    measurement: Measurement | None = None,
    listen: Listener | None = None,
) -> BuildResult:
    """Measure the networks of a specification in a folder, and write their table.

    Args:
        settings: The specification: an object, a mapping, a YAML or JSON file, or the name of one.
        out: New or empty folder, or that of the same build.
        workers: Who works; one process for each core by default.
        known: Measured tables, or folders of builds, measured alike: their rows count as done.
        root: Folder or file of the data, see :meth:`.BuildSettings.resolved`.
        measurement: What measures one network, in place of that of the specification.
        listen: Called with the progress.

    Raises:
        AnalogNASError: As by :func:`start_with_tables` and :meth:`.Build.run`.

    Example:
        >>> from analognas.builder import SerialWorkers
        >>> settings = BuildSettings(
        ...     name="two",
        ...     sample={"n": 2},
        ...     measurement={
        ...         "data": "digits",
        ...         "conditions": ["digital"],
        ...         "image_size": 8,
        ...         "examples": {"train": 40, "test": 20},
        ...         "network": {"channels": 2, "cells": 1},
        ...         "digital": {"epochs": 1, "batch_size": 20},
        ...     },
        ... )
        >>> run_build(settings, "two", SerialWorkers()).table.n_rows
        2
    """
    if isinstance(settings, str | os.PathLike):
        settings = find_specification(os.fspath(settings))
    settings = BuildSettings.coerce(settings)
    workers = workers or make_workers()
    build = start_with_tables(settings, out, known, root=root, measurement=measurement)
    return _finish(build, workers, None, measurement, listen)


def resume_build(
    folder: str | os.PathLike[str],
    workers: Workers | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    measurement: Measurement | None = None,
    retry_failed: bool = False,
    listen: Listener | None = None,
) -> BuildResult:
    """Continue the build in a folder, or help one that is running; its settings are in the folder.

    Args:
        folder: The folder.
        workers: Who works; one process for each core by default.
        root: Folder or file of the data, where they were moved.
        measurement: What measures one network, in place of that of the specification.
        retry_failed: Measure failed units again.
        listen: Called with the progress.

    Raises:
        ResumeError: If there is no build in the folder.
        AnalogNASError: As by :meth:`.Build.run`.

    Example:
        >>> result = resume_build("my-build")
        >>> result.table.path.name
        'table.parquet'
    """
    build = Build(folder)
    workers = workers or make_workers()
    if retry_failed:
        build.retry_failed()
    return _finish(build, workers, root, measurement, listen)


def _finish(
    build: Build,
    workers: Workers,
    root: str | os.PathLike[str] | None,
    measurement: Measurement | None,
    listen: Listener | None,
) -> BuildResult:
    keep_freed_memory()
    with resumable(f"resume_build({str(build.folder)!r})"):
        counts = build.run(workers, root=root, measurement=measurement, listen=listen)
    return BuildResult(build, counts, merge_build(build) if counts.total("done") else None)


def start_with_tables(
    settings: BuildSettings,
    folder: str | os.PathLike[str],
    tables: Sequence[str | os.PathLike[str]],
    *,
    root: str | os.PathLike[str] | None = None,
    measurement: Measurement | None = None,
) -> Build:
    """Start or join a build of which some rows are known; only the other rows are measured.

    Args:
        settings: The specification.
        folder: New or empty folder, or that of the same build.
        tables: Tables, or folders of builds, with the same measurement, such as the merged part of a build
            whose folder is lost.
        root: Folder or file of the data, see :meth:`.BuildSettings.resolved`.
        measurement: What measures one network, in place of that of the specification.

    Raises:
        InvalidArgumentError: If a table has another measurement. A new folder is removed again.
        TableIntegrityError: If a file is missing, damaged or not a measured table; likewise.

    Example:
        >>> settings = find_specification("my-build/spec.yaml")
        >>> build = start_with_tables(settings, "my-second-build", ["my-build/table.parquet"])
        >>> build.settings.name
        'six-cells'
    """
    for table in tables:
        open_source(table)
    before = os.path.exists(folder)
    build = Build.start(settings, folder, root=root, measurement=measurement)
    try:
        for table in tables:
            add_table(build, table, measurement=measurement)
    except AnalogNASError:
        if not before:
            shutil.rmtree(folder)
        raise
    return build
