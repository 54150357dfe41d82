"""What a search returns, judged by measurements that it was never shown.

The best of many noisy readings is lucky. Here the cells are those of AnalogNAS-Bench's isomorphism classes with at least
three members (767 classes, 9,343 cells). One random member of each class is hidden from the search, so that the search
cannot profit from its luck. The score of a search is the reading of the hidden member of its winner's class. It has no
selection bias: its mean is that of the winner's true value.

Run ``python benchmarks/true_value_search.py --out true.jsonl``; a split and a seed for each number from 0, in turn for
all optimizers. Finished runs are lines of the file and are not made again. For each run, the score is that of two winners:
the architecture with the best reading, and the one that a search returns, with the best estimate
(:mod:`analognas.search.results.estimated_values`). Two oracles know all readings but the hidden ones. Hyperparameters were
chosen on splits 1000 and up.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from analognas.evaluators import Evaluation, TableEvaluator
from analognas.optimizers import OPTIMIZERS
from analognas.search import Worker
from analognas.search.results.estimated_values import estimated_values
from analognas.spaces import restricted
from analognas.tables import AnalogNASBench

QUERIES = (100, 200, 500)
GOALS = (87.95, 88.15, 88.30)
METRIC = "analog_drift_2592000"
LEAST_MEMBERS = 3
COMPARED = (
    "bayesian",
    "predictor_guided",
    "regularized_evolution",
    "local_search",
    "random_search",
    "optuna_tpe",
    "optuna_gp",
)
OPTIONS = {
    "analognas_ea": {"max_nb_param": None, "T_AVM": None},
    "optuna_tpe": {"sampler": "tpe"},
    "optuna_gp": {"sampler": "gp"},
}
# Optuna's Gaussian process takes 0.2 s per query, and more with each.
MOST_QUERIES = {"optuna_gp": 100}


class HiddenMembers:
    """A split of the cells into visible ones and a hidden one of each class.

    Args:
        table: The table.
        seed: Seed of the split.
    """

    def __init__(self, table, seed):
        space = table.space
        every = space.every()
        values = table.query(every, METRIC)[METRIC]
        classes = space.isomorphism_class(every)
        cells = np.flatnonzero((np.bincount(classes) >= LEAST_MEMBERS)[classes])
        order = np.random.default_rng(seed).permutation(cells)
        hidden = order[np.unique(classes[order], return_index=True)[1]]
        self.values, self.classes, self.whole = values, classes, space
        self.visible = np.setdiff1d(cells, hidden)
        self.reading_of = dict(zip(classes[hidden].tolist(), values[hidden].tolist(), strict=True))
        self.space = restricted(space, every[self.visible])

    def class_of(self, row):
        """Isomorphism class of an architecture."""
        return int(self.classes[self.whole.codes(row[None])[0]])

    def score(self, row):
        """Reading of the hidden member of an architecture's class."""
        return self.reading_of[self.class_of(row)]

    def oracles(self):
        """Scores of the class with the best mean of visible readings, and of the class of the best reading."""
        values, classes = self.values[self.visible], self.classes[self.visible]
        n = np.bincount(classes, minlength=self.classes.max() + 1)
        means = np.bincount(classes, values, minlength=len(n)) / np.maximum(n, 1)
        return (
            self.reading_of[int(np.where(n > 0, means, -np.inf).argmax())],
            self.reading_of[int(classes[values.argmax()])],
        )


class VisibleTable(TableEvaluator):
    """The table, of which only some cells exist."""

    def __init__(self, table, space):
        super().__init__(table)
        self.space = space

    def evaluate(self, population, metrics):
        """Look up visible cells."""
        columns = self.table.query(population, metrics)
        spread = [name for name in metrics if name in self.metrics_with_sem]
        return Evaluation(columns, self.table.standard_errors(population, spread))


def winner_by_estimate(split, population, readings):
    """The architecture with the best estimate."""
    found = estimated_values(split.space, population, readings, 1.0)
    return population[np.lexsort((-readings, -np.round(found.estimates, 9)))[0]]


