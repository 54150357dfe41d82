"""NAS-Bench-201: accuracies of its 15,625 networks, trained on four training sets for 12 or 200 epochs.

Dong and Yang, "NAS-Bench-201", ICLR 2020; Dong et al., "NATS-Bench", IEEE TPAMI 44, 2021.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import DataNotFoundError, TableIntegrityError, UnknownNameError, check_choice
from ..core.foreign_numbers import measured
from ..core.user_data import make_user_data_folder, user_data_folder
from ..spaces import NASBench201Space
from .csv_table import read_csv_table
from .nas_201_file import read_nas_201_file
from .nats_archive import read_archive
from .table_file import check_path, read_table, write_table

__all__ = ["ACCURACY_SPLITS", "Accuracies", "NASBench201", "add_nas_bench_201"]

EPOCHS = (12, 200)
"""Lengths of training; the learning rate falls to zero over each."""

ACCURACY_SPLITS: dict[str, dict[str, str]] = {
    "cifar10-valid": {"valid_accuracy": "x-valid", "test_accuracy": "ori-test"},
    "cifar10": {"test_accuracy": "ori-test"},
    "cifar100": {
        "valid_accuracy": "x-valid",
        "test_accuracy": "x-test",
        "valid_and_test_accuracy": "ori-test",
    },
    "ImageNet16-120": {
        "valid_accuracy": "x-valid",
        "test_accuracy": "x-test",
        "valid_and_test_accuracy": "ori-test",
    },
}
"""Training set to what is measured of it, and the name of those images in the archive.

``cifar10-valid`` is trained on 25,000 images of CIFAR-10, validated on the other 25,000 and tested on the
10,000 test images; ``cifar10`` on all 50,000, so that it has no validation accuracy. ``cifar100`` and
``ImageNet16-120`` are trained on their training images; their 10,000 and 6,000 test images are halved into
validation and test.
"""

_FOLDER, _FILE = "nas-bench-201", "accuracies.parquet"
_WHERE = (
    "Unpack NATS-tss-v1_0-3ffb9-simple.tar of https://github.com/D-X-Y/NATS-Bench and run "
    "`analognas data add nas-bench-201 FOLDER`, or give that folder, "
    "NAS-Bench-201-v1_1-096897.pth, or a CSV file"
)


def _names() -> list[tuple[str, str, int]]:
    return [(d, m, e) for d, metrics in ACCURACY_SPLITS.items() for m in metrics for e in EPOCHS]


@dataclass(frozen=True)
class Accuracies:
    """Accuracies of all NAS-Bench-201 networks.

    Attributes:
        means: ``"<training set>/<metric>_<epochs>"`` to the mean of the trials in percent, rows by published
            index No.i, shape ``(15625,)``; NaN where missing.
        stds: The same to their standard deviation, percentage points; NaN where there are fewer than two.
        trials: The same to the number of trials; 0 where missing or not known.
        metadata: Where they come from.

    Raises:
        TableIntegrityError: If values are not percentages of all networks; fractions are not.

    Example:
        >>> full = np.full(15625, 90.0)
        >>> name = "cifar10/test_accuracy_200"
        >>> found = Accuracies({name: full}, {name: 0 * full}, {name: np.ones(15625, np.uint8)})
        >>> found.means[name].shape
        (15625,)
    """

    means: Mapping[str, NDArray[np.float64]]
    stds: Mapping[str, NDArray[np.float64]]
    trials: Mapping[str, NDArray[np.uint8]]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size, where = NASBench201Space().size, str(self.metadata.get("source", ""))
        means = {
            name: measured(name, values, where=where, error=TableIntegrityError)
            for name, values in self.means.items()
        }
        for name, values in means.items():
            for column in (values, self.stds[name], self.trials[name]):
                if np.shape(column) != (size,):
                    raise TableIntegrityError(
                        f"Values of {name!r} must have the shape ({size},), but have {np.shape(column)}."
                    )
        object.__setattr__(self, "means", means)

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write a Parquet file atomically; returns its checksum."""
        columns: dict[str, NDArray[Any]] = {}
        for name, means in self.means.items():
            columns[name] = means
            columns[f"{name}/std"] = self.stds[name]
            columns[f"{name}/trials"] = self.trials[name]
        described = {"name": "NAS-Bench-201", "space": "nasbench201", "licence": "MIT"}
        own = ("format", "format_version", "checksum")
        given = {key: value for key, value in self.metadata.items() if key not in own}
        return write_table(path, columns, {**described, **given})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Accuracies:
        """Read what :meth:`save` wrote.

        Raises:
            TableIntegrityError: If the file is missing, damaged or another table.
        """
        table = read_table(path)
        names = [name for name in table.columns if name.count("/") == 1]
        if table.metadata.get("name") != "NAS-Bench-201":
            raise TableIntegrityError(f"{os.fspath(path)!r} holds no accuracies of NAS-Bench-201.")
        return cls(
            {name: table.columns[name] for name in names},
            {name: table.columns[f"{name}/std"] for name in names},
            {name: table.columns[f"{name}/trials"] for name in names},
            table.metadata,
        )


