"""HW-NAS-Bench's pickle as tables in memory and as Parquet files.

The pickle is a dictionary. ``["nasbench201"][dataset][metric]`` is a sequence over the published index
No.i and ``["nasbench201"][dataset]["config"]`` says which network that is; ``["fbnet"][metric]`` maps the key
of a layer to its cost. It is read by the restricted reader: no code of the file runs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import METRICS, DataNotFoundError, TableIntegrityError
from ..core.foreign_numbers import MISSING_MARK, as_floats, as_integers, metric_range
from ..core.legacy_pickle import read_pickled_arrays
from ..core.limits import read_bytes, shown
from ..core.user_data import make_user_data_folder, user_data_folder
from ..spaces import FBNetSpace, NASBench201Space
from ..spaces.fbnet import SETTINGS
from .measurements import MEASUREMENTS, Provenance
from .table_file import check_path, read_table, write_table

__all__ = ["CELL_METRICS", "LAYER_METRICS", "CellCosts", "LayerCosts", "add_hw_nas_bench"]

CELL_METRICS = tuple(name for name in MEASUREMENTS if name != "average_hw_metric")
"""Metrics of NAS-Bench-201 networks, in the published order."""

LAYER_METRICS = tuple(
    name for name in CELL_METRICS if name not in ("edgetpu_latency", "eyeriss_arithmetic_intensity")
)
"""Metrics of FBNet's layers, in the published order."""

CELL_DATASETS = ("cifar10", "cifar100", "ImageNet16-120")

_FOLDER = "hw-nas-bench"
_FILES = {"nasbench201": "nasbench201.parquet", "fbnet": "fbnet.parquet"}
_WHERE = (
    "Download HW-NAS-Bench-v1_0.pickle from https://github.com/GATECH-EIC/HW-NAS-Bench and run "
    "`analognas data add hw-nas-bench HW-NAS-Bench-v1_0.pickle`, or give its path"
)
_MUST_BE = "costs are numbers, finite and positive (of layers also 0), and NaN where one is missing"


