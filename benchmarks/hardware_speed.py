"""Costs of all NAS-Bench-201 cells on an analog chip, and queries of the HW-NAS-Bench table.

Process CPU time, medians of repeated calls. The table takes part where it was added with
``analognas data add hw-nas-bench FILE``.

Run: python benchmarks/hardware_speed.py
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from timing import cpu_seconds

from analognas.benchmarks import HWNASBench
from analognas.core import AnalogNASError
from analognas.hardware import CHIPS, population_costs
from analognas.spaces import NASBench201Space

REPEATS = 5


def show(name: str, call: Callable[[], Any]) -> None:
    """Print the median of several calls."""
    seconds = statistics.median(cpu_seconds(call) for _ in range(REPEATS))
    print(f"{name:<52} {seconds:8.4f} s")


def main() -> None:
    """Print one line for each."""
    space = NASBench201Space()
    every, hermes = space.every(), replace(CHIPS.get("hermes"), n_tiles=None)
    for mapping in ("naive", "packed"):
        chip = replace(hermes, mapping=mapping)
        show(f"all 15,625 cells, {mapping}", lambda chip=chip: population_costs(space, every, chip))
    try:
        bench = HWNASBench()
    except AnalogNASError as error:
        print(error)
        return
    population = space.sample(1_000_000, generator=np.random.default_rng(0))
    bench.query(population[:1], "pixel3_latency", "cifar10")
    show("10^6 queries of one value", lambda: bench.query(population, "pixel3_latency", "cifar10"))


if __name__ == "__main__":
    main()
