"""Errors of cost predictors on HW-NAS-Bench's devices, fitted to a part of the cells and tested on all others.

For each device and number of measurements: the model that cross-validation chose most often, its cross-validated
errors, and those on every cell that was measured but not shown, means over seeds.

Run: python benchmarks/cost_predictor_quality.py [TABLE], by default on the table that was added with
``analognas data add hw-nas-bench FILE``.
"""

from __future__ import annotations

import statistics
import sys

import numpy as np

from analognas.evaluators import CostPredictor
from analognas.evaluators.cost_validation import errors
from analognas.tables import HWNASBench

SIZES = (50, 100, 300, 1000)
SEEDS = (0, 1, 2)
LEAST = 1500
"""Cells that must be measured, so that enough are left to test on."""


def main() -> None:
    """Print one line for each device and size."""
    bench = HWNASBench(sys.argv[1] if len(sys.argv) > 1 else None)
    cells = bench.space.every()
    print("metric, n: model | RMSE, median error %, MAPE %, tau: cross-validated | on all others")
    for metric in bench.metrics[:-1]:
        values = bench.query(cells, metric, "cifar10")[metric]
        known = np.flatnonzero(~np.isnan(values))
        if len(known) < LEAST:
            continue
        for n in SIZES:
            rows, models = [], []
            for seed in SEEDS:
                order = np.random.default_rng(seed).permutation(known)
                fitted, others = order[:n], order[n:]
                predictor = CostPredictor(seed=seed)
                predictor.fit(cells[fitted], {metric: values[fitted]})
                found = predictor.cross_validation[metric]
                predictions = predictor.evaluate(cells[others], [metric]).means[metric]
                tested = errors(values[others], predictions)
                keys = ("rmse", "median_ape", "mape", "kendall_tau")
                rows.append([*(getattr(found, key) for key in keys), *map(tested.get, keys)])
                models.append(f"{found.model} on {found.encoding}")
            means = [statistics.mean(column) for column in zip(*rows, strict=True)]
            text = "{:.3g} {:.2f} {:.1f} {:.3f} | {:.3g} {:.2f} {:.1f} {:.3f}".format(*means)
            print(f"{metric}, {n}: {statistics.mode(models)} | {text}", flush=True)


if __name__ == "__main__":
    main()
