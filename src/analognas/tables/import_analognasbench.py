"""Make the shipped AnalogNAS-Bench table from the package ``analog-nasbench``.

Run ``python -m analognas.tables.import_analognasbench [data.anb [out.parquet]]`` where that package is
installed, or give the path of its file ``analognasbench/data.anb``. The package itself is never imported.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import DRIFT_TIMES, METRICS, AnalogNASError, TableIntegrityError
from ..core.foreign_numbers import measured
from ..core.legacy_pickle import LegacyRecord, read_legacy_pickle
from ..spaces import NASBench201Space
from .analognasbench import SHIPPED_TABLE
from .table_file import write_table

ADMITTED = {
    ("analognasbench.data", "Architecture"),
    ("analognasbench.data", "DriftMeasurement"),
}

_ACCURACIES = ("baseline", "ptq", "qat", "noisy", "analog")

PROVENANCE = {
    "source": "package analog-nasbench 0.1.3, file analognasbench/data.anb",
    "paper": "Bessalah et al., AnalogNAS-Bench: A NAS Benchmark for Analog In-Memory Computing, "
    "arXiv:2506.18495, 2025",
    "repository": "https://github.com/IBM/analog-nas, folder analognasbench",
    "dataset": "CIFAR-10",
    # Its name when the shipped table was made, whose checksum covers this text.
    "converter": "python -m analognas.benchmarks.import_analognasbench",
    "changes": "converted to columns; attributes baseline_drift_* are named noisy_drift_*, as in the "
    "source's documentation; no value is changed",
    "readings": "drift: mean and standard deviation over 25 evaluations of one programming draw",
}


def read_source(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read ``data.anb`` into columns, rows in the order of the mixed-radix code.

    Raises:
        TableIntegrityError: If the file is not AnalogNAS-Bench's or lacks an architecture or attribute.
    """
    records = read_legacy_pickle(path, admitted=ADMITTED)
    space = NASBench201Space()
    population = space.from_codes(np.arange(space.size))
    cells = [tuple(row) for row in population.tolist()]
    if not isinstance(records, dict) or set(records) != set(cells):
        raise TableIntegrityError(
            f"{os.fspath(path)!r} does not hold one record for each of the {space.size} cells."
        )
    rows = [records[cell] for cell in cells]
    columns: dict[str, NDArray[Any]] = {
        "architecture_code": np.arange(space.size, dtype=np.int32),
        "nasbench201_index": space.indices(population).astype(np.int32),
        "arch_str": np.array([space.arch_str(cell) for cell in cells], dtype=object),
    }
    try:
        for kind in _ACCURACIES:
            name = f"{kind}_accuracy"
            columns[name] = _measured(name, rows, name)
        for kind, old in (("noisy", "baseline"), ("analog", "analog")):
            for time in DRIFT_TIMES:
                readings = [vars(row)[f"{old}_drift_{time}"] for row in rows]
                name = f"{kind}_drift_{time}"
                columns[name] = _measured(name, readings, "value")
                columns[f"{name}_std"] = _measured(f"{name}_std", readings, "uncertainty")
    except (KeyError, TypeError) as error:
        raise TableIntegrityError(
            f"{os.fspath(path)!r} holds records of another layout: {error}."
        ) from None
    return columns


def convert(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> str:
    """Convert ``data.anb`` to a table and return the table's checksum."""
    columns = read_source(source)
    described = {
        "architecture_code": "six-tuple as a base-5 number, first operation most significant",
        "nasbench201_index": "published NAS-Bench-201 index No.i",
        "arch_str": "NAS-Bench-201 notation",
    }
    metadata = {
        "name": "AnalogNAS-Bench",
        "space": "nasbench201",
        "licence": "the package 0.1.3 states none; its author's repository "
        "https://github.com/anissbslh/analognasbench declares MIT",
        "provenance": PROVENANCE
        | {"source_sha256": hashlib.sha256(Path(source).read_bytes()).hexdigest()},
        "columns": {
            name: {"unit": METRICS[name].unit, "description": METRICS[name].description}
            if name in METRICS
            else {"unit": "", "description": described[name]}
            for name in columns
        },
    }
    return write_table(out, columns, metadata)


def installed_source() -> Path:
    """Path of ``data.anb`` in the installed package.

    Raises:
        TableIntegrityError: If the package is not installed.
    """
    try:
        files = importlib.metadata.distribution("analog-nasbench").files or []
        return next(
            Path(str(file.locate()))
            for file in files
            if str(file).endswith("analognasbench/data.anb")
        )
    except (importlib.metadata.PackageNotFoundError, StopIteration):
        raise TableIntegrityError(
            "The package analog-nasbench is not installed: pip install analog-nasbench==0.1.3, or give "
            "the path of its file data.anb."
        ) from None


def _measured(metric: str, rows: list[LegacyRecord], attribute: str) -> NDArray[np.float64]:
    values = [vars(row)[attribute] for row in rows]
    return measured(metric, values, missing=False, error=TableIntegrityError)


def main(arguments: list[str]) -> int:
    """Convert the source named by ``arguments`` (source, then target; both optional)."""
    try:
        source = Path(arguments[0]) if arguments else installed_source()
        out = Path(arguments[1]) if len(arguments) > 1 else SHIPPED_TABLE
        print(f"{out}: sha256:{convert(source, out)}")
    except AnalogNASError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
