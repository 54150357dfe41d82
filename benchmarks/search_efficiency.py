"""How good a cell each optimizer finds after n distinct queries of the AnalogNAS-Bench table.

Run ``python benchmarks/search_efficiency.py``; seeds 0-99, as the marks were measured. Hyperparameters were chosen on
seeds 1000 and up (``--first-seed 1000``).
"""

import argparse

import numpy as np

from analognas.evaluators import TableEvaluator
from analognas.optimizers import RandomSearch, RegularizedEvolution
from analognas.worker import Worker

METRIC = "analog_drift_2592000"
QUERIES = (50, 100, 200, 500)
# Regularized evolution P=30 S=10, 100 seeds; no spread was given for the first.
PUBLISHED = {"mean": (88.60, 89.29, 89.63, 89.89), "std": (np.nan, 0.58, 0.31, 0.20)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    evaluator = TableEvaluator()
    table = evaluator.table
    n = arguments.seeds
    print(
        f"{METRIC}: mean best ± standard error over {n} seeds; class: mean of the winner's isomorphism class"
    )
    print(f"{'queries':<24}" + "".join(f"{queries:>18}" for queries in QUERIES) + f"{'class':>8}")
    print(f"{'published evolution':<24}" + "".join(f"{mean:>18.2f}" for mean in PUBLISHED["mean"]))
    for optimizer in (RegularizedEvolution(), RandomSearch()):
        curves, groups = [], []
        for seed in range(arguments.first_seed, arguments.first_seed + n):
            worker = Worker(
                optimizer=optimizer, evaluator=evaluator, runs=1, budget=max(QUERIES), seed=seed
            )
            curves.append(worker.search().convergence()[0])
            groups.append(
                np.mean(table.query(table.isomorphic(worker.best_config), METRIC)[METRIC])
            )
        best = np.stack(curves)[:, np.array(QUERIES) - 1]
        cells = [
            f"{mean:.2f} ± {std / np.sqrt(n):.2f}"
            for mean, std in zip(best.mean(axis=0), best.std(axis=0, ddof=1), strict=True)
        ]
        print(
            f"{optimizer.name:<24}"
            + "".join(f"{cell:>18}" for cell in cells)
            + f"{np.mean(groups):>8.2f}"
        )


if __name__ == "__main__":
    main()
