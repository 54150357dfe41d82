"""How good the winner of a noisy search really is, how often its interval holds, and whether its rivals hold the best.

Readings of the AnalogNAS-Bench table scatter by its ``_std``; the table's value is the truth. Run
``python benchmarks/noisy_search.py --out noisy.jsonl``; seeds 0-99. Every finished run is one line of the file, and a run
that is there is not made again. The share of re-readings and the prior's width were chosen on seeds 1000 and up
(``--first-seed 1000 --shares 0.1 0.2 0.3 0.5``).
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from analognas.evaluators import NoisyTableEvaluator
from analognas.optimizers import NoiseAware
from analognas.search import Worker

METRIC = "analog_drift_2592000"
BUDGETS = (100, 500)


def one_run(share, inner, budget, seed, evaluator):
    """Search once; what the largest reading and the estimate name as winner, and what the result says of it."""
    worker = Worker(
        optimizer=NoiseAware(inner, share=share),
        evaluator=evaluator,
        objectives=METRIC,
        runs=1,
        budget=budget,
        seed=seed,
    )
    start = time.process_time()
    result = worker.search()
    seconds = time.process_time() - start
    run = result.runs[0]
    truth = evaluator.table.query(run.population, METRIC)[METRIC]
    luckiest = int(run.evaluation.means[METRIC].argmax())
    compared = result.comparison
    named = [
        result.winners[0]["architecture"],
        *(rival["architecture"] for rival in compared.rivals),
    ]
    held = evaluator.table.query([tuple(cell) for cell in named], METRIC)[METRIC]
    return {
        "share": share,
        "inner": inner,
        "budget": budget,
        "seed": seed,
        "true": float(held[0]),
        "estimate": compared.winner.estimate,
        "low": compared.winner.low,
        "high": compared.winner.high,
        "readings": compared.winner.n_readings,
        "rivals": compared.n_rivals,
        "holds_best": bool(held.max() >= truth.max()),
        "luckiest_true": float(truth[luckiest]),
        "luckiest_reading": float(run.evaluation.means[METRIC][luckiest]),
        "best_seen": float(truth.max()),
        "distinct": run.n_distinct,
        "cpu_seconds": round(seconds, 2),
    }


def key(run):
    """What identifies a run."""
    return run["share"], run["inner"], run["budget"], run["seed"]


def known_runs(path):
    """Runs that the file holds; a line that was cut is left out."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {key(run): run for run in (json.loads(line) for line in lines if line.endswith("}"))}


def mean(runs, column):
    """Mean and its standard error over runs."""
    values = np.array([run[column] for run in runs], dtype=float)
    return f"{values.mean():.3f} ± {values.std(ddof=1) / len(values) ** 0.5:.3f}"


def show(runs, budget, naive):
    """Print what the searches of one budget came to; ``naive`` are those without re-readings."""
    n = len(runs)
    claimed = [run["luckiest_reading"] - run["luckiest_true"] for run in runs]
    covered = sum(run["low"] <= run["true"] <= run["high"] for run in runs)
    by_seed = {run["seed"]: run for run in naive}
    gains = [
        run["true"] - by_seed[run["seed"]]["luckiest_true"]
        for run in runs
        if run["seed"] in by_seed
    ]
    print(f"share {runs[0]['share']:g} of {budget} readings, inside {runs[0]['inner']}, {n} seeds")
    print(
        f"  largest reading: true value {mean(runs, 'luckiest_true')}, claims {np.mean(claimed):.2f} more"
    )
    print(
        f"  estimate:        true value {mean(runs, 'true')}, of the best seen {mean(runs, 'best_seen')}"
    )
    if len(gains) > 1:
        error = np.std(gains, ddof=1) / len(gains) ** 0.5
        print(
            f"  over the largest reading without re-readings: {np.mean(gains):+.3f} ± {error:.3f} (paired)"
        )
    width = np.mean([run["high"] - run["low"] for run in runs])
    print(f"  interval holds {covered} of {n}, mean width {width:.2f}; "
          f"winner and rivals hold the best seen {sum(run['holds_best'] for run in runs)} of {n}, "
          f"{np.mean([run['rivals'] for run in runs]):.1f} rivals; "
          f"{np.mean([run['distinct'] for run in runs]):.0f} distinct; "
          f"{np.mean([run['cpu_seconds'] for run in runs]):.2f} s CPU")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, NoiseAware().share])
    parser.add_argument("--inner", nargs="+", default=["regularized_evolution"])
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)
    parser.add_argument("--out", type=Path, default=Path("noisy.jsonl"))
    arguments = parser.parse_args()
    evaluator = NoisyTableEvaluator()
    runs = known_runs(arguments.out)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    wanted = [
        (share, inner, budget)
        for inner in arguments.inner
        for budget in arguments.budgets
        for share in arguments.shares
    ]
    with arguments.out.open("a") as file:
        for seed in seeds:
            for setting in wanted:
                if (*setting, seed) not in runs:
                    run = one_run(*setting, seed, evaluator)
                    runs[key(run)] = run
                    file.write(json.dumps(run) + "\n")
                    file.flush()
    for share, inner, budget in wanted:
        naive = [
            runs[(0.0, inner, budget, seed)] for seed in seeds if (0.0, inner, budget, seed) in runs
        ]
        show([runs[(share, inner, budget, seed)] for seed in seeds], budget, naive)


if __name__ == "__main__":
    main()
