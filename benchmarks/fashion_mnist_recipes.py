"""Accuracy on Fashion-MNIST of every recipe, digital and on simulated chips, for several seeds.

A small CNN (``cnn-16``) is trained digitally; PTQ, QAT and hardware-aware training start from it. The digital
network put on chips as it is ("direct") and the hardware-aware one are then read a month after programming.
Each training is a run folder, so an interrupted benchmark goes on where it was; a finished one is read.

Run: python benchmarks/fashion_mnist_recipes.py fashion_mnist.npz [--seeds 0 1 2] [--out FOLDER]
The data: idx files of Fashion-MNIST in a folder, or an .npz file with train_x, train_y, test_x, test_y.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from analognas.core import RandomStreams, write_json
from analognas.data import DataSet, load_data
from analognas.models import build_model
from analognas.nn import at_time, calibrate, program, run_chips, to_analog
from analognas.training import (
    DigitalRecipe,
    HWARecipe,
    ModelRecord,
    OptimizerSettings,
    PTQRecipe,
    QATRecipe,
    Recipe,
    Trainer,
    TrainingResult,
)

MODEL = "cnn-16"
RECIPES: tuple[Recipe, ...] = (
    DigitalRecipe(epochs=8, augment=False, optimizer=OptimizerSettings(lr=0.1)),
    PTQRecipe(),
    QATRecipe(epochs=1, augment=False),
    HWARecipe(epochs=6, augment=False, ramp=1.0, optimizer=OptimizerSettings(lr=0.05)),
)
TIMES = {"programmed": 0.0, "1 month": 2592000.0}
N_CHIPS, N_IMAGES = 5, 2000


def trained(
    recipe: Recipe, network: torch.nn.Module, data: DataSet, seed: int, out: Path
) -> TrainingResult:
    """Train, go on, or read what is there."""
    record = ModelRecord(model=MODEL)
    return Trainer(network, data, recipe, seed=seed, out=out, record=record).fit(resume=True)


def on_chips(model: torch.nn.Module, data: DataSet, seed: int) -> dict[str, list[float]]:
    """Accuracy of each chip at each time, percent."""
    inputs, targets = next(data.batches("test", N_IMAGES))
    program(model.eval(), generator=RandomStreams(seed).torch("chips"), chips=N_CHIPS)
    accuracies = {}
    for name, t in TIMES.items():
        at_time(model, t)
        hits = torch.cat(
            [
                run_chips(model, x).argmax(-1) == y
                for x, y in zip(inputs.split(200), targets.split(200), strict=True)
            ],
            dim=1,
        )
        accuracies[name] = (100.0 * hits.float().mean(1)).tolist()
    return accuracies


def one_seed(data: DataSet, seed: int, out: Path) -> dict[str, object]:
    """Train all recipes and put the digital and the hardware-aware network on chips."""
    start = time.process_time()
    generator = RandomStreams(seed).torch("model")
    network = build_model(
        MODEL, input_shape=data.input_shape, n_classes=data.n_classes, generator=generator
    )
    results, seconds = {}, {}
    for recipe in RECIPES:
        began = time.process_time()
        result = trained(recipe, copy.deepcopy(network), data, seed, out / recipe.kind)
        results[recipe.kind] = result
        seconds[recipe.kind] = round(time.process_time() - began, 1)
        network = result.model if recipe.kind == "digital" else network
    direct = to_analog(network, RECIPES[-1].analog)  # type: ignore[attr-defined]
    calibrate(direct, [x for x, _ in list(data.batches("validation", 200))[:8]])
    return {
        "test_accuracy": {kind: r.metrics["test_accuracy"] for kind, r in results.items()},
        "direct": on_chips(direct, data, seed),
        "hwa": on_chips(results["hwa"].model, data, seed),
        "cpu_seconds": seconds | {"all": round(time.process_time() - start, 1)},
    }


def main() -> None:
    """Do the seeds that are missing and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("fashion-mnist-recipes"))
    parser.add_argument("--train", type=int, help="training examples; all 54,000 if not given")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    data = (
        load_data("npz", root=options.root, augment=True)
        if options.root.suffix == ".npz"
        else load_data("fashion-mnist", root=options.root)
    )
    data = data.subset(train=options.train) if options.train else data
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    for seed in options.seeds:
        if str(seed) not in results:
            results[str(seed)] = one_seed(data, seed, options.out / f"seed-{seed}")
            write_json(file, results)
    rows = [results[str(seed)] for seed in options.seeds]
    for kind in ("digital", "ptq", "qat", "hwa"):
        show(f"{kind}, test", [row["test_accuracy"][kind] for row in rows])
    for kind in ("direct", "hwa"):
        for name in TIMES:
            show(f"{kind}, {name}", [statistics.mean(row[kind][name]) for row in rows])
    show("CPU seconds", [row["cpu_seconds"]["all"] for row in rows])


def show(name: str, values: list[float]) -> None:
    """Print one line: the seeds, their mean and standard deviation."""
    spread = f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    shown = " ".join(f"{value:.2f}" for value in values)
    print(f"{name:<18}{statistics.mean(values):.2f}{spread}   ({shown})")


if __name__ == "__main__":
    main()