@dataclass(frozen=True)
class CellCosts:
    """Costs of all NAS-Bench-201 networks.

    Attributes:
        values: Rows by published index No.i, shape ``(15625, 3, 10)``: data sets and metrics in the order of
            :data:`CELL_DATASETS` and :data:`CELL_METRICS`; NaN where missing.
        provenance: :class:`Provenance` of each, same shape.
        metadata: Where they come from.

    Example:
        >>> costs = CellCosts(np.ones((15625, 3, 10)), np.ones((15625, 3, 10), dtype=np.uint8))
        >>> data, metric = CELL_DATASETS.index("cifar10"), CELL_METRICS.index("pixel3_latency")
        >>> costs.values[:2, data, metric]
        array([1., 1.])
    """

    values: NDArray[np.float64]
    provenance: NDArray[np.uint8]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (NASBench201Space().size, len(CELL_DATASETS), len(CELL_METRICS))
        values = as_floats("Costs", self.values, error=TableIntegrityError)
        provenance = as_integers("Provenance", self.provenance, minimum=0, maximum=255)
        if values.shape != shape or provenance.shape != shape:
            raise TableIntegrityError(
                f"A table of NAS-Bench-201 costs has the shape {shape}, but got {values.shape} with the "
                f"provenance of {provenance.shape}."
            )
        if not np.array_equal(np.isnan(values), provenance == Provenance.MISSING):
            raise TableIntegrityError(
                "A value is NaN exactly where its provenance is MISSING, but these tables disagree."
            )
        if not np.isin(provenance, list(Provenance)).all():
            raise TableIntegrityError(
                f"A provenance is one of {', '.join(f'{p.value} {p.name}' for p in Provenance)}, but got "
                f"{int(provenance.max())}."
            )
        for (row, i, j), value in _no_costs(values):
            raise TableIntegrityError(
                f"{CELL_METRICS[j]!r} of {CELL_DATASETS[i]!r} is {value} for No.{row}; {_MUST_BE}."
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "provenance", provenance.astype(np.uint8))

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write a Parquet file atomically; returns its checksum."""
        columns: dict[str, NDArray[Any]] = {
            "nasbench201_index": np.arange(len(self.values), dtype=np.int32)
        }
        for i, dataset in enumerate(CELL_DATASETS):
            for j, metric in enumerate(CELL_METRICS):
                name = f"{dataset}/{metric}"
                columns[name] = np.ascontiguousarray(self.values[:, i, j])
                columns[f"{name}/provenance"] = np.ascontiguousarray(self.provenance[:, i, j])
        return write_table(path, columns, _metadata("nasbench201", self.metadata))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> CellCosts:
        """Read what :meth:`save` wrote.

        Raises:
            TableIntegrityError: If the file is damaged or another table.
        """
        table = read_table(path)
        parts = []
        try:
            for ending in ("", "/provenance"):
                names = [[f"{d}/{m}{ending}" for m in CELL_METRICS] for d in CELL_DATASETS]
                parts.append(np.array([[table.columns[n] for n in row] for row in names]))
        except KeyError as error:
            raise _another_table(path, error) from None
        values, provenance = (np.moveaxis(part, -1, 0) for part in parts)
        return cls(values, provenance, table.metadata)


@dataclass(frozen=True)
class LayerCosts:
    """Costs of FBNet's layers, all or some of them.

    Attributes:
        tables: Metric to a cost for each key of a layer, as :meth:`.FBNetSpace.every_cost_key` lists them;
            metrics as in :data:`LAYER_METRICS`. What is given may lack metrics, keys or costs (NaN); here all
            are there, NaN where missing.
        metadata: Where they come from.

    Raises:
        TableIntegrityError: If there is no such metric, or a cost is not a number, infinite or negative.

    Example:
        >>> partial = LayerCosts({"raspi4_latency": {"FC_Cin1504_Cout100": 0.2}})
        >>> partial.tables["raspi4_latency"]["FC_Cin1504_Cout100"]
        0.2
        >>> partial.tables["fpga_energy"]["FC_Cin1504_Cout100"]
        nan
    """

    tables: Mapping[str, Mapping[str, float]]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for metric, table in self.tables.items():
            if metric not in LAYER_METRICS:
                raise TableIntegrityError(
                    f"FBNet's layers have no metric {metric!r}; they have {', '.join(LAYER_METRICS)}."
                )
            for key, cost in table.items():
                _check_cost(metric, key, cost)
        listed = dict.fromkeys(key for table in self.tables.values() for key in table)
        order = list(listed | _layer_keys())
        whole = {
            metric: {key: float(self.tables.get(metric, {}).get(key, np.nan)) for key in order}
            for metric in LAYER_METRICS
        }
        object.__setattr__(self, "tables", whole)

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write a Parquet file atomically; returns its checksum."""
        keys = sorted(self.tables[LAYER_METRICS[0]])
        columns: dict[str, NDArray[Any]] = {"key": np.array(keys, dtype=object)}
        for metric in LAYER_METRICS:
            columns[metric] = np.array([self.tables[metric][key] for key in keys])
        return write_table(path, columns, _metadata("fbnet", self.metadata))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LayerCosts:
        """Read what :meth:`save` wrote.

        Raises:
            TableIntegrityError: If the file is damaged or another table.
        """
        table = read_table(path)
        try:
            keys = table.columns["key"].tolist()
            costs = {
                m: dict(zip(keys, table.columns[m].tolist(), strict=True)) for m in LAYER_METRICS
            }
        except KeyError as error:
            raise _another_table(path, error) from None
        return cls(costs, table.metadata)


def read_hw_nas_bench(path: str | os.PathLike[str]) -> tuple[CellCosts, LayerCosts]:
    """Read the published pickle without running its code.

    Raises:
        TableIntegrityError: If the file is damaged, truncated, holds anything but plain data and arrays, or is
            not laid out as HW-NAS-Bench 1.0; names what is wrong.
        DataNotFoundError: If it is not there; says where to get it.
        InvalidArgumentError: If it is not a path.
    """
    data = read_bytes(check_path(path), error=DataNotFoundError, advice=f"{_WHERE}.")
    content = read_pickled_arrays(data, os.fspath(path))
    described = {"source": Path(path).name, "source_sha256": hashlib.sha256(data).hexdigest()}
    try:
        cells = _cells(content["nasbench201"], described)
        layers = {metric: dict(content["fbnet"][metric].items()) for metric in LAYER_METRICS}
        _check_complete(layers)
        costs = LayerCosts(layers, described)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        if isinstance(error, TableIntegrityError):
            raise TableIntegrityError(f"{os.fspath(path)!r} is refused: {error}") from None
        raise TableIntegrityError(
            f"{os.fspath(path)!r} is not laid out as HW-NAS-Bench-v1_0.pickle: "
            f"{type(error).__name__} {error}."
        ) from None
    return cells, costs


