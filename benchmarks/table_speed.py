"""Loading and querying the AnalogNAS-Bench table, beside the API it comes from.

Run ``python benchmarks/table_speed.py``. The peer, ``analog-nasbench`` 0.1.3, imports ``pkg_resources``, which current
setuptools no longer has; where it is missing, a stand-in with the one function that the peer calls is provided, so the
peer's own loading and queries are what is measured.
"""

import importlib.util
import sys
import time
import types
from pathlib import Path

import numpy as np
from timing import cpu_seconds, interleaved, process_seconds

from analognas import AnalogNASBench

BASE = "import numpy, pyarrow"
OURS = (
    BASE
    + "; import analognas; b = analognas.AnalogNASBench(); b.query_metric((0, 0, 0, 4, 3, 2), 'avm')"
)
SHIM = """
import sys, types, importlib.util, pathlib
if importlib.util.find_spec('pkg_resources') is None:
    stand_in = types.ModuleType('pkg_resources')
    home = pathlib.Path(importlib.util.find_spec('analognasbench').origin).parent
    stand_in.resource_filename = lambda package, name: str(home / name)
    sys.modules['pkg_resources'] = stand_in
"""
PEER = SHIM + (
    "from analognasbench.data import AnalogNASBench; b = AnalogNASBench(); "
    "b.query_metric((0, 0, 0, 4, 3, 2), 'analog_accuracy')"
)
ROWS = 1_000_000


def load_peer():
    """The peer's table object, or None where the package is not installed."""
    spec = importlib.util.find_spec("analognasbench")
    if spec is None:
        return None
    if importlib.util.find_spec("pkg_resources") is None:
        stand_in = types.ModuleType("pkg_resources")
        stand_in.resource_filename = lambda package, name: str(Path(spec.origin).parent / name)
        sys.modules["pkg_resources"] = stand_in
    from analognasbench.data import AnalogNASBench as PeerBench

    return PeerBench()


def main():
    peer = load_peer()
    codes = [BASE, OURS] + ([PEER] if peer else [])
    seconds = interleaved([lambda code=code: process_seconds(code)[0] for code in codes], 9)
    print("fresh process, CPU seconds (median of 9)")
    print(f"  {BASE:<44}{seconds[0]:.3f}")
    print(
        f"  + import analognas, load, one query         {seconds[1] - seconds[0]:.3f}   (goal: below 0.20)"
    )
    if peer:
        print(
            f"  peer: import, load, one query              {seconds[2]:.3f}   all of it; ours {seconds[1]:.3f}, ",
            end="",
        )
        print(f"ratio peer / ours {seconds[2] / seconds[1]:.1f}")

    bench = AnalogNASBench()
    cells = bench.list_available_architectures()
    population = np.random.default_rng(0).integers(0, 5, (ROWS, 6)).astype(np.int8)
    bench.query_metric(cells[0], "analog_accuracy")

    def ours_single():
        for cell in cells:
            bench.query_metric(cell, "analog_accuracy")

    def peer_single():
        for cell in cells:
            peer.query_metric(cell, "analog_accuracy")

    functions = [
        lambda: cpu_seconds(ours_single),
        lambda: wall(lambda: bench.query(population, "analog_drift_60")),
    ]
    functions += [lambda: cpu_seconds(peer_single)] if peer else []
    single, vectorised, *others = interleaved(functions, 9)
    print(f"one query                       {1e6 * single / len(cells):8.2f} us")
    print(f"{ROWS:,} vectorised queries  {1e3 * vectorised:8.1f} ms wall   (goal: below 60)")
    if peer:
        print(
            f"peer: one query                 {1e6 * others[0] / len(cells):8.2f} us, ratio {others[0] / single:.1f}"
        )
        print(
            f"peer: {ROWS:,} queries        {1e3 * others[0] / len(cells) * ROWS:8.1f} ms by extrapolation, ",
            end="",
        )
        print(f"ratio {others[0] / len(cells) * ROWS / vectorised:.0f}")


def wall(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
