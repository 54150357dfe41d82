"""Asynchronous searches: results in the order of their completion, and equal bytes from the log."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analognas.core import InvalidArgumentError, ResumeError
from analognas.evaluators import evaluator_from
from analognas.search import Search, read_trials
from analognas.search.backends.base import SerialBackend

OPTIMIZERS = [
    "bayesian",
    "regularized_evolution",
    "local_search",
    "random_search",
    "pareto_evolution",
    "nsga2",
    "optuna",
    {"name": "bayesian", "acquisition": "ei"},
]


class LastFirst(SerialBackend):
    """A back end whose last job ends first, so that no result comes in the order of its proposal."""

    name = "last_first"

    def _measure_each(self, queue):
        while queue:
            number, job = queue.pop()
            for outcome in self._measure(job):
                yield number, outcome


def folder_bytes(folder):
    return (folder / "best.json").read_bytes()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_a_replay_gives_the_same_bytes_in_any_order_of_results(optimizer, tmp_path):
    settings = {"optimizer": optimizer, "runs": 1, "budget": 40, "pending": 5}
    first = Search(settings, backend=LastFirst()).run(tmp_path / "a")
    before = folder_bytes(tmp_path / "a")
    in_order = Search(settings).run()
    assert first.runs[0].population.tolist() != in_order.runs[0].population.tolist()
    os.remove(tmp_path / "a" / "best.json")
    Search.resume(tmp_path / "a", backend=SerialBackend()).run()
    assert folder_bytes(tmp_path / "a") == before
    assert first.runs[0].n_distinct == 40


def test_a_larger_budget_continues(tmp_path):
    settings = {"optimizer": "bayesian", "runs": 2, "budget": 30, "pending": 4}
    Search(settings, backend=LastFirst()).run(tmp_path / "a")
    longer = Search.resume(tmp_path / "a", backend=LastFirst(), budget=50).run()
    assert [run.n_distinct for run in longer.runs] == [50, 50]
    before = folder_bytes(tmp_path / "a")
    Search.resume(tmp_path / "a", backend=SerialBackend()).run()
    assert folder_bytes(tmp_path / "a") == before


def test_a_torn_log_continues_with_what_it_has(tmp_path):
    """Kill a search in the middle: trials of the log stay, and a replay of the whole gives equal bytes."""
    out = tmp_path / "a"
    Search({"runs": 1, "budget": 60, "pending": 4}, backend=LastFirst()).run(
        out, callbacks=[lambda view: view.n_trials >= 25]
    )
    logged = read_trials(out).genotypes.tolist()
    assert len(logged) == 25
    ended = Search.resume(out, backend=LastFirst()).run()
    assert ended.runs[0].n_distinct == 60
    assert ended.runs[0].population[:25].tolist() == logged
    before = folder_bytes(out)
    Search.resume(out, backend=SerialBackend()).run()
    assert folder_bytes(out) == before


def test_processes_of_a_pool(tmp_path, fragile):
    result = fragile.worker(tmp_path / "a", runs=1, backend="pool", n_workers=2, pending=3).search()
    assert result.runs[0].n_distinct == 36
    before = folder_bytes(tmp_path / "a")
    fragile.worker(tmp_path / "a", runs=1, pending=3, resume=True).search()
    assert folder_bytes(tmp_path / "a") == before


def test_failures_are_told_and_retried_from_the_log(tmp_path, fragile):
    bad = fragile.every_16th(3, 7)
    evaluator = fragile.Fragile(raising=bad)
    worker = fragile.worker(tmp_path / "a", evaluator=evaluator, pending=3)
    result = worker.search()
    assert result.runs[0].errors
    before = folder_bytes(tmp_path / "a")
    fragile.worker(tmp_path / "a", evaluator=evaluator, pending=3, resume=True).search()
    assert folder_bytes(tmp_path / "a") == before


def test_another_log_is_refused(tmp_path):
    settings = {"optimizer": "random_search", "runs": 1, "budget": 20, "pending": 3}
    Search(settings).run(tmp_path / "a")
    with pytest.raises(ResumeError, match="pending"):
        Search(settings | {"pending": 4}).run(tmp_path / "a", resume=True)


def test_constraints_that_are_checked_first_cost_nothing(fragile):
    worker = fragile.worker(pending=3, constraints="params<=5e5", runs=1)
    run = worker.search().runs[0]
    assert run.n_barred > 0
    assert run.n_evaluations == 36


def test_successive_halving_is_refused():
    with pytest.raises(InvalidArgumentError, match="any order") as caught:
        Search(
            {
                "optimizer": {"name": "successive_halving", "fidelities": [1, 2]},
                "objectives": "analog_accuracy",
                "pending": 2,
            },
            evaluator=with_epochs(),
        )
    assert "pending" in str(caught.value)


def with_epochs():
    def accuracy(cell, epochs=2):
        return float(sum(cell)) + epochs

    return evaluator_from(accuracy, "nasbench201", {"analog_accuracy": "max"}, fidelity="epochs")


@pytest.mark.slow
def test_a_killed_search_comes_to_the_result_of_its_log(tmp_path):
    """A process is killed three times; the folder then replays to equal bytes."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import fragile; from pathlib import Path\n"
        "out = Path(sys.argv[2]); found = (out / 'trials.sqlite').exists()\n"
        "fragile.worker(out, 0.02, backend='pool', n_workers=2, pending=3, resume=found).search()\n"
    )
    here, out = str(Path(__file__).parent), tmp_path / "a"
    for seconds in (4.0, 4.0, 4.0, None):
        process = subprocess.Popen([sys.executable, "-c", script, here, str(out)])
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    before = folder_bytes(out)
    copy = tmp_path / "b"
    shutil.copytree(out, copy)
    sys.path.insert(0, here)
    import fragile

    fragile.worker(copy, pending=3, resume=True).search()
    assert folder_bytes(copy) == before


def test_a_search_in_batches_does_not_continue_an_asynchronous_one(tmp_path):
    settings = {"optimizer": "random_search", "runs": 1, "budget": 20}
    Search(settings | {"pending": 3}).run(tmp_path / "a")
    with pytest.raises(ResumeError, match="pending"):
        Search(settings).run(tmp_path / "a", resume=True)
