"""Data loading with augmentation as a part of a training step on the CPU.

Process CPU time, medians of interleaved calls after warm-up. A step is forward, backward and SGD with momentum on a
batch of 32. Loading is one more batch of an epoch: gather, crop, flip (for audio shift and masks), normalisation.

Run: python benchmarks/data_speed.py [--repeats 15] [--threads 2]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator

# Threads that wait for each other would be charged for waiting, the more the busier the machine is.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from timing import cpu_seconds, interleaved
from torch import Tensor

from analognas.data import AudioFeatures, DataSet, Split, audio_data, audio_split, image_data
from analognas.models import build_model_for

BATCH = 32
CASES = {
    "wrn-16-4": lambda: images((3, 32, 32)),
    "resnet-32": lambda: images((3, 32, 32)),
    "cnn": lambda: images((1, 28, 28)),
    "kws-cnn": lambda: sounds(),
}
"""Network and the data set that it is trained on."""


def images(shape: tuple[int, ...], n: int = 20000) -> DataSet:
    """Random images in ten classes."""
    pixels = torch.randint(256, (n, *shape), dtype=torch.uint8)
    split = Split(pixels, torch.arange(n) % 10)
    return image_data(
        "random", split, None, split.select(torch.arange(100)), n_classes=10, augment=True
    )


def sounds(n: int = 2000) -> DataSet:
    """Random clips of one second in ten classes."""
    clips = torch.randint(-(2**12), 2**12, (n, 16000), dtype=torch.int16)
    split = audio_split(clips, torch.arange(n) % 10, AudioFeatures(16000))
    test = split.select(torch.arange(100))
    return audio_data(
        "random", split, None, test, classes=[str(k) for k in range(10)], augment=True
    )


def endless(data: DataSet) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented training batches, epoch after epoch."""
    generator = torch.Generator().manual_seed(0)
    while True:
        yield from data.batches("train", BATCH, generator=generator, augment=True, drop_last=True)


def training_step(model: torch.nn.Module, batch: tuple[Tensor, Tensor]) -> Callable[[], None]:
    """Return a function that trains ``model`` for one step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    inputs, targets = batch

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    return step


def measure(name: str, repeats: int) -> list[float]:
    """Return CPU seconds of loading a batch and of a training step."""
    data = CASES[name]()
    batches = endless(data)
    step = training_step(build_model_for(name, data), next(batches))
    calls = [lambda: cpu_seconds(lambda: next(batches)), lambda: cpu_seconds(step)]
    interleaved(calls, 3)
    return interleaved(calls, repeats)


def main() -> None:
    """Print loading and step for every case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.networks:
        loading, training = measure(name, arguments.repeats)
        print(
            f"{name:<10} loading {1e3 * loading:7.2f} ms  step {1e3 * training:8.1f} ms  "
            f"{100 * loading / training:5.1f} %"
        )
    print(f"batch {BATCH}, torch {torch.__version__}, {arguments.threads} threads")


if __name__ == "__main__":
    main()
