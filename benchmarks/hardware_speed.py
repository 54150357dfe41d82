"""Costs of all NAS-Bench-201 cells on an analog chip; queries and conversion of the HW-NAS-Bench table.

Process CPU time, medians of repeated calls. The table takes part where it was added with
``analognas data add hw-nas-bench FILE``; for the conversion it is written as a pickle in the published layout.

Run: python benchmarks/hardware_speed.py
"""

from __future__ import annotations

import os
import pickle
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from timing import cpu_seconds

from analognas.core import AnalogNASError
from analognas.hardware import CHIPS, population_costs
from analognas.spaces import FBNetSpace, NASBench201Space
from analognas.tables import HWNASBench, add_hw_nas_bench

REPEATS = 5


def show(name: str, call: Callable[[], Any]) -> None:
    """Print the median of several calls."""
    seconds = statistics.median(cpu_seconds(call) for _ in range(REPEATS))
    print(f"{name:<52} {seconds:8.4f} s")


def published_layout(cells: HWNASBench, layers: HWNASBench) -> dict[str, Any]:
    """What ``HW-NAS-Bench-v1_0.pickle`` holds; -1 where a value is missing."""
    population = cells.space.from_indices(np.arange(cells.space.size))
    content: dict[str, Any] = {"nasbench201": {}, "fbnet": layers.get_op_lookup_tables()}
    for dataset in cells.datasets:
        columns = cells.query(population, cells.metrics[:-1], dataset)
        content["nasbench201"][dataset] = {
            "config": [cells.get_net_config(index, dataset) for index in range(cells.space.size)],
            **{name: np.nan_to_num(column, nan=-1.0).tolist() for name, column in columns.items()},
        }
    return content


def show_conversion(cells: HWNASBench, layers: HWNASBench) -> None:
    """Convert a pickle of full size in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "HW-NAS-Bench-v1_0.pickle"
        path.write_bytes(pickle.dumps(published_layout(cells, layers), protocol=2))
        os.environ["ANALOGNAS_DATA"] = folder
        size = path.stat().st_size / 2**20
        show(f"conversion of the pickle ({size:.0f} MiB)", lambda: add_hw_nas_bench(path))


def main() -> None:
    """Print one line for each."""
    space = NASBench201Space()
    every, hermes = space.every(), CHIPS.get("hermes").replace(n_tiles=None)
    for mapping in ("naive", "packed"):
        chip = hermes.replace(mapping=mapping)
        show(f"all 15,625 cells, {mapping}", lambda chip=chip: population_costs(space, every, chip))
    try:
        bench = HWNASBench()
    except AnalogNASError as error:
        print(error)
        return
    population = space.sample(1_000_000, generator=np.random.default_rng(0))
    bench.query(population[:1], "pixel3_latency", "cifar10")
    layers = HWNASBench(search_space="fbnet")
    networks = FBNetSpace().sample(1_000_000, generator=np.random.default_rng(0))
    for name, table, asked, dataset in (
        ("10^6 cells as genotypes", bench, population, "cifar10"),
        ("10^6 cells as a vector of indices", bench, space.indices(population), "cifar10"),
        ("10^5 cells as lists", bench, population[:100_000].tolist(), "cifar10"),
        ("10^6 FBNet networks as genotypes", layers, networks, "cifar100"),
    ):
        show(name, partial(table.query, asked, "pixel3_latency", dataset))
    show_conversion(bench, layers)


if __name__ == "__main__":
    main()
