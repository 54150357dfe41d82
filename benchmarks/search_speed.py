"""Evaluations per second of regularized evolution on the table, end to end, and the wall time of ``analognas search``.

Run ``python benchmarks/search_speed.py``. Beside it runs what a researcher writes by hand: evolution in plain Python on
dictionaries, one child at a time, no log, no checks; it counts repeated look-ups as evaluations, ours are all distinct.
"""

import random
import tempfile
from collections import deque
from pathlib import Path

import numpy as np
from timing import cpu_seconds, interleaved, process_seconds

from analognas.evaluators import Evaluation, TableEvaluator
from analognas.optimizers import RegularizedEvolution
from analognas.search import TrialLog, Worker

RUNS, BUDGET = 10, 5000
LOG_BATCH, LOG_TRIALS = 100, 100_000
METRIC = "analog_drift_2592000"


def plain_python(table, evaluations):
    """Regularized evolution P=30, S=10 as a short script would do it."""
    generator = random.Random(0)
    cells = list(table)
    queue = deque((cell, table[cell]) for cell in generator.sample(cells, 30))
    best = max(score for _, score in queue)
    for _ in range(evaluations - 30):
        parent = max(generator.sample(queue, 10), key=lambda entry: entry[1])[0]
        gene = generator.randrange(6)
        operation = generator.choice([value for value in range(5) if value != parent[gene]])
        child = (*parent[:gene], operation, *parent[gene + 1 :])
        score = table[child]
        best = max(best, score)
        queue.append((child, score))
        queue.popleft()
    return best


def log_seconds():
    """CPU seconds of writing batches into a log: two metrics and a standard error each trial."""
    generator = np.random.default_rng(0)
    rows = generator.integers(5, size=(LOG_BATCH, 6)).astype(np.int8)
    values = generator.random((3, LOG_BATCH))
    evaluation = Evaluation({METRIC: values[0], "params": values[1]}, {METRIC: values[2]})
    new = [True] * LOG_BATCH

    def write(folder):
        with TrialLog.create(Path(folder) / "log", {}, [METRIC, "params", f"{METRIC}_sem"]) as log:
            for first in range(0, LOG_TRIALS, LOG_BATCH):
                log.append(0, first, first // LOG_BATCH, rows, new, evaluation)

    with tempfile.TemporaryDirectory() as folder:
        return cpu_seconds(lambda: write(folder))


def main():
    evaluator = TableEvaluator()
    values = evaluator.table.query(list(evaluator.table), METRIC)[METRIC]
    table = dict(zip(evaluator.table, values.tolist(), strict=True))
    total = RUNS * BUDGET

    def ours(logged):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out" if logged else None
            worker = Worker(
                optimizer=RegularizedEvolution(),
                evaluator=evaluator,
                runs=RUNS,
                budget=BUDGET,
                out=out,
            )
            return cpu_seconds(worker.search)

    logged, unlogged, plain, log_alone = interleaved(
        [
            lambda: ours(True),
            lambda: ours(False),
            lambda: cpu_seconds(lambda: plain_python(table, total)),
            log_seconds,
        ],
        9,
    )
    print(f"evaluations a second of CPU time, {RUNS} runs of {BUDGET:,} (median of 9)")
    print(f"  ours, end to end, log included    {total / logged:10,.0f}   (goal: 75,000)")
    print(f"  ours, without a log               {total / unlogged:10,.0f}")
    print(
        f"  plain Python, no log              {total / plain:10,.0f}   ratio ours / plain {plain / logged:.2f}"
    )

    print(f"  trials a second into the log alone{LOG_TRIALS / log_alone:10,.0f}   (goal: 20,000)")

    def command():
        with tempfile.TemporaryDirectory() as folder:
            return process_seconds("from analognas.cli import main; main(['search'])", folder)[1]

    (wall,) = interleaved([command], 5)
    print(f"analognas search with its defaults  {wall:10.2f} s wall (median of 5; goal: below 8)")


if __name__ == "__main__":
    main()
