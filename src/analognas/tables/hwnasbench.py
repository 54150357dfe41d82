"""HW-NAS-Bench: latency and energy of NAS-Bench-201 and FBNet networks on six devices.

Li et al., "HW-NAS-Bench: Hardware-Aware Neural Architecture Search Benchmark", ICLR 2021.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_choice
from ..spaces import FBNetSpace, NASBench201Space
from .hardware_table import (
    CELL_DATASETS,
    CELL_METRICS,
    LAYER_METRICS,
    CellCosts,
    LayerCosts,
    added_file,
    read_hw_nas_bench,
)
from .measurements import HardwareCost, Provenance
from .nasbench201 import NASBench201
from .net_configs import CELLS, CHANNELS
from .table_file import check_path

__all__ = ["HWNASBench"]

SEARCH_SPACES = ("nasbench201", "fbnet")
_LAYER_DATASETS = ("cifar100", "ImageNet")
_PRODUCT = "average_hw_metric"


class HWNASBench:
    """The table: costs of every network of a search space on every device.

    A NAS-Bench-201 network may be given as index No.i, ``arch_str`` or six-tuple, an FBNet network as 22
    numbers or names of operations. Values that the table does not have are NaN, never zero, with the provenance
    ``MISSING``.

    Args:
        path: ``HW-NAS-Bench-v1_0.pickle``, which is read without running its code; a Parquet file or table
            made of it; or None for what ``analognas data add hw-nas-bench`` has put into the user's folder.
        search_space: ``"nasbench201"`` or ``"fbnet"``.
        accuracies: NAS-Bench-201's accuracies, queried beside costs; those in the user's folder by default.
        file_path_or_dict: The published name of ``path``.

    Raises:
        UnknownNameError: If there is no such search space.
        DataNotFoundError: If there is no such file, or none was added; says what to download.
        TableIntegrityError: If the file is damaged or not HW-NAS-Bench's.
        InvalidArgumentError: If ``path`` is neither a file nor a table of the search space.

    Attributes:
        search_space: Name of the search space.
        space: The search space.
        metadata: Where the table comes from.

    Example:
        >>> from analognas.tables.hardware_table import CELL_DATASETS, CELL_METRICS
        >>> values = np.ones((15_625, len(CELL_DATASETS), len(CELL_METRICS)))
        >>> hw = HWNASBench(CellCosts(values, np.ones(values.shape, dtype=np.uint8)))
        >>> hw.query_by_index(0, "cifar10")["pixel3_latency"].unit
        'ms'
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | CellCosts | LayerCosts | None = None,
        search_space: str = "nasbench201",
        *,
        accuracies: NASBench201 | None = None,
        file_path_or_dict: str | os.PathLike[str] | CellCosts | LayerCosts | None = None,
    ) -> None:
        self.search_space = check_choice("search space", search_space, SEARCH_SPACES)
        cells = self.search_space == "nasbench201"
        if path is not None and file_path_or_dict is not None:
            raise InvalidArgumentError("Pass either `path` or `file_path_or_dict`, but not both.")
        path = file_path_or_dict if path is None else path
        table = path if isinstance(path, CellCosts | LayerCosts) else _read(path, search_space)
        if not isinstance(table, CellCosts if cells else LayerCosts):
            raise InvalidArgumentError(
                f"`path` must hold costs of {search_space}, but got {type(table).__name__}."
            )
        self.metadata = dict(table.metadata)
        self._accuracies = accuracies
        self.space = NASBench201Space()
        self._fbnet = {name: FBNetSpace(name) for name in _LAYER_DATASETS}
        self._columns: dict[tuple[str, str], NDArray[np.float64]] = {}
        self._provenance: dict[tuple[str, str], NDArray[np.uint8]] = {}
        self._lookup: Mapping[str, Mapping[str, float]] = {}
        if isinstance(table, CellCosts):
            self._sort_cells(table)
        else:
            self._lookup = table.tables

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return CELL_DATASETS if self.search_space == "nasbench201" else _LAYER_DATASETS

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, the product of all of them last."""
        names = CELL_METRICS if self.search_space == "nasbench201" else LAYER_METRICS
        return [*names, _PRODUCT]

    @property
    def accuracies(self) -> NASBench201:
        """NAS-Bench-201's accuracies.

        Raises:
            DataNotFoundError: If they were neither given nor added; says what to download and where from.
        """
        if self._accuracies is None:
            self._accuracies = NASBench201()
        return self._accuracies

    def query_by_index(self, architecture: Any, dataset: str) -> dict[str, HardwareCost]:
        """Return every metric of one network.

        Args:
            architecture: The network in any form; the index No.i of NAS-Bench-201, the list of FBNet.
            dataset: Name of the data set.

        Returns:
            Metric to a float that knows its unit, provenance and how it was taken; NaN where missing.

        Raises:
            OutOfSpaceError: If there is no such network.
            UnknownNameError: If there is no such data set; lists the choices.
        """
        check_choice("data set", dataset, self.datasets)
        row = self._space(dataset).encode(architecture)[None]
        values = self.query(row, self.metrics, dataset)
        origins = self.provenance(row, self.metrics, dataset)
        return {
            name: HardwareCost(float(values[name][0]), name, Provenance(int(origins[name][0])))
            for name in self.metrics
        }

    def query(
        self, population: Any, metrics: str | Sequence[str], dataset: str
    ) -> dict[str, NDArray[np.float64]]:
        """Return metrics of many networks at once.

        Args:
            population: Genotypes, shape ``(n, n_genes)``, or a sequence of networks in any form.
            metrics: One name or several; of NAS-Bench-201 also accuracies such as ``test_accuracy_200``, which
                :class:`NASBench201` explains.
            dataset: Name of the data set.

        Returns:
            Metric to values, shape ``(n,)``, in the unit of the metric; NaN where missing.

        Raises:
            OutOfSpaceError: If there is no such network.
            UnknownNameError: If there is no such metric or data set; lists the choices.
        """
        wanted = [metrics] if isinstance(metrics, str) else list(metrics)
        measured = [name for name in wanted if not self._is_accuracy(name)]
        names, rows = self._checked(population, measured, dataset)
        if self.search_space == "nasbench201":
            codes = self.space.codes(rows)
            found = {name: self._columns[dataset, name][codes] for name in names}
            if len(names) < len(wanted):
                rest = [name for name in wanted if name not in found]
                found |= self.accuracies.query(rows, rest, dataset)
            return {name: found[name] for name in wanted}
        space = self._fbnet[dataset]
        terms = LAYER_METRICS if _PRODUCT in names else names
        sums = {name: space.sum_costs(rows, self._lookup[name]) for name in terms}
        if _PRODUCT in names:
            sums[_PRODUCT] = _product([sums[name] for name in LAYER_METRICS])
        return {name: sums[name] for name in names}

    def provenance(
        self, population: Any, metrics: str | Sequence[str], dataset: str
    ) -> dict[str, NDArray[np.uint8]]:
        """Return where metrics of many networks come from; arguments and errors as for :meth:`query`.

        Returns:
            Metric to :class:`Provenance`, shape ``(n,)``. Sums over FBNet's layers and products are
            DERIVED, and MISSING where one of their parts is.
        """
        names, rows = self._checked(population, metrics, dataset)
        if self.search_space == "nasbench201":
            codes = self.space.codes(rows)
            return {name: self._provenance[dataset, name][codes] for name in names}
        values = self.query(rows, names, dataset)
        return {name: _derived(column) for name, column in values.items()}

    def get_net_config(self, architecture: Any, dataset: str) -> dict[str, Any]:
        """Return what :func:`get_cell_based_tiny_net` or :func:`get_fbnet` builds one network from.

        Raises:
            OutOfSpaceError: If there is no such network.
            UnknownNameError: If there is no such data set.
        """
        check_choice("data set", dataset, self.datasets)
        if self.search_space == "fbnet":
            space = self._fbnet[dataset]
            row = space.encode(architecture)
            return {
                "dataset": dataset,
                "num_classes": space.n_classes,
                "op_idx_list": list(space.decode(row)),
                "arch_str": list(space.arch_str(row)),
            }
        from ..spaces.nasbench201 import DATASETS

        return {
            "name": "infer.tiny",
            "C": CHANNELS,
            "N": CELLS,
            "arch_str": self.space.arch_str(architecture),
            "num_classes": DATASETS[dataset][1],
        }

    @property
    def HW_metrics(self) -> dict[str, dict[str, Any]]:  # noqa: N802 - the published name
        """The costs in the layout of the published file, as a new dictionary.

        For NAS-Bench-201, ``[search space][data set][metric]`` are costs by published index, a list of 15,625,
        and ``[search space][data set]["config"]`` what networks are built from; for FBNet, ``[search
        space][metric][layer]`` is a cost.
        """
        if self.search_space == "fbnet":
            return {self.search_space: self.get_op_lookup_tables()}
        order = self.space.codes(self.space.from_indices(np.arange(self.space.size)))
        columns: dict[str, Any] = {
            dataset: {name: self._columns[dataset, name][order].tolist() for name in CELL_METRICS}
            for dataset in self.datasets
        }
        for dataset, metrics in columns.items():
            metrics["config"] = [
                self.get_net_config(index, dataset) for index in range(self.space.size)
            ]
        return {self.search_space: columns}

    def get_op_lookup_tables(self) -> dict[str, dict[str, float]]:
        """Return FBNet's costs: metric to layer to cost.

        Raises:
            InvalidArgumentError: If the search space is not FBNet.
        """
        if self.search_space != "fbnet":
            raise InvalidArgumentError(
                "Only FBNet's costs are tables of layers; make HWNASBench(path, search_space='fbnet')."
            )
        return {name: dict(table) for name, table in self._lookup.items()}

    def __repr__(self) -> str:
        return f"HWNASBench({self.search_space!r}, data sets {', '.join(self.datasets)})"

    def _is_accuracy(self, name: Any) -> bool:
        return self.search_space == "nasbench201" and "_accuracy_" in str(name)

    def _space(self, dataset: str) -> NASBench201Space | FBNetSpace:
        return self.space if self.search_space == "nasbench201" else self._fbnet[dataset]

    def _checked(
        self, population: Any, metrics: str | Sequence[str], dataset: str
    ) -> tuple[list[str], NDArray[Any]]:
        check_choice("data set", dataset, self.datasets)
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        for name in names:
            check_choice("metric", name, self.metrics)
        return names, self._space(dataset).population(population)

    def _sort_cells(self, table: CellCosts) -> None:
        """Put rows into the order of codes, so that a query is one fancy index, and add the products."""
        every = self.space.from_codes(np.arange(self.space.size))
        order = self.space.indices(every)
        for i, dataset in enumerate(CELL_DATASETS):
            for j, name in enumerate(CELL_METRICS):
                self._columns[dataset, name] = table.values[order, i, j]
                self._provenance[dataset, name] = table.provenance[order, i, j]
            factors = [n for n in CELL_METRICS if n.endswith(("_latency", "_energy"))]
            product = _product([self._columns[dataset, name] for name in factors])
            self._columns[dataset, _PRODUCT] = product
            self._provenance[dataset, _PRODUCT] = _derived(product)


def _read(path: str | os.PathLike[str] | None, search_space: str) -> CellCosts | LayerCosts:
    cells = search_space == "nasbench201"
    path = added_file(search_space) if path is None else check_path(path)
    if Path(path).suffix.lower() == ".parquet":
        return CellCosts.load(path) if cells else LayerCosts.load(path)
    return read_hw_nas_bench(path)[0 if cells else 1]


def _derived(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Provenance of what is computed of published values."""
    return np.where(np.isnan(values), Provenance.MISSING, Provenance.DERIVED).astype(np.uint8)


def _product(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Multiply one after another, as the published values were."""
    total = columns[0].copy()
    for column in columns[1:]:
        total *= column
    return total
