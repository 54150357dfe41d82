"""Fit the surrogates that come with the package, and write them with their checksums.

Run ``python -m analognas.evaluators.fit_default_weights [--tables FOLDER] [--spaces NAME ...]``. For
``nasbench201`` it fits ``XGBoostEvaluator`` to the whole AnalogNAS-Bench table. For AnalogNAS's spaces it
fits ``XGBoostEvaluator`` and ``GraphEnsembleEvaluator`` to the measured table of the space, if the folder has
it; of several tables with its name, to the one with the most rows. Weights and ``checksums.json`` are data
files, so another fit changes no code. It runs on one thread with seed 0; another version of XGBoost may give
other trees.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..tables import AnalogNASBench, MeasuredTable
from .graph_ensemble_evaluator import GraphEnsembleEvaluator
from .shipped_weights import SPECIFICATIONS, WEIGHTS_FOLDER, weights_file, write_checksums
from .xgboost_evaluator import DEFAULT_METRICS, XGBoostEvaluator

ENCODING = "structure+published"
"""Features of the surrogates of AnalogNAS's spaces: structure, and the values in the order of AnalogNAS."""

LEAST_NETWORKS = 12
"""A table with fewer networks gives no shipped surrogate."""

COMMAND = "python -m analognas.evaluators.fit_default_weights"

TABLES = Path("experiments/tables")
"""Default folder of the measured tables, in a clone of the repository."""

Shipped: TypeAlias = XGBoostEvaluator | GraphEnsembleEvaluator


def find_tables(folder: Path) -> dict[str, MeasuredTable]:
    """Return the measured table of each of AnalogNAS's spaces that a folder has, by space.

    Raises:
        TableIntegrityError: If a Parquet file in the folder is damaged.
    """
    names = {name: space for space, name in SPECIFICATIONS.items()}
    found: dict[str, MeasuredTable] = {}
    for path in sorted(folder.glob("*.parquet")):
        table = MeasuredTable(path)
        space = names.get(table.name)
        if space is not None and (space not in found or len(table.rows) > len(found[space].rows)):
            found[space] = table
    return found


def fitted(table: MeasuredTable) -> Iterator[tuple[str, Shipped]]:
    """Yield the surrogates of a table, by kind."""
    space = table.full_space
    ranker = XGBoostEvaluator(space, encoding=ENCODING, load_weight=False)
    yield "xgboost", ranker.fit(table, metrics=DEFAULT_METRICS)
    ensemble = GraphEnsembleEvaluator(space, encoding=ENCODING)
    yield "graph_ensemble", ensemble.fit(table, metrics=table.rows.metrics).calibrate()


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit the surrogates, save them and print what was written."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", type=Path, default=TABLES, help="folder of measured tables")
    spaces = ["nasbench201", *SPECIFICATIONS]
    parser.add_argument("--spaces", nargs="+", choices=spaces, default=spaces)
    given = parser.parse_args(arguments)
    if "nasbench201" in given.spaces:
        bench = AnalogNASBench()
        cells = bench.space.from_codes(np.arange(len(bench)))
        _write("xgboost", XGBoostEvaluator("nasbench201", load_weight=False).fit(cells, bench))
    tables = find_tables(given.tables)
    for space in SPECIFICATIONS:
        if space not in given.spaces:
            continue
        table = tables.get(space)
        if table is None or len(table) < LEAST_NETWORKS:
            n = 0 if table is None else len(table)
            name = SPECIFICATIONS[space]
            print(
                f"{space}: {str(given.tables)!r} has {n} networks of the table {name!r}, fewer than "
                f"{LEAST_NETWORKS}; measure some with: analognas bench build {name} --root DATA"
            )
            continue
        for kind, surrogate in fitted(table):
            assert surrogate.provenance is not None
            surrogate.provenance = replace(surrogate.provenance, command=COMMAND)
            _write(kind, surrogate)
        print(f"{space}: {surrogate.remarks[0]}")


def _write(kind: str, surrogate: Shipped) -> None:
    """Save a surrogate among the shipped files, and its checksum."""
    path = WEIGHTS_FOLDER / weights_file(kind, surrogate.space.name)
    checksum = surrogate.save(path)
    write_checksums({path.name: checksum})
    print(f"{path.name}: {path.stat().st_size / 1e6:.3f} MB, sha256:{checksum}")


if __name__ == "__main__":
    main()
