"""Rows of a measured table: one architecture trained with one seed; how they are written and read.

Columns: ``gene_0``, ``gene_1``, ... (the genotype), ``architecture`` (JSON, in a form that the space reads),
``seed``, the metrics with ``_std`` (spread from chip to chip) and ``_sem`` (standard error) beside them, the
fidelity (the same in all rows), and ``error`` (why metrics are missing; empty where nothing failed).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import AnalogNASError, Metric, TableIntegrityError, find_metric
from ..core.foreign_numbers import measured
from ..core.limits import shown
from ..spaces import Population, Space, find_space
from .table_file import Table, read_table, write_table

__all__ = ["ENDINGS", "MEASURED", "TableRows", "network_input", "read_rows", "write_rows"]

_ENOUGH_ROWS = 10
"""Fewest accuracies for the check; fewer may all be near zero, for example of untrained networks."""

MEASURED = "measured"
"""What the metadata call a table of this kind."""

ENDINGS = ("_std", "_sem")
"""Endings of the names of spreads and standard errors, after the name of the metric."""


@dataclass(frozen=True)
class TableRows:
    """Rows of a measured table.

    Attributes:
        population: Genotypes, shape ``(n, n_genes)``.
        seeds: Seed of each row, shape ``(n,)``.
        values: Metrics, ``_std`` and ``_sem`` by name, shape ``(n,)`` each, NaN where missing.
        fidelity: What all rows have in common, by name.
        errors: Why metrics of a row are missing; empty texts where none are.

    Example:
        >>> from analognas.tables import read_rows
        >>> _, space, rows = read_rows("my-build/table.parquet")
        >>> len(rows), rows.metrics
        (9, ['baseline_accuracy'])
    """

    population: Population
    seeds: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]
    fidelity: Mapping[str, Any]
    errors: Sequence[str]

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, without ``_std`` and ``_sem``."""
        return [name for name in self.values if not name.endswith(ENDINGS)]


def write_rows(path: str | os.PathLike[str], rows: TableRows, metadata: Mapping[str, Any]) -> str:
    """Write a measured table atomically and return its checksum.

    Args:
        path: The file.
        rows: Its rows.
        metadata: ``space`` and ``space_fingerprint`` must be there; ``metrics`` and ``fidelity`` are added.

    Raises:
        TableIntegrityError: If a value of a metric is impossible, so that the file could not be read.
        OutputFolderError: If the file cannot be written.

    Example:
        >>> table, space, rows = read_rows("my-build/table.parquet")
        >>> checksum = write_rows("copy.parquet", rows, table.metadata)
        >>> len(checksum)
        64
    """
    space = find_space(metadata["space"])
    n = len(rows)
    columns: dict[str, NDArray[Any]] = {
        f"gene_{gene}": np.ascontiguousarray(column)
        for gene, column in enumerate(rows.population.T)
    }
    columns["architecture"] = _texts([_architecture(space, row) for row in rows.population])
    columns["seed"] = rows.seeds
    columns |= rows.values
    for name, value in rows.fidelity.items():
        columns[name] = _texts([value] * n) if isinstance(value, str) else np.array([value] * n)
    columns["error"] = _texts(rows.errors)
    definitions = [(find_metric(name) or Metric(name, "", True)).to_dict() for name in rows.metrics]
    described = {"metrics": definitions, **metadata, "fidelity": dict(rows.fidelity)}
    _measured(rows.values, described["metrics"], f"the rows for {os.fspath(path)!r}")
    return write_table(path, columns, described)


def read_rows(path: str | os.PathLike[str]) -> tuple[Table, Space, TableRows]:
    """Read a measured table: the file, its space and its rows.

    Raises:
        TableIntegrityError: If it is missing, damaged, or not a measured table.

    Example:
        >>> table, space, rows = read_rows("my-build/table.parquet")
        >>> space.name, rows.seeds.tolist()
        ('nasbench201', [0, 1, 0, 0, 1, 0, 0, 1, 0])
    """
    table = read_table(path)
    where = f"The table {os.fspath(path)!r}"
    try:
        return table, *_space_and_rows(table, where)
    except AnalogNASError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else shown(error)
        raise TableIntegrityError(
            f"{where} is not as `analognas bench merge` writes it: {what}."
        ) from None


def _space_and_rows(table: Table, where: str) -> tuple[Space, TableRows]:
    """Return the space and the rows of a measured table, with the types of all entries checked."""
    described = table.metadata
    if described.get("kind") != MEASURED:
        raise TableIntegrityError(
            f"{where} is not a table of measured networks, as `analognas bench merge` writes them."
        )
    space = find_space(described["space"])
    if space.fingerprint() != described["space_fingerprint"]:
        raise TableIntegrityError(
            f"{where} is about another definition of the space {space.name!r} than this analognas has."
        )
    columns = dict(table.columns)
    genes = [columns.pop(f"gene_{gene}") for gene in range(space.n_genes)]
    population = space.population(np.stack(genes, axis=1))
    texts, seeds, errors = (columns.pop(name) for name in ("architecture", "seed", "error"))
    if not np.issubdtype(seeds.dtype, np.integer):
        raise TypeError(f"seeds are {seeds.dtype}, not integers")
    if not all(isinstance(error, str) for error in errors):
        raise TypeError("errors are not texts")
    if n := len(texts):
        for row in (0, n - 1):  # genes of another meaning would differ in the first row already
            if texts[row] != _architecture(space, population[row]):
                raise TableIntegrityError(
                    f"{where} calls row {row} {shown(texts[row])}, but its genes mean "
                    f"{_architecture(space, population[row])} here."
                )
    fidelity = described["fidelity"]
    for name, kind in (("name", str), ("fidelity", dict), ("metrics", list)):
        if not isinstance(described[name], kind):
            raise TypeError(f"{name} is {shown(repr(described[name]))}")
    own = {name: column for name, column in columns.items() if name not in fidelity}
    values = _measured(own, described["metrics"], where)
    return space, TableRows(population, seeds, values, fidelity, errors.tolist())


def network_input(
    space: Space, stated: Mapping[str, Any], options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what the networks of a table were built for, as the space's counts take it.

    Args:
        space: Space of the table.
        stated: Fidelity of the table. What it lacks, as in tables of former versions, is that of the space.
        options: Options of the space with which the networks were built.

    Returns:
        ``input_shape``, ``n_classes`` and the options. Empty if the space does not list its layers.
    """
    if not space.has_layers:
        return {}
    names = ("input_channels", "input_height", "input_width")
    shape = (stated.get(name, size) for name, size in zip(names, space.input_shape, strict=True))
    return {
        "input_shape": tuple(map(int, shape)),
        "n_classes": int(stated.get("n_classes", space.n_classes)),
        **options,
    }


def _measured(
    columns: Mapping[str, Any], definitions: Iterable[Any], where: str
) -> dict[str, NDArray[np.float64]]:
    """Return columns of metrics, checked for impossible values."""
    declared = {one["name"]: Metric.from_dict(one) for one in definitions}
    return {
        name: measured(
            declared.get(name, name),
            column,
            where=where,
            whole=len(column) >= _ENOUGH_ROWS,
            error=TableIntegrityError,
        )
        for name, column in columns.items()
    }


def _architecture(space: Space, row: NDArray[Any]) -> str:
    return json.dumps(space.describe(row)["architecture"])


def _texts(values: Sequence[str]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array
