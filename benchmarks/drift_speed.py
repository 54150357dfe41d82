"""Drift evaluation as a multiple of FP32 forwards, what the evaluator adds to them, and adaptive mode.

Process CPU time, medians of interleaved calls after warm-up. An evaluation of K chips, T times and N examples
is K programmings, K x T moves in time and K x T x N forwards of one example; each is measured on its own, and
by default put together for 25 x 6 x 2,000 from one chip at two times. `--full` runs all of it instead.

Adaptive mode is compared by what it spends on score matrices of made-up chips, whose spread is known, or with
`--checkpoint` on a saved analog network.

Run: python benchmarks/drift_speed.py [--network wrn] [--images 64] [--repeats 5] [--full]
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from nn_networks import NETWORKS
from timing import cpu_seconds, interleaved
from torch import nn

from analognas.core import RandomStreams
from analognas.data import load_data
from analognas.drift import TIMES, DriftEvaluator, Examples
from analognas.drift.adaptive import CHIP_COST, AdaptiveSampler
from analognas.nn import at_time, calibrate, get_config, program, to_analog
from analognas.training import load_model

CHIPS, IMAGES = 25, 2000


def speed(name: str, images: int, batch_size: int, repeats: int, full: bool) -> None:
    """Print the cost of an evaluation in units of FP32 forwards of the same number of examples."""
    make, shape, n_classes = NETWORKS[name]
    torch.manual_seed(0)
    base = make().eval()
    images = IMAGES if full else images
    x, y = torch.randn(images, *shape[1:]), torch.randint(n_classes, (images,))
    model = calibrate(to_analog(base, get_config("analognasbench")), [x[:64]]).eval()
    examples = Examples((x, y), batch_size=batch_size)
    streams = RandomStreams(0)
    two = (1.0, 86400.0)
    chips, times = (CHIPS, TIMES) if full else (1, two)
    evaluator = DriftEvaluator(times, chips, batch_size=batch_size)

    def bare() -> None:
        for k in range(chips):
            program(model, generator=streams.torch("chip", k))
            for t in times:
                at_time(model, t)
                forwards(model)

    def forwards(network: nn.Module) -> None:
        with torch.no_grad():
            for start in range(0, images, batch_size):
                network(x[start : start + batch_size])

    calls = {
        "FP32 forwards": lambda: forwards(base),
        "chip forwards": lambda: forwards(model),
        "program": lambda: program(model, generator=streams.torch("p")),
        "move in time": lambda: at_time(model, 86400.0),
        "chips, bare": bare,
        "DriftEvaluator": lambda: evaluator.evaluate(model, examples),
    }
    program(model, generator=streams.torch("p"))
    if not full:
        for call in calls.values():
            call()
    seconds = interleaved(
        [lambda f=f: cpu_seconds(f) for f in calls.values()], 1 if full else repeats
    )
    found = dict(zip(calls, seconds, strict=True))
    fp32 = found["FP32 forwards"] / images
    for label, value in found.items():
        print(f"{name:<5} {label:<16} {1e3 * value:10.1f} ms  {value / fp32:9.1f} FP32 forwards")
    n_forwards = chips * len(times) * images
    # One digital pass belongs to the evaluator, whatever the number of chips and times.
    overhead = found["DriftEvaluator"] - found["chips, bare"] - found["FP32 forwards"]
    whole = found["chips, bare"] * CHIPS * len(TIMES) * IMAGES / n_forwards
    print(
        f"{name:<5} evaluator beyond bare chips and one digital pass: {1e3 * overhead:.0f} ms, "
        f"{100 * overhead / whole:.2f} % of the full evaluation where it is spent once"
    )
    work = found["chip forwards"] / images * CHIPS * len(TIMES) * IMAGES
    work += CHIPS * (found["program"] + len(TIMES) * found["move in time"]) + IMAGES * fp32
    if full:
        work = found["DriftEvaluator"]
    ratio = work / (fp32 * CHIPS * len(TIMES) * IMAGES)
    kind = "measured" if full else f"put together from {n_forwards} forwards"
    print(f"{name:<5} 25 chips x 6 times x 2,000 examples: {ratio:.2f} x FP32 ({kind})")


def adaptive(tolerance: float, repeats: int) -> None:
    """Print what adaptive mode spends on made-up chips of several spreads."""
    print(f"\nadaptive, half-width {tolerance} points, against {CHIPS} chips x {IMAGES:,} examples")
    for spread in (0.25, 0.5, 1.0, 1.5):
        rng = np.random.default_rng(0)
        margins = rng.normal(1.41, 1.0, IMAGES)
        classes = rng.integers(10, size=IMAGES)
        own, common = rng.normal(size=(400, IMAGES)), 0.1 * rng.normal(size=(400, 10))
        logits = margins - 0.05 + 0.1 * spread * rng.normal(size=(400, IMAGES))
        logits += spread * (0.16 * own + common[:, classes])
        scores = (logits > 0.0).astype(float)
        chip_std = 100.0 * scores.mean(1).std()
        spent, chips, off = [], [], []
        for seed in range(repeats):
            sampler, n = _simulate(margins, scores, seed, tolerance / 100.0)
            spent.append(n + CHIP_COST * sampler.n_chips)
            chips.append(sampler.n_chips)
            off.append(100.0 * abs(sampler.means.mean() - scores.mean()))
        work = CHIPS * (IMAGES + CHIP_COST)
        needed = max((1.96 * chip_std / tolerance) ** 2, 2.0) * (IMAGES + CHIP_COST)
        print(
            f"chip std {chip_std:4.2f} points: {np.mean(chips):5.1f} chips, "
            f"{work / np.mean(spent):5.1f} x cheaper than 25 chips, "
            f"{needed / np.mean(spent):5.1f} x than all examples to the same interval; "
            f"mean error {np.mean(off):.3f}"
        )


def _simulate(
    margins: np.ndarray, scores: np.ndarray, seed: int, tolerance: float
) -> tuple[AdaptiveSampler, int]:
    rng = np.random.default_rng(seed)
    digital, n = (margins > 0).astype(float), 0
    sampler = AdaptiveSampler(digital, margins, digital, 1, confidence=0.95)
    while (step := sampler.next(np.array([tolerance]), rng)) and sampler.n_chips < 200:
        answer = scores[rng.integers(len(scores))][step.sample.indices]
        n += len(answer)
        sampler.add(step, answer[:, None])
    return sampler, n


def of_checkpoint(path: str, root: str | None, tolerance: float) -> None:
    """Print what both modes spend on a saved analog network."""
    model, record = load_model(path)
    data = load_data(record.data["name"], root=root or record.data.get("root"))
    data = data.subset(test=min(IMAGES, len(data.test)))
    for asked in (None, tolerance):
        evaluator = DriftEvaluator(TIMES, CHIPS, tolerance=asked)
        results = []
        spent = cpu_seconds(lambda e=evaluator, r=results: r.append(e.evaluate(model, data)))
        print(
            f"\ntolerance {asked}: {results[0].n_scored:,} forwards, {spent:.0f} s CPU\n{results[0]}"
        )


def main() -> None:
    """Print everything that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="wrn", choices=list(NETWORKS))
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tolerance", type=float, default=0.25)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--checkpoint")
    parser.add_argument("--root")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.checkpoint:
        of_checkpoint(arguments.checkpoint, arguments.root, arguments.tolerance)
        return
    speed(
        arguments.network,
        arguments.images,
        arguments.batch_size,
        arguments.repeats,
        arguments.full,
    )
    adaptive(arguments.tolerance, 20)


if __name__ == "__main__":
    main()