def made(name):
    """An optimizer by name; those of Optuna by the name of their sampler."""
    return OPTIMIZERS.get(name.split("_")[0] if name.startswith("optuna") else name)(
        **OPTIONS.get(name, {})
    )


def one_run(name, seed, table):
    """Search once; scores after each of QUERIES."""
    split = HiddenMembers(table, seed)
    start = time.process_time()
    queries = [n for n in QUERIES if n <= MOST_QUERIES.get(name, max(QUERIES))]
    worker = Worker(
        optimizer=made(name),
        evaluator=VisibleTable(table, split.space),
        objectives=METRIC,
        runs=1,
        budget=max(queries),
        seed=seed,
    )
    run = worker.search().runs[0]
    seconds = time.process_time() - start
    population, readings = run.population[run.new], run.score[run.new]
    by_reading, by_estimate, best = [], [], []
    for n in queries:
        rows, values = population[:n], readings[:n]
        by_reading.append(split.score(rows[values.argmax()]))
        by_estimate.append(split.score(winner_by_estimate(split, rows, values)))
        best.append(float(values.max()))
    return {
        "optimizer": name,
        "hyperparameters": worker.optimizer.hyperparameters(),
        "seed": seed,
        "by_reading": by_reading,
        "by_estimate": by_estimate,
        "best_reading": best,
        "oracles": split.oracles(),
        "cpu_seconds": round(seconds, 2),
    }


def known_runs(path):
    """Runs that the file holds."""
    lines = path.read_text().splitlines() if path.exists() else []
    runs = [json.loads(line) for line in lines if line.endswith("}")]
    return {(run["optimizer"], run["seed"]): run for run in runs}


def show(runs, names, seeds):
    """Print a line for each optimizer and winner."""
    print("hidden reading of the winner's class, mean ± standard error")
    heads = [*map(str, QUERIES), "splits", "CPU s"]
    print(f"{'queries':<36}" + "".join(f"{head:>15}" for head in heads))
    print(f"{'goal':<36}" + "".join(f"{goal:>15.2f}" for goal in GOALS))
    for name in names:
        chosen = [runs[name, seed] for seed in seeds if (name, seed) in runs]
        if len(chosen) < 2:
            continue
        for key in ("by_estimate", "by_reading"):
            scores = np.array([run[key] for run in chosen])
            cells = [*map(_text, scores.T), *[""] * (len(QUERIES) - scores.shape[1])]
            cpu = np.mean([run["cpu_seconds"] for run in chosen])
            print(
                f"{name + ', ' + key.replace('_', ' '):<36}" + "".join(f"{c:>15}" for c in cells),
                end="",
            )
            print(f"{len(chosen):>15}{cpu:>15.2f}")
    splits = {run["seed"]: run["oracles"] for run in runs.values() if run["seed"] in seeds}
    means, best = np.array([*splits.values()]).T
    print(f"{'oracle, best class mean':<36}{_text(means):>15}{'':>30}{len(means):>15}")
    print(f"{'oracle, class of the best reading':<36}{_text(best):>15}{'':>30}{len(best):>15}")


def _text(values):
    return f"{values.mean():.2f} ± {values.std(ddof=1) / np.sqrt(len(values)):.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--optimizers", nargs="+", default=COMPARED)
    parser.add_argument("--out", type=Path, default=Path("true.jsonl"))
    arguments = parser.parse_args()
    table = AnalogNASBench()
    runs = known_runs(arguments.out)
    seeds = range(arguments.first, arguments.first + arguments.splits)
    with arguments.out.open("a") as file:
        for seed in seeds:
            for name in arguments.optimizers:
                if (name, seed) not in runs:
                    runs[name, seed] = one_run(name, seed, table)
                    file.write(json.dumps(runs[name, seed]) + "\n")
                    file.flush()
    show(runs, arguments.optimizers, seeds)


if __name__ == "__main__":
    main()
