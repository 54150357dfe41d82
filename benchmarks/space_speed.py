"""Seconds of CPU time for what a search does with a space, on 100,000 architectures at once.

Run ``python benchmarks/space_speed.py``. The space is AnalogNAS's ResNet-like one: 22 genes, 16 of them inactive where
their block is absent. Beside it runs what a researcher writes by hand: dictionaries, drawn one by one.
"""

import random

import numpy as np
from timing import cpu_seconds, interleaved

from analognas.spaces import ConfigSpace, latin_hypercube, sobol

N = 100_000
REPEATS = 5


def resnet_like():
    """AnalogNAS's hyperparameters, with the conditions that its design describes."""
    space = ConfigSpace(name="resnet-like")
    space.add_hyperparameter_range("out_channel0", "discrete", [8, 12, 16, 32, 48, 64])
    space.add_hyperparameter("M", "discrete", 1, 5)
    for block in range(1, 6):
        when = ("M", ">=", block) if block > 1 else None
        space.add_hyperparameter(f"R{block}", "discrete", 1, 16, when=when, inactive=0)
    for block in range(1, 6):
        when = ("M", ">=", block) if block > 1 else None
        space.add_hyperparameter_range(
            f"convblock{block}", "discrete", [1, 2], when=when, inactive=0
        )
        space.add_hyperparameter(f"widenfact{block}", "continuous", 0.5, 0.8, when=when, inactive=0)
        space.add_hyperparameter(f"B{block}", "discrete", 1, 4, when=when, inactive=0)
    return space


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
    space = resnet_like()
    generator = np.random.default_rng(0)
    rows = space.sample(N, generator=generator)
    codes = space.codes(rows)
    tasks = {
        "define the space": resnet_like,
        "count it": lambda: resnet_like().size,
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
        "plain Python, sample only": lambda: plain_python(N),
    }
    seconds = interleaved([lambda task=task: cpu_seconds(task) for task in tasks.values()], REPEATS)
    print(f"seconds of CPU time for {N:,} architectures, median of {REPEATS}")
    for name, value in zip(tasks, seconds, strict=True):
        print(f"  {name:<26} {value:8.3f}")


if __name__ == "__main__":
    main()
