"""Programming, drift and read noise at six times of ten million devices, against the bare draws.

Every device needs eight normal draws: one for its conductance, one for its exponent, one for each
reading. Their cost is measured alone in the same run, interleaved, on equal terms: both sides write
into memory that is already there, or both into fresh memory. Times are process CPU
seconds on one thread, medians. Goal: at most 2 times the draws.

Run: python benchmarks/physics_speed.py
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable

import torch

from analognas.physics import PCM, ProgrammedDevices

TIMES = [1.0, 60.0, 3600.0, 86400.0, 2592000.0, 31536000.0]
DRAWS = 2 + len(TIMES)


def cases(n: int, dtype: torch.dtype) -> dict[str, Callable[[], object]]:
    """Return what is timed, by name."""
    generator = torch.Generator().manual_seed(0)
    g_target = torch.empty(n, dtype=dtype).uniform_(0.0, 25.0, generator=generator)
    buffer = torch.empty(n, dtype=dtype)
    readings = torch.empty(len(TIMES), n, dtype=dtype)

    def draws_reused() -> None:
        for _ in range(DRAWS):
            buffer.normal_(generator=generator)

    def draws_fresh() -> list[torch.Tensor]:
        return [torch.randn(n, generator=generator, dtype=dtype) for _ in range(DRAWS)]

    chip = ProgrammedDevices.program(PCM(), g_target, generator=generator)

    def program() -> ProgrammedDevices:
        return ProgrammedDevices.program(PCM(), g_target, generator=generator, out=chip)

    def all_reused() -> None:
        program().read(TIMES, generator=generator, out=readings)

    def all_fresh() -> list[object]:
        fresh = ProgrammedDevices.program(PCM(), g_target, generator=generator)
        return [fresh, fresh.read(TIMES, generator=generator)]

    def one_by_one() -> None:
        fresh = program()
        for t in TIMES:
            fresh.read(t, generator=generator, out=buffer)

    def read_once() -> None:
        chip.read(3600.0, generator=generator, out=buffer)

    return {
        "draws, memory reused": draws_reused,
        "all six times in one call, memory reused": all_reused,
        "six calls, memory reused": one_by_one,
        "draws, fresh memory": draws_fresh,
        "all six times in one call, fresh memory": all_fresh,
        "programming alone": program,
        "one reading alone": read_once,
    }


def measure(timed: dict[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Return median CPU and wall seconds of each case, interleaved, after one warm-up round."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in timed}
    for round_ in range(repeats + 1):
        for name, run in timed.items():
            cpu, wall = time.process_time(), time.perf_counter()
            result = run()
            taken = (time.process_time() - cpu, time.perf_counter() - wall)
            del result
            if round_:
                seconds[name].append(taken)
    return {
        name: (statistics.median(x[0] for x in taken), statistics.median(x[1] for x in taken))
        for name, taken in seconds.items()
    }


def extra_memory(n: int, dtype: torch.dtype) -> tuple[float, float]:
    """Return the peak that a run adds to the process and the size of its results, MiB."""
    generator = torch.Generator().manual_seed(0)
    ProgrammedDevices.program(PCM(), torch.zeros(100_000, dtype=dtype), generator=generator)
    g_target = torch.empty(n, dtype=dtype).uniform_(0.0, 25.0, generator=generator)
    gc.collect()
    unit = 1024.0 if sys.platform != "darwin" else 1024.0**2
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    chip = ProgrammedDevices.program(PCM(), g_target, generator=generator)
    readings = chip.read(TIMES, generator=generator)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = (chip.g_prog, chip.nu, readings)
    size = sum(tensor.numel() * tensor.element_size() for tensor in kept)
    return (after - before) / unit, size / 1024.0**2


def main() -> None:
    """Print seconds, ratios and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dtype = getattr(torch, arguments.dtype)
    peak, size = extra_memory(arguments.devices, dtype)
    seconds = measure(cases(arguments.devices, dtype), arguments.repeats)
    print(f"{arguments.devices:,} devices, {arguments.dtype}, {arguments.threads} thread(s)")
    for name, (cpu, wall) in seconds.items():
        print(f"{name:<42} {cpu:7.3f} s CPU  {wall:7.3f} s wall")
    for terms, other in (("memory reused", "six calls, memory reused"), ("fresh memory", "")):
        draws = seconds[f"draws, {terms}"]
        for name in (f"all six times in one call, {terms}", other):
            if name:
                ratios = [ours / theirs for ours, theirs in zip(seconds[name], draws, strict=True)]
                print(f"ratio to draws: {ratios[0]:.2f} CPU, {ratios[1]:.2f} wall ({name})")
    print(f"memory: {peak:.0f} MiB at the peak, of which results {size:.0f} MiB")


if __name__ == "__main__":
    main()
