"""What a prior saves: queries of a search on one metric of AnalogNAS-Bench that knows another metric's table.

The search improves accuracy after a month on noisy chips (``noisy_drift_2592000``). Its prior is accuracy after a day on
chips without that noise (``analog_drift_86400``). As in ``true_value_search.py``, the score has no selection bias: half of
the members of each isomorphism class are hidden from the search and from the prior, and the score is the mean of the
hidden readings of the winner's class. The winner is the architecture with the best estimate.

An unrelated prior must do no harm: it is the same table with its results shuffled.

Run ``python benchmarks/prior_search.py --out prior.jsonl``; a split and a seed for each number from 0. Finished runs are
lines of the file and are not made again.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from true_value_search import HiddenMembers, VisibleTable, known_runs, winner_by_estimate

from analognas.optimizers import BayesianOptimizer
from analognas.search import Search
from analognas.spaces import restricted
from analognas.tables import AnalogNASBench

METRIC = "noisy_drift_2592000"
PRIOR = "analog_drift_86400"
PRIORS = ("none", PRIOR, "shuffled")
QUERIES = (20, 25, 30, 40, 50, 60, 80, 100, 120, 140, 160, 180, 200)
DRAWS = 2000


class HalfHidden(HiddenMembers):
    """A split in which half of the members of each class are hidden."""

    def __init__(self, table, seed):
        super().__init__(table, seed)
        space, every = table.space, table.space.every()
        values = table.query(every, METRIC)[METRIC]
        cells = np.flatnonzero((np.bincount(self.classes) >= 3)[self.classes])
        order = np.random.default_rng(seed).permutation(cells)
        ranks = np.empty(len(order), dtype=int)
        by_class = np.argsort(self.classes[order], kind="stable")
        labels, starts, sizes = np.unique(
            self.classes[order][by_class], return_index=True, return_counts=True
        )
        ranks[by_class] = np.arange(len(order)) - np.repeat(starts, sizes)
        half = np.repeat(sizes // 2, sizes)
        of_cell = np.empty(len(order), dtype=int)
        of_cell[by_class] = half
        hidden = order[ranks < of_cell]
        self.visible = np.sort(order[ranks >= of_cell])
        n = np.bincount(self.classes[hidden], minlength=len(np.bincount(self.classes)))
        sums = np.bincount(self.classes[hidden], values[hidden], minlength=len(n))
        self.reading_of = {int(label): sums[label] / n[label] for label in labels}
        self.space = restricted(space, every[self.visible])


def prior_entry(table, split, prior, seed):
    """The prior as settings take it, of visible cells only."""
    if prior == "none":
        return None
    rows = split.space.every()
    values = table.query(rows, PRIOR)[PRIOR]
    if prior == "shuffled":
        values = np.random.default_rng(seed).permutation(values)
    return {"genotypes": rows.tolist(), "values": {PRIOR: values.tolist()}}


def one_run(prior, seed, table):
    """Search once; score and best reading after each of QUERIES."""
    split = HalfHidden(table, seed)
    start = time.process_time()
    search = Search(
        {
            "objectives": METRIC,
            "runs": 1,
            "budget": max(QUERIES),
            "seed": seed,
            "prior": prior_entry(table, split, prior, seed),
        },
        optimizer=BayesianOptimizer(),
        evaluator=VisibleTable(table, split.space),
    )
    run = search.run().runs[0]
    population, readings = run.population[run.new], run.score[run.new]
    return {
        "optimizer": prior,
        "seed": seed,
        "by_estimate": [
            split.score(winner_by_estimate(split, population[:n], readings[:n])) for n in QUERIES
        ],
        "best_reading": [float(readings[:n].max()) for n in QUERIES],
        "cpu_seconds": round(time.process_time() - start, 2),
    }


def queries_to(curve, quality):
    """Queries until a curve reaches a quality, by linear interpolation; NaN where it does not."""
    curve = np.maximum.accumulate(curve)
    if curve[-1] < quality:
        return np.nan
    at = int(np.argmax(curve >= quality))
    if at == 0:
        return float(QUERIES[0])
    share = (quality - curve[at - 1]) / (curve[at] - curve[at - 1])
    return QUERIES[at - 1] + share * (QUERIES[at] - QUERIES[at - 1])


def saved(runs, prior, seeds, key, queries):
    """Share of queries saved to the quality without a prior after ``queries``, with a bootstrap interval of seeds."""
    without, given = (
        np.array([runs[name, seed][key] for seed in seeds]) for name in ("none", prior)
    )
    generator = np.random.default_rng(0)
    at = QUERIES.index(queries)

    def share(chosen):
        quality = without[chosen].mean(axis=0)
        needed = queries_to(given[chosen].mean(axis=0), quality[at])
        reached = queries_to(quality, quality[at])
        return 1.0 - (needed if np.isfinite(needed) else max(QUERIES)) / reached

    draws = [share(generator.integers(len(seeds), size=len(seeds))) for _ in range(DRAWS)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return share(np.arange(len(seeds))), low, high


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--priors", nargs="+", default=PRIORS)
    parser.add_argument("--out", type=Path, default=Path("prior.jsonl"))
    arguments = parser.parse_args()
    table = AnalogNASBench()
    runs = known_runs(arguments.out)
    seeds = range(arguments.first, arguments.first + arguments.splits)
    with arguments.out.open("a") as file:
        for seed in seeds:
            for prior in arguments.priors:
                if (prior, seed) not in runs:
                    runs[prior, seed] = one_run(prior, seed, table)
                    file.write(json.dumps(runs[prior, seed]) + "\n")
                    file.flush()
    for key, text in (
        ("by_estimate", "hidden readings of the winner's class"),
        ("best_reading", "best reading"),
    ):
        print(f"{text}, mean ± standard error, {len(seeds)} splits")
        print(f"{'queries':<22}" + "".join(f"{n:>15}" for n in QUERIES))
        for prior in arguments.priors:
            scores = np.array([runs[prior, seed][key] for seed in seeds])
            errors = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))
            cells = [f"{m:.2f} ± {e:.2f}" for m, e in zip(scores.mean(axis=0), errors, strict=True)]
            print(f"{prior:<22}" + "".join(f"{cell:>15}" for cell in cells))
        for prior in arguments.priors:
            for queries in (100, 200):
                if prior != "none" and "none" in arguments.priors:
                    share, low, high = saved(runs, prior, seeds, key, queries)
                    print(
                        f"{prior}: saves {100 * share:.0f} % of the queries to the quality without a prior after "
                        f"{queries} (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"
                    )


if __name__ == "__main__":
    main()
