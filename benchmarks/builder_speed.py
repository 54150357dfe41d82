"""What building a table costs beside the networks: queue, workers, and the split of one measurement.

Queue: units that do nothing, in this process; wall-clock and CPU time of each. Workers: 20 units that compute for a
second each, on one worker and on two, from the start of the first unit to the end of the last. Both need quiet
cores. Split: CPU time of measuring one ResNet (digital and hardware-aware training, chips over time) against
bare training steps, programmings and forwards of the same networks on batches that are already prepared, those of
the digital test and of the calibration among them.

Run: python benchmarks/builder_speed.py [--only queue|workers|split] [--units 500] [--quick]

``--quick`` shows that it works; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from analognas.builder import (
    MeasurementSettings,
    NetworkMeasurement,
    PoolWorkers,
    SerialWorkers,
)
from analognas.builder.coordinator import work_off
from analognas.builder.units import Unit
from analognas.builder.work_queue import WorkQueue
from analognas.core import RandomStreams
from analognas.core.memory import keep_freed_memory
from analognas.nn import (
    at_time,
    calibrate,
    channels_last,
    clip_and_remap,
    fuse_norms,
    program,
    to_analog,
)
from analognas.spaces import ResNetSpace


class Nothing:
    """A measurement whose units compute for some seconds of CPU time."""

    units = ("digital",)

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def requires(self, unit):
        """Nothing."""
        return ()

    def run(self, architecture, unit, *, seed, folder=None):
        """Compute."""
        end, start = time.process_time() + self.seconds, time.perf_counter()
        while time.process_time() < end:
            np.dot(np.ones(1000), np.ones(1000))
        return Done(time.perf_counter() - start)


class Done:
    """The result of a unit."""

    values, stds, sems = {"baseline_accuracy": 1.0}, {}, {}

    def __init__(self, seconds: float) -> None:
        self.seconds = self.cpu_seconds = seconds


def finished(workers, measurement, n):
    """Work off a queue of ``n`` units; return when each started and ended, in s."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "queue.sqlite"
        units = [Unit(position, 0, "digital") for position in range(n)]
        WorkQueue.create(file, {}, [(position,) for position in range(n)], units).close()
        work_off(
            file, Path(folder) / "work", measurement, workers, retries=0, listen=lambda p: None
        )
        with WorkQueue(file) as queue:
            done = [
                (unit["finished"] - unit["seconds"], unit["finished"]) for unit in queue.units()
            ]
    return np.array(done)


def queue(n: int) -> None:
    finished(SerialWorkers(), Nothing(), 20)
    wall, cpu = time.perf_counter(), time.process_time()
    finished(SerialWorkers(), Nothing(), n)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"queue: {n} units, {1e3 * wall / n:.2f} ms wall, {1e3 * cpu / n:.2f} ms CPU a unit")


def workers(seconds: float = 1.0) -> None:
    spans = []
    for n in (1, 2):
        times = finished(PoolWorkers(n), Nothing(seconds), 20)
        spans.append(times[:, 1].max() - times[:, 0].min())
    print(
        f"workers: 20 units of {seconds:g} s in {spans[0]:.1f} s on one, {spans[1]:.1f} s on two: "
        f"{spans[0] / spans[1]:.2f} times as fast"
    )


def split(n_train: int = 1400, repeats: int = 3) -> None:
    """Print the CPU time of one measurement beside that of its bare steps and forwards."""
    keep_freed_memory()
    settings = MeasurementSettings.from_dict(
        {
            "data": "digits",
            "image_size": 16,
            "examples": {"train": n_train, "test": 200},
            "conditions": ["digital", "hwa"],
            "digital": {"epochs": 3, "batch_size": 100},
            "hwa": {"epochs": 2, "batch_size": 100},
            "chips": {"n": 3, "times": [60, 3600, 86400, 2592000], "examples": 200},
        }
    )
    space = ResNetSpace(input_shape=(1, 16, 16))
    rows = space.sample(400, generator=np.random.default_rng(0))
    row = rows[np.argsort(space.macs(rows))[len(rows) // 16]]
    measurement = NetworkMeasurement(space, settings).load()
    torch.set_num_threads(1)
    measured, bare = [], []
    for repeat in range(1 + repeats):  # the first compiles
        start = time.process_time()
        for unit in measurement.units:
            measurement.run(row, unit, seed=repeat)
        measured.append(time.process_time() - start)
        bare.append(_bare(measurement, row))
    total = np.median(bare[1:], axis=0)
    whole = np.median(measured[1:])
    ratios = np.array(measured[1:]) / np.sum(bare[1:], axis=1)
    print(
        f"split: {space.macs(row[None])[0] / 1e6:.1f} M MACs, {whole:.2f} s; bare digital steps {total[0]:.2f}, "
        f"hardware-aware steps {total[1]:.2f}, chips {total[2]:.2f} s: {np.median(ratios):.3f} times their sum "
        f"(median of {repeats}, {ratios.min():.3f} to {ratios.max():.3f})"
    )


def _bare(measurement, row):
    """CPU seconds of the bare steps and forwards of one measurement."""
    settings, data = measurement.settings, measurement.data
    network = measurement.space.build(row, tuple(data.input_shape), data.n_classes)
    channels_last(fuse_norms(network))
    batches = list(data.batches("train", 100))
    seconds = [_steps(network, batches, settings.recipe("digital"))]
    seconds[0] += _forwards(network.eval(), [x for x, _ in data.batches("test", 100)])
    recipe = settings.recipe("hwa")
    analog = calibrate(to_analog(network, recipe.analog), [x for x, _ in batches[:2]])
    seconds.append(_steps(analog.train(), batches, recipe, after=clip_and_remap))
    analog.eval()
    streams = RandomStreams(0)
    images = torch.cat([x for x, _ in data.batches("test", 100)])[: settings.chips.examples]
    seconds[1] += _forwards(analog, [x for x, _ in batches[: recipe.calibration_batches]])
    start = time.process_time()
    with torch.no_grad():
        for chip in range(settings.chips.n):
            program(analog, generator=streams.torch("chip", chip))
            for t in (0.0, *map(float, settings.chips.times)):
                at_time(analog, t)
                for first in range(0, len(images), settings.chips.batch_size):
                    analog(images[first : first + settings.chips.batch_size])
    seconds.append(time.process_time() - start)
    return seconds


def _forwards(network, inputs):
    start = time.process_time()
    with torch.no_grad():
        for x in inputs:
            network(x)
    return time.process_time() - start


def _steps(network, batches, recipe, after=None):
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    start = time.process_time()
    for _ in range(recipe.epochs):
        for x, y in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
            if after is not None:
                after(network)
    return time.process_time() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=("queue", "workers", "split"))
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    if chosen.only in (None, "queue"):
        queue(20 if chosen.quick else chosen.units)
    if chosen.only in (None, "workers"):
        workers(0.05 if chosen.quick else 1.0)
    if chosen.only in (None, "split"):
        split(200, repeats=1) if chosen.quick else split()
