"""Drift curves on Fashion-MNIST: digital, PTQ, QAT, direct mapping with and without compensation, HWA.

Takes the networks that fashion_mnist_recipes.py leaves in its folder and follows simulated chips from one second
to one year, for several seeds. Every evaluation has a journal, so an interrupted benchmark goes on where it was.

Run: python benchmarks/fashion_mnist_recipes.py fashion_mnist.npz --out RUNS
     python benchmarks/fashion_mnist_drift.py fashion_mnist.npz RUNS [--out FOLDER] [--chips 25]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from analognas.core import write_json
from analognas.data import DataSet, load_data
from analognas.drift import (
    MONTH,
    TIMES,
    DriftEvaluator,
    DriftResult,
    difference_of,
    direct_mapping,
)
from analognas.drift.intervals import t_quantile
from analognas.nn import analog_layers
from analognas.report import save_figure
from analognas.report.drift_curves import drift_curves, time_name
from analognas.training import load_model

NAMES = ("hwa", "direct", "direct_uncompensated")


def one_seed(
    data: DataSet, runs: Path, out: Path, seed: int, options: argparse.Namespace
) -> tuple[dict[str, DriftResult], dict[str, float]]:
    """Evaluate the networks of one seed; go on from its journals."""
    networks = {kind: load_model(runs / kind)[0] for kind in ("digital", "ptq", "qat", "hwa")}
    _, layer = next(iter(analog_layers(networks["hwa"])))
    chips = {
        "hwa": networks["hwa"],
        "direct": direct_mapping(networks["digital"], data, layer.config),
        "direct_uncompensated": direct_mapping(
            networks["digital"], data, layer.config, compensation=False
        ),
    }
    evaluator = DriftEvaluator(
        TIMES, options.chips, tolerance=options.tolerance, max_chips=options.max_chips, seed=seed
    )
    examples = evaluator.examples(data)
    out.mkdir(parents=True, exist_ok=True)
    results = {}
    for name, model in chips.items():
        start = time.process_time()
        results[name] = evaluator.evaluate(
            model,
            examples,
            reference=networks["digital"],
            journal=out / f"{name}.safetensors",
        )
        spent = time.process_time() - start
        print(
            f"seed {seed}, {name}: {results[name].n_scored:,} forwards, {spent:.0f} s", flush=True
        )
    metric = examples.task.metric
    digital = {
        kind: metric(float(examples.scores(networks[kind]).mean()))
        for kind in ("digital", "ptq", "qat")
    }
    return results, digital


def table(results: dict[int, dict[str, DriftResult]], digital: dict[int, dict[str, float]]) -> str:
    """Return a Markdown table: each seed with its interval over chips, and the mean of the seeds with theirs."""
    lines = [
        "| network | seed | " + " | ".join(time_name(t) for t in TIMES) + " | lost in a month |",
        "|---" * (len(TIMES) + 3) + "|",
    ]
    for kind in next(iter(digital.values())):
        values = [row[kind] for row in digital.values()]
        shown = ", ".join(f"{value:.2f}" for value in values)
        lines.append(f"| {kind} | mean of {shown} | {over_seeds(values)} |" + " |" * len(TIMES))
    for name in NAMES:
        for seed, row in results.items():
            found = [row[name].at(t) for t in TIMES] + [row[name].avm()]
            cells = " | ".join(f"{x.value:.2f} ± {x.half_width:.2f}" for x in found)
            lines.append(f"| {name} | {seed} | {cells} |")
        curves = [[row[name].at(t).value for row in results.values()] for t in TIMES]
        curves.append([row[name].avm().value for row in results.values()])
        lines.append(f"| {name} | mean | " + " | ".join(map(over_seeds, curves)) + " |")
    return "\n".join(lines)


def over_seeds(values: list[float]) -> str:
    """Return the mean and, of several seeds, half the length of its 95 % t interval."""
    mean = f"{statistics.mean(values):.2f}"
    if len(values) < 2:
        return mean
    error = statistics.stdev(values) / len(values) ** 0.5
    return f"{mean} ± {t_quantile(0.95, len(values) - 1) * error:.2f}"


def main() -> None:
    """Do what is missing; print the table and the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="the data: a folder of idx files, or an .npz file")
    parser.add_argument("runs", type=Path, help="folder of fashion_mnist_recipes.py")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--chips", type=int, default=25)
    parser.add_argument("--tolerance", type=float)
    parser.add_argument("--max-chips", type=int, default=200)
    parser.add_argument("--examples", type=int, help="test examples; all 10,000 if not given")
    parser.add_argument("--out", type=Path, default=Path("fashion-mnist-drift"))
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    data = (
        load_data("npz", root=options.root, augment=True)
        if options.root.suffix == ".npz"
        else load_data("fashion-mnist", root=options.root)
    )
    data = data.subset(test=options.examples) if options.examples else data
    found: dict[int, dict[str, DriftResult]] = {}
    digital: dict[int, dict[str, float]] = {}
    for seed in options.seeds:
        folder = options.out / f"seed-{seed}"
        results, plain = one_seed(data, options.runs / f"seed-{seed}", folder, seed, options)
        found[seed], digital[seed] = results, plain
        lines = {kind.upper(): plain[kind] for kind in ("ptq", "qat")}
        save_figure(
            drift_curves(results, title=f"Fashion-MNIST, seed {seed}", lines=lines),
            folder / "drift.png",
        )
        month = difference_of(results["hwa"], results["direct"], MONTH)
        apart = not results["hwa"].at(MONTH).overlaps(results["direct"].at(MONTH))
        print(f"seed {seed}, HWA minus direct after a month: {month}; intervals apart: {apart}")
    payload = {
        str(seed): {"digital": digital[seed], **{name: r.to_dict() for name, r in results.items()}}
        for seed, results in found.items()
    }
    write_json(options.out / "results.json", payload)
    print(table(found, digital))


if __name__ == "__main__":
    main()
