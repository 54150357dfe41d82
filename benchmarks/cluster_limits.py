"""How many workers one search can serve: tasks and log commits a second, with simulated workers.

Workers are entries of a queue that end after a simulated time, so that only the search itself takes CPU time: proposing,
sending, receiving, telling and logging. Run ``python benchmarks/cluster_limits.py``. Evaluations of ``s`` seconds keep
``w`` workers busy while the search manages at least ``w / s`` tasks a second; the last column is the shortest such
evaluation. With Ray (``--ray``), the same is measured with actors that do nothing.
"""

import argparse
import heapq
import tempfile
import time
from pathlib import Path

import numpy as np

from analognas.evaluators import TableEvaluator
from analognas.search import Search
from analognas.search.backends.jobs import attempt
from analognas.search.backends.parallel import ParallelBackend, Reply

WORKERS = (10, 100, 1000, 10_000)
SECONDS = 60.0


class Costly(TableEvaluator):
    """The table, treated as a costly evaluator."""

    costly = True


class SimulatedWorkers(ParallelBackend):
    """Workers that end after a log-normal time of a simulated clock."""

    name = "simulated"

    def _start_all(self, evaluator):
        self._evaluator, self._now, self._ends = evaluator, 0.0, []
        self._generator = np.random.default_rng(0)

    def _send(self, worker, job):
        end = self._now + SECONDS * float(np.exp(self._generator.normal(0.0, 0.5)))
        heapq.heappush(self._ends, (end, worker, job))

    def _wait(self, workers):
        self._now, worker, job = heapq.heappop(self._ends)
        return [(worker, Reply(attempt(self._evaluator, job)))]

    def _replace(self, worker):
        """Nothing dies."""

    def close(self):
        """Nothing is open."""


def one_search(workers, tasks, optimizer, backend, *, logged=True):
    """CPU and wall seconds of a search without batches."""
    with tempfile.TemporaryDirectory() as folder:
        search = Search(
            {"optimizer": optimizer, "runs": 1, "budget": tasks, "pending": workers},
            evaluator=Costly(),
            backend=backend,
        )
        wall, cpu = time.monotonic(), time.process_time()
        search.run(Path(folder) / "out" if logged else None)
        return time.process_time() - cpu, time.monotonic() - wall


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=3000)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument(
        "--optimizers", nargs="+", default=("random_search", "regularized_evolution")
    )
    parser.add_argument("--ray", action="store_true", help="measure Ray actors that do nothing")
    arguments = parser.parse_args()
    print(
        f"{'optimizer':<24}{'workers':>9}{'tasks/s':>10}{'without log':>13}{'commits/s':>11}{'shortest':>11}"
    )
    for optimizer in arguments.optimizers:
        for workers in arguments.workers:
            tasks = max(arguments.tasks, workers + arguments.tasks)
            if arguments.ray:
                from analognas.search import RayBackend

                backend = RayBackend(n_workers=workers, cpus_per_worker=0.01)
                _, seconds = one_search(workers, arguments.tasks, optimizer, backend)
                print(f"{optimizer:<24}{workers:>9}{arguments.tasks / seconds:>10.0f}", flush=True)
                continue
            tasks = min(tasks, 15_000)
            logged, _ = one_search(workers, tasks, optimizer, SimulatedWorkers(n_workers=workers))
            plain, _ = one_search(
                workers, tasks, optimizer, SimulatedWorkers(n_workers=workers), logged=False
            )
            # In an asynchronous search, each result is a commit.
            commits = tasks / max(logged - plain, 1e-9)
            print(
                f"{optimizer:<24}{workers:>9}{tasks / logged:>10.0f}{tasks / plain:>13.0f}{commits:>11.0f}"
                f"{workers * logged / tasks:>9.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