def add_hw_nas_bench(path: str | os.PathLike[str]) -> list[Path]:
    """Convert the published pickle once, into the user's data folder, where the table is found without a path.

    Returns:
        The two files written.

    Raises:
        TableIntegrityError: As :func:`read_hw_nas_bench`; nothing is written then.
        OutputFolderError: If the folder cannot be written to; nothing new stays there then.

    Example:
        >>> add_hw_nas_bench("HW-NAS-Bench-v1_0.pickle")  # doctest: +SKIP
    """
    cells, layers = read_hw_nas_bench(path)
    folder = make_user_data_folder(_FOLDER)
    final = [folder / name for name in _FILES.values()]
    staged = [folder / f"new-{name}" for name in _FILES.values()]
    try:
        cells.save(staged[0])
        layers.save(staged[1])
        CellCosts.load(staged[0])
        LayerCosts.load(staged[1])
        for new, target in zip(staged, final, strict=True):
            new.replace(target)
    finally:
        for new in staged:
            new.unlink(missing_ok=True)
    return final


def added_file(search_space: str) -> Path:
    """Return the converted table of a search space in the user's data folder.

    Raises:
        DataNotFoundError: If it was not added; says what to download and where from.
    """
    path = user_data_folder() / _FOLDER / _FILES[search_space]
    if not path.exists():
        raise DataNotFoundError(
            f"HW-NAS-Bench is not installed ({str(path)!r} is missing). {_WHERE}."
        )
    return path


def _cells(content: Any, described: Mapping[str, Any]) -> CellCosts:
    space = NASBench201Space()
    names = [space.arch_str(row) for row in space.from_indices(np.arange(space.size))]
    blocks = []
    for dataset in CELL_DATASETS:
        part = content[dataset]
        if [config["arch_str"] for config in part["config"]] != names:
            raise TableIntegrityError(
                f"the architectures of {dataset!r} are not the {space.size} of NAS-Bench-201 in their order."
            )
        blocks.append([_column(dataset, metric, part[metric]) for metric in CELL_METRICS])
    values = np.moveaxis(np.array(blocks), -1, 0)
    provenance = np.where(np.isnan(values), Provenance.MISSING, Provenance.PUBLISHED)
    return CellCosts(values, provenance.astype(np.uint8), described)


def _column(dataset: str, metric: str, entries: Any) -> NDArray[np.float64]:
    """Return a metric with NaN for missing values: None, NaN, or -1 for a model that did not compile."""
    try:
        values = as_floats("Costs", list(entries), error=TableIntegrityError)
    except TableIntegrityError as error:
        raise TableIntegrityError(
            f"{metric!r} of {dataset!r} holds more than numbers: {error}"
        ) from None
    if values.shape != (NASBench201Space().size,):
        raise TableIntegrityError(f"{metric!r} of {dataset!r} has the shape {values.shape}.")
    values[values == MISSING_MARK] = np.nan
    return values


def _no_costs(values: NDArray[np.float64]) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield places and values that are neither missing nor valid costs."""
    for place in np.argwhere(metric_range(CELL_METRICS[0]).outside(values)).tolist():
        yield tuple(place), float(values[tuple(place)])


@lru_cache(maxsize=1)
def _layer_keys() -> dict[str, None]:
    """Keys of all layers of FBNet's two settings, in their order."""
    return dict.fromkeys(key for name in SETTINGS for key in FBNetSpace(name).every_cost_key())


def _check_cost(metric: str, key: str, cost: Any) -> None:
    number = isinstance(cost, int | float | np.integer | np.floating) and not isinstance(cost, bool)
    # A layer that is skipped may cost nothing.
    value = as_floats("A cost", [cost], error=TableIntegrityError) if number else np.array([-1.0])
    if metric_range(metric, zero=True).outside(value).any():
        raise TableIntegrityError(
            f"{metric!r} of the FBNet layer {key!r} is {shown(repr(cost))}; {_MUST_BE}."
        )


def _check_complete(layers: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that a table has every cost, as the published one does."""
    for metric, table in layers.items():
        lacking = [
            key for key in _layer_keys() if table.get(key) is None or table[key] != table[key]
        ]
        if lacking:
            raise TableIntegrityError(
                f"{metric!r} lacks {len(lacking)} of {len(_layer_keys())} layers of FBNet, the first of them "
                f"{lacking[0]!r}; a partial table is a LayerCosts."
            )


def _another_table(path: str | os.PathLike[str], error: KeyError) -> TableIntegrityError:
    return TableIntegrityError(
        f"{os.fspath(path)!r} is another table than was asked for: it lacks the column {error}."
    )


def _metadata(search_space: str, described: Mapping[str, Any]) -> dict[str, Any]:
    own = ("format", "format_version", "checksum")
    metrics = CELL_METRICS if search_space == "nasbench201" else LAYER_METRICS
    return {
        "name": "HW-NAS-Bench",
        "space": search_space,
        "licence": "MIT",
        "paper": "Li et al., HW-NAS-Bench, ICLR 2021",
        "columns": {
            name: {"unit": METRICS[name].unit, "how": MEASUREMENTS[name].how} for name in metrics
        },
        **{key: value for key, value in described.items() if key not in own},
    }
