"""Successive halving against measuring everything in full: accuracy found after equal cost.

Problem: the cells of NAS-Bench-201 with the accuracy of the AnalogNAS-Bench table as the truth, which is what the full
fidelity of 9 epochs reads. After e epochs a reading is the truth minus 2 points for each halving of the epochs, with an error
that is larger for fewer epochs and the same at every reading of a cell. These curves are made up: Kendall's tau
between a reading and the truth is printed. A training that continues costs the epochs that are added; one that starts
again costs all. Cost is in full trainings.

Run: python benchmarks/successive_halving.py [--seeds 100] [--cost 60]
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import kendalltau

from analognas.evaluators import Evaluation, Evaluator, Fidelity, TableEvaluator, normal_draws
from analognas.optimizers import Optimizer, RandomSearch, RegularizedEvolution, SuccessiveHalving
from analognas.search import Worker

METRIC = "baseline_accuracy"
FIDELITIES = (1.0, 3.0, 9.0)
SPREAD = {1.0: 2.0, 3.0: 1.0, 9.0: 0.0}
"""Standard deviation of a reading about its curve, percentage points, by epochs."""


class LearningCurves(Evaluator):
    """Made-up learning curves that end at the accuracies of the table."""

    def __init__(self) -> None:
        self.table = TableEvaluator()
        self.space = self.table.space

    @property
    def metrics(self):
        """The accuracy."""
        return [METRIC]

    @property
    def metrics_with_sem(self):
        """None."""
        return []

    @property
    def fidelity(self):
        """Epochs."""
        return Fidelity("epochs", FIDELITIES[-1])

    def evaluate(self, population, metrics):
        """Read the table."""
        return Evaluation({METRIC: self.table.evaluate(population, metrics).means[METRIC]})

    def evaluate_at(self, population, metrics, *, fidelities):
        """Read the curves."""
        truth = self.evaluate(population, metrics).means[METRIC]
        seeds = self.space.codes(population).astype(np.uint64)
        errors = np.array([SPREAD[at] for at in fidelities.tolist()])
        noise = np.empty(len(population))
        for at in set(fidelities.tolist()):
            rows = fidelities == at
            noise[rows] = normal_draws(seeds[rows], f"epochs {at}")
        return Evaluation({METRIC: truth - 2.0 * np.log2(9.0 / fidelities) + errors * noise})

    def identity(self):
        """What they are."""
        return {"curves": "made up"}

    def report(self, row):
        """Nothing more."""
        return {"metrics": {}}


def curve(optimizer: Optimizer, seed: int, grid, *, continues: bool):
    """Best accuracy in full after each cost, shape ``(len(grid),)``; NaN before the first."""
    budget = int(grid[-1] * (1 if not optimizer.fidelities else FIDELITIES[-1]))
    worker = Worker(
        optimizer=optimizer,
        evaluator=LearningCurves(),
        objectives=METRIC,
        runs=1,
        budget=budget,
        seed=seed,
    )
    run = worker.search().runs[0]
    values = run.evaluation.means[METRIC]
    at = run.evaluation.means.get("fidelity", np.full(len(values), FIDELITIES[-1]))
    cost = at.copy()
    if continues:
        lower = {FIDELITIES[rung]: FIDELITIES[rung - 1] for rung in range(1, len(FIDELITIES))}
        cost -= np.array(
            [lower.get(value, 0.0) if optimizer.fidelities else 0.0 for value in at.tolist()]
        )
    spent = np.cumsum(cost) / FIDELITIES[-1]
    best = np.maximum.accumulate(np.where(at == FIDELITIES[-1], values, -np.inf))
    found = best[np.maximum(spent.searchsorted(grid, side="right") - 1, 0)]
    return np.where((spent[0] <= grid) & np.isfinite(found), found, np.nan)


def main() -> None:
    """Print the accuracy found after each cost, and the cost at which halving finds what the others end with."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--cost", type=int, default=60, help="full trainings")
    options = parser.parse_args()
    curves = LearningCurves()
    sample = curves.space.sample(1000, generator=np.random.default_rng(0))
    truth = curves.evaluate(sample, [METRIC]).means[METRIC]
    for epochs in FIDELITIES[:-1]:
        read = curves.evaluate_at(sample, [METRIC], fidelities=np.full(len(sample), epochs)).means[
            METRIC
        ]
        print(f"{epochs:g} epochs: tau {kendalltau(truth, read)[0]:.2f}")
    grid = np.arange(1, options.cost + 1, dtype=float)
    shown = [cost for cost in (10, 20, 40, 60, 100) if cost <= options.cost]
    print("| mean best accuracy (%) after full trainings | " + " | ".join(map(str, shown)) + " |")
    kinds = {
        "random search in full": (lambda: RandomSearch(batch_size=1), False),
        "evolution in full": (lambda: RegularizedEvolution(batch_size=1), False),
        "successive halving, random": (lambda: _halving(RandomSearch(batch_size=1)), False),
        "... trainings continue": (lambda: _halving(RandomSearch(batch_size=1)), True),
        "successive halving, evolution": (
            lambda: _halving(RegularizedEvolution(batch_size=1)),
            False,
        ),
    }
    means = {}
    for name, (make, continues) in kinds.items():
        every = [curve(make(), seed, grid, continues=continues) for seed in range(options.seeds)]
        values = np.stack(every)
        means[name] = values.mean(axis=0)
        sems = values.std(axis=0, ddof=1) / np.sqrt(options.seeds)
        cells = [f"{means[name][cost - 1]:.2f} ± {sems[cost - 1]:.2f}" for cost in shown]
        print(f"| {name} | {' | '.join(cells)} |")
    target = means["random search in full"][-1]
    for name in list(kinds)[2:]:
        reached = np.flatnonzero(means[name] >= target)
        cost = f"{grid[reached[0]]:.0f}" if len(reached) else f"more than {options.cost}"
        print(
            f"{name} finds what random search in full finds with {options.cost} after {cost} full trainings"
        )


def _halving(inner: Optimizer) -> SuccessiveHalving:
    return SuccessiveHalving(inner, fidelities=FIDELITIES)


if __name__ == "__main__":
    main()
