import math
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError, ResumeError, UnknownNameError
from analognas.optimizers import RegularizedEvolution
from analognas.search import Budget, Search, Worker


@pytest.fixture
def clock(monkeypatch):
    """The time that runs see; tests move it."""
    now = [100.0]
    monkeypatch.setattr("analognas.search.run.time.monotonic", lambda: now[0])
    return now


def test_default_is_a_number_of_evaluations(fragile):
    assert Worker().limits == Budget(evaluations=500)
    assert fragile.worker(budget=None, max_seconds=5).limits == Budget(seconds=5)
    assert fragile.worker(budget=7, max_seconds=5).limits == Budget(evaluations=7, seconds=5)


def test_cost_ends_a_run_after_the_batch_that_reaches_it(fragile, tmp_path):
    options = {"cost_metric": "train_seconds", "max_cost": 100.0, "budget": None}
    result = fragile.worker(tmp_path / "out", **options).search()
    for run in result.runs:
        cost = run.evaluation.means["train_seconds"]
        assert run.stopped_by == "cost"
        assert cost[:-6].sum() < 100 <= cost.sum()
    assert result.to_json()["max_cost"] == 100.0
    assert result.to_json()["cost_metric"] == "train_seconds"
    with closing(sqlite3.connect(tmp_path / "out" / "trials.sqlite")) as connection:
        logged = connection.execute(
            "SELECT sum(train_seconds) FROM trials WHERE run = 0"
        ).fetchone()
    assert logged[0] == result.runs[0].evaluation.means["train_seconds"].sum()
    again = fragile.worker(tmp_path / "out", resume=True, **options).search()
    assert again.to_json() == result.to_json()
    # With more to spend it goes on, as if it had had it from the beginning.
    options["max_cost"] = 200.0
    longer = fragile.worker(tmp_path / "out", resume=True, **options).search()
    assert longer.to_json() == fragile.worker(**options).search().to_json()


def test_what_failed_has_no_cost(fragile):
    options = {"cost_metric": "train_seconds", "max_cost": 100.0, "budget": None, "runs": 1}
    evaluator = fragile.Fragile(raising=fragile.every_16th(1, 2, 3))
    run = fragile.worker(evaluator=evaluator, **options).search().runs[0]
    assert run.errors
    assert np.nansum(run.evaluation.means["train_seconds"]) >= 100


def test_time_of_earlier_sittings_counts(fragile, tmp_path, clock):
    class Ticking(fragile.Fragile):
        costly = False  # so that every batch is one call

        def evaluate(self, population, metrics):
            clock[0] += 2.0
            return super().evaluate(population, metrics)

    class InterruptedError(Exception):
        pass

    def interrupt(view):
        if view.n_trials >= 18:
            raise InterruptedError

    def search(folder, max_seconds=9.0, **options):
        clock[0] += 1000.0  # the night between two sittings does not count
        limits = {"budget": None, "max_seconds": max_seconds, "runs": 1}
        options = {"evaluator": Ticking(), **limits, **options}
        return fragile.worker(tmp_path / folder, **options).search()

    # 2 s a batch: after four 8 s have passed, and 10 s after the fifth.
    whole = search("whole")
    run = whole.runs[0]
    assert (run.stopped_by, run.n_distinct) == ("seconds", 6 + 4 + 3 * 6)
    with pytest.raises(InterruptedError):
        search("part", callbacks=[interrupt])
    part = search("part", resume=True)
    assert part.to_json() == whole.to_json()
    # Time is up: whoever resumes gets the same result and measures nothing.
    dead = fragile.Fragile(raising=range(15_625))
    assert search("part", resume=True, evaluator=dead).to_json() == whole.to_json()
    assert search("part", 15.0, resume=True).runs[0].n_distinct == run.n_distinct + 3 * 6


def test_evaluations_are_counted_first(fragile, clock):
    options = {"budget": 36, "max_seconds": 1e9, "max_cost": 1e9, "cost_metric": "train_seconds"}
    runs = fragile.worker(**options).search().runs
    assert [(run.stopped_by, run.n_distinct) for run in runs] == [("budget", 36)] * 2


limits = st.one_of(st.none(), st.integers(1, 1000))


@given(limits, limits, limits, st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 2000))
def test_a_limit_is_reached_when_all_of_it_is_spent(evaluations, seconds, cost, n, s, c):
    if evaluations is seconds is cost is None:
        return
    budget = Budget(evaluations, seconds, cost, "train_seconds")
    spent = {"budget": (n, evaluations), "cost": (c, cost), "seconds": (s, seconds)}
    over = [name for name, (used, most) in spent.items() if most is not None and used >= most]
    assert budget.reached(n, s, c) == (over[0] if over else None)
    fraction = budget.fraction(n, s, c)
    assert 0 <= fraction <= 1
    assert (fraction == 1) == bool(over)
    assert budget.most == (math.inf if evaluations is None else evaluations)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"max_seconds": 0},
            InvalidArgumentError,
            "`max_seconds` must be a finite number greater than 0",
        ),
        ({"max_seconds": -1}, InvalidArgumentError, "`max_seconds` must be a finite number"),
        ({"max_seconds": "1h"}, InvalidArgumentError, "`max_seconds` must be a finite number"),
        ({"max_cost": 5}, InvalidArgumentError, "`max_cost` needs `cost_metric`"),
        ({"max_cost": 5, "cost_metric": "dollars"}, UnknownNameError, "Unknown metric 'dollars'"),
    ],
)
def test_bad_limits(fragile, options, error, message):
    with pytest.raises(error, match=message):
        fragile.worker(**options)


def test_a_search_without_a_limit_is_refused():
    with pytest.raises(InvalidArgumentError, match="needs a limit: `budget`, `max_seconds`"):
        Budget()


def test_the_metric_that_is_paid_with_may_be_one_that_is_searched_by(bench):
    optimizer = RegularizedEvolution(batch_size=5)
    options = {"optimizer": optimizer, "objectives": "params", "max_cost": 1e7, "runs": 1}
    run = Worker(cost_metric="params", **options).search().runs[0]
    assert run.stopped_by == "cost"
    assert list(run.evaluation.means) == ["params"]


def test_the_default_evaluator_knows_what_is_paid_with():
    worker = Worker(
        optimizer="regularized_evolution", cost_metric="aimc_energy", max_cost=1.0, runs=1
    )
    run = worker.search().runs[0]
    assert run.stopped_by == "cost"
    # A network that does not fit on the chip has no energy.
    assert np.nansum(run.evaluation.means["aimc_energy"]) >= 1.0


def test_a_search_without_the_cost_of_its_log_is_another_one(tmp_path):
    options = {"optimizer": "random_search", "runs": 1, "budget": 5}
    Search(options | {"cost_metric": "params"}).run(tmp_path / "a")
    with pytest.raises(ResumeError, match='its cost_metric is "params", but this search has null'):
        Search(options).run(tmp_path / "a", resume=True)