class NASBench201:
    """The table of accuracies.

    The data set is the training set: ``cifar10-valid`` is half of CIFAR-10's training images, ``cifar10``
    all of them. A metric such as ``test_accuracy_200`` names the scored images and the epochs. A value is the
    mean of all trials.

    Args:
        path: The folder of NATS-Bench's unpacked "simple" archive, NAS-Bench-201's ``.pth`` file, a CSV file, a
            Parquet file or table made of them; or None for what
            ``analognas data add nas-bench-201`` has put into the user's folder.

    Raises:
        DataNotFoundError: If there is no such file, or none was added; says what to download.
        TableIntegrityError: If a file is damaged or another one.

    Example:
        >>> full = np.full(15625, 90.0)
        >>> name = "cifar10/test_accuracy_200"
        >>> found = Accuracies({name: full}, {name: 0 * full}, {name: np.ones(15625, np.uint8)})
        >>> table = NASBench201(found)
        >>> table.query([(2, 2, 0, 4, 2, 1)], "test_accuracy_200", "cifar10")
        {'test_accuracy_200': array([90.])}
    """

    def __init__(self, path: str | os.PathLike[str] | Accuracies | None = None) -> None:
        table = path if isinstance(path, Accuracies) else _found(path)
        self.space = NASBench201Space()
        self.metadata = dict(table.metadata)
        order = self.space.indices(self.space.every())
        self._columns = {name: values[order] for name, values in table.means.items()}
        for name in table.means:
            self._columns[f"{name}_std"] = table.stds[name][order]
            self._columns[f"{name}_trials"] = table.trials[name][order].astype(np.float64)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the training sets of which there are values."""
        return tuple(
            d for d in ACCURACY_SPLITS if any(n.startswith(f"{d}/") for n in self._columns)
        )

    def metrics(self, dataset: str) -> list[str]:
        """Names of the metrics of a training set.

        Raises:
            UnknownNameError: If there is no such training set; lists the choices.
        """
        check_choice("data set", dataset, self.datasets)
        return [n.split("/")[1] for n in self._columns if n.startswith(f"{dataset}/")]

    def query(
        self, population: Any, metrics: str | Sequence[str], dataset: str
    ) -> dict[str, NDArray[np.float64]]:
        """Return metrics of many networks at once.

        Args:
            population: Genotypes, shape ``(n, 6)``, or a sequence of networks in any form.
            metrics: One name or several; with ``_std`` the spread of the trials, with ``_trials`` their number.
            dataset: Name of the training set.

        Returns:
            Metric to values, shape ``(n,)``, in percent; NaN where missing.

        Raises:
            OutOfSpaceError: If there is no such network.
            UnknownNameError: If there is no such metric or training set; lists the choices.
        """
        known = self.metrics(dataset)
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        for name in names:
            if dataset == "cifar10" and str(name).startswith("valid"):
                raise UnknownNameError(
                    f"Unknown metric {name!r}: networks of 'cifar10' are trained on all 50,000 images, so that "
                    "none are left to validate on. Ask for the data set 'cifar10-valid'."
                )
            check_choice("metric", name, known)
        codes = self.space.codes(self.space.population(population))
        return {name: self._columns[f"{dataset}/{name}"][codes] for name in names}

    def __repr__(self) -> str:
        return f"NASBench201({', '.join(self.datasets)})"


def add_nas_bench_201(path: str | os.PathLike[str]) -> list[Path]:
    """Convert accuracies once, into the user's data folder, where the table is found without a path.

    Returns:
        The file written.

    Raises:
        DataNotFoundError: If there is no such file or folder.
        TableIntegrityError: If it is damaged or laid out otherwise; nothing is written then.
        OutputFolderError: If the folder cannot be written to.

    Example:
        >>> add_nas_bench_201("NATS-tss-v1_0-3ffb9-simple")  # doctest: +SKIP
    """
    table = _found(path)
    target = make_user_data_folder(_FOLDER) / _FILE
    table.save(target)
    Accuracies.load(target)
    return [target]


def _found(path: str | os.PathLike[str] | None) -> Accuracies:
    where = user_data_folder() / _FOLDER / _FILE if path is None else Path(check_path(path))
    if not where.exists():
        what = "NAS-Bench-201 is not installed" if path is None else "There are no accuracies"
        raise DataNotFoundError(f"{what} ({str(where)!r} is missing). {_WHERE}.")
    if where.is_dir() or where.suffix.lower() == ".pth":
        return _from_trials(where)
    return Accuracies.load(where) if where.suffix.lower() == ".parquet" else _from_csv(where)


def _from_trials(path: Path) -> Accuracies:
    """Return the accuracies of a folder or file that has the trials of all trainings."""
    space = NASBench201Space()
    means = {f"{d}/{m}_{e}": np.full(space.size, np.nan) for d, m, e in _names()}
    stds = {name: values.copy() for name, values in means.items()}
    trials = {name: np.zeros(space.size, dtype=np.uint8) for name in means}
    names = [space.arch_str(row) for row in space.from_indices(np.arange(space.size))]
    read = read_archive if path.is_dir() else read_nas_201_file
    for index, dataset, metric, epochs, values in read(path, names, ACCURACY_SPLITS, EPOCHS):
        name = f"{dataset}/{metric}_{epochs}"
        values = measured(
            name,
            values,
            where=f"the file of No.{index}",
            missing=False,
            whole=False,
            error=TableIntegrityError,
        )
        means[name][index] = values.mean()
        stds[name][index] = values.std(ddof=1) if len(values) > 1 else np.nan
        trials[name][index] = len(values)
    present = [name for name in means if trials[name].any()]
    if not present:
        raise TableIntegrityError(f"{str(path)!r} holds no results of any architecture.")
    return Accuracies(
        {name: means[name] for name in present},
        {name: stds[name] for name in present},
        {name: trials[name] for name in present},
        {"source": path.name, "paper": "Dong et al., NATS-Bench, IEEE TPAMI 44, 2021"},
    )


def _from_csv(path: Path) -> Accuracies:
    space = NASBench201Space()
    population, columns = read_csv_table(path, space)
    index = space.indices(population)
    if len(np.unique(index)) < len(index):
        found, counts = np.unique(index, return_counts=True)
        raise TableIntegrityError(
            f"{str(path)!r} has No.{found[counts > 1][0]} more than once; give the mean of its trials."
        )
    choices = [f"{dataset}/{metric}_{epochs}" for dataset, metric, epochs in _names()]
    means = {}
    for name, values in columns.items():
        check_choice("column", name, choices)
        means[name] = np.full(space.size, np.nan)
        means[name][index] = values
    missing = np.full(space.size, np.nan)
    unknown = np.zeros(space.size, dtype=np.uint8)
    return Accuracies(
        means,
        dict.fromkeys(means, missing),
        dict.fromkeys(means, unknown),
        {"source": path.name},
    )
