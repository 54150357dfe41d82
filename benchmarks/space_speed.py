"""Seconds of CPU time for what a search does with a space, on 100,000 architectures at once.

Run ``python benchmarks/space_speed.py``. The space is AnalogNAS's ResNet-like one: 22 genes, 16 of them inactive where
their block is absent; FBNet's is beside it where networks are counted. Beside sampling runs what a researcher writes by
hand: dictionaries, drawn one by one.
"""

import random

import numpy as np
from timing import cpu_seconds, interleaved

from analognas.spaces import FBNetSpace, ResNetSpace, latin_hypercube, sobol

N = 100_000
REPEATS = 5


def plain_python(n):
    """The same draws as a short script would take them."""
    drawn = []
    for _ in range(n):
        arch = {"out_channel0": random.choice([8, 12, 16, 32, 48, 64]), "M": random.randint(1, 5)}
        for block in range(1, 6):
            on = block <= arch["M"]
            arch[f"R{block}"] = random.randint(1, 16) if on else 0
            arch[f"convblock{block}"] = random.choice([1, 2]) if on else 0
            arch[f"widenfact{block}"] = random.uniform(0.5, 0.8) if on else 0
            arch[f"B{block}"] = random.randint(1, 4) if on else 0
        drawn.append(arch)
    return drawn


def main():
    space, fbnet = ResNetSpace(), FBNetSpace()
    generator = np.random.default_rng(0)
    rows = space.sample(N, generator=generator)
    codes = space.codes(rows)
    fbnet_rows = fbnet.sample(N, generator=generator)
    tasks = {
        "define the space": ResNetSpace,
        "count it": lambda: ResNetSpace().size,
        "sample (goal: 0.30)": lambda: space.sample(N, generator=generator),
        "sample evenly": lambda: space.sample_evenly(N, generator=generator),
        "Latin hypercube": lambda: latin_hypercube(space, N, generator=generator),
        "Sobol": lambda: sobol(space, N, generator=generator),
        "mutate": lambda: space.mutate(rows, generator=generator),
        "cross over": lambda: space.crossover(rows, rows[::-1], generator=generator),
        "codes (byte strings)": lambda: space.codes(rows),
        "from codes": lambda: space.from_codes(codes),
        "unique codes": lambda: np.unique(codes),
        "decode into dictionaries": lambda: space.decode_all(rows),
        "features": lambda: space.features(rows),
        "parameters (goal: 1)": lambda: space.params(rows),
        "MACs (goal: 1)": lambda: space.macs(rows),
        "tiles": lambda: space.tiles(rows),
        "structural features": lambda: space.structure(rows),
        "FBNet: sample": lambda: fbnet.sample(N, generator=generator),
        "FBNet: parameters": lambda: fbnet.params(fbnet_rows),
        "FBNet: MACs": lambda: fbnet.macs(fbnet_rows),
        "FBNet: structural features": lambda: fbnet.structure(fbnet_rows),
        "plain Python, sample only": lambda: plain_python(N),
    }
    seconds = interleaved([lambda task=task: cpu_seconds(task) for task in tasks.values()], REPEATS)
    print(f"seconds of CPU time for {N:,} architectures, median of {REPEATS}")
    for name, value in zip(tasks, seconds, strict=True):
        print(f"  {name:<26} {value:8.3f}")


if __name__ == "__main__":
    main()
