"""Evaluations per second of regularized evolution on the table, end to end, and the wall time of ``analognas search``.

Run ``python benchmarks/search_speed.py``. Beside it runs what a researcher writes by hand: evolution in plain Python on
dictionaries, one child at a time, no log, no checks; it counts repeated look-ups as evaluations, ours are all distinct.
"""

import random
import tempfile
from collections import deque
from pathlib import Path

from timing import cpu_seconds, interleaved, process_seconds

from analognas.evaluators import TableEvaluator
from analognas.optimizers import RegularizedEvolution
from analognas.worker import Worker

RUNS, BUDGET = 10, 5000
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

    logged, unlogged, plain = interleaved(
        [
            lambda: ours(True),
            lambda: ours(False),
            lambda: cpu_seconds(lambda: plain_python(table, total)),
        ],
        9,
    )
    print(f"evaluations a second of CPU time, {RUNS} runs of {BUDGET:,} (median of 9)")
    print(f"  ours, end to end, log included    {total / logged:10,.0f}   (goal: 50,000)")
    print(f"  ours, without a log               {total / unlogged:10,.0f}")
    print(
        f"  plain Python, no log              {total / plain:10,.0f}   ratio ours / plain {plain / logged:.2f}"
    )

    def command():
        with tempfile.TemporaryDirectory() as folder:
            return process_seconds("from analognas.cli import main; main(['search'])", folder)[1]

    (wall,) = interleaved([command], 5)
    print(f"analognas search with its defaults  {wall:10.2f} s wall (median of 5; goal: below 8)")


if __name__ == "__main__":
    main()
