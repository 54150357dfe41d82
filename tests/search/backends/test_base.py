import json
import os
import random
import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress

import numpy as np
import pytest

from analognas.core import EvaluationError, InvalidArgumentError, NotFittedError, UnknownNameError
from analognas.evaluators import Evaluation, Evaluator
from analognas.search import BACKENDS, PoolBackend, RayBackend, SerialBackend, Worker
from analognas.search.backends.base import make_backend
from analognas.search.backends.jobs import Outcome
from analognas.spaces import NASBench201Space


class Broken(Evaluator):
    """Does with every call what it is told to."""

    metrics, metrics_with_sem = ["analog_accuracy"], []

    def __init__(self, action):
        self.space, self.action, self.n_calls = NASBench201Space(), action, 0

    def evaluate(self, population, metrics):
        self.n_calls += 1
        return self.action(self, population)

    def identity(self):
        return {}

    def report(self, row):
        return {"metrics": {}}


def search(action, **options):
    evaluator = Broken(action)
    settings = {"objectives": "analog_accuracy", "runs": 1, "budget": 30}
    return evaluator, Worker(evaluator=evaluator, **settings, **options)


def trials(folder):
    """All that a log holds but the times."""
    with closing(sqlite3.connect(folder / "trials.sqlite")) as connection:
        rows = connection.execute("SELECT * FROM trials ORDER BY run, number").fetchall()
        failures = connection.execute("SELECT * FROM failures ORDER BY run, number").fetchall()
    return [row[:3] + row[4:] for row in rows], failures


def test_one_bad_architecture_does_not_end_a_serial_search(fragile, tmp_path):
    out = tmp_path / "out"
    result = fragile.worker(
        out, evaluator=fragile.Fragile(raising=fragile.every_16th(1, 5, 9))
    ).search()
    n_failed = 0
    for number, run in enumerate(result.runs):
        bad = np.isin(NASBench201Space().codes(run.population) % 16, [1, 5, 9])
        assert run.n_distinct == 36
        assert list(run.errors) == np.flatnonzero(bad).tolist()
        np.testing.assert_array_equal(np.isnan(run.evaluation.means["analog_accuracy"]), bad)
        np.testing.assert_array_equal(np.isnan(run.evaluation.sems["analog_accuracy"]), bad)
        np.testing.assert_array_equal(run.violation > 0, bad)
        assert result.to_json()["runs"][number]["failed"] == bad.sum() > 0
        n_failed += bad.sum()
    rows, failures = trials(out)
    assert len(failures) == n_failed
    run, number, error = failures[0]
    code = NASBench201Space().codes(np.array([json.loads(rows[36 * run + number][4])]))[0]
    assert error == f"ValueError: code {code} is too wide"
    assert f"{n_failed} evaluations failed, the last with 'ValueError: code" in result.summary()
    assert not any(np.isnan(cell["metrics"]["analog_accuracy"]) for cell in result.winners)
    # A failed evaluation is a result: it is not tried again by those who resume.
    again = fragile.worker(
        out, evaluator=fragile.Fragile(raising=range(15_625)), resume=True
    ).search()
    assert again.to_json() == result.to_json()
    assert [run.errors for run in again.runs] == [run.errors for run in result.runs]


def test_retries_of_the_serial_back_end(fragile, tmp_path):
    plain = fragile.worker().search()
    (tmp_path / "diary").mkdir()
    shaky = fragile.Fragile(shaky=fragile.every_16th(1, 2, 3), diary=tmp_path / "diary")
    assert fragile.worker(evaluator=shaky).search().to_json() == plain.to_json()
    for retries in (0, 3):
        evaluator, worker = search(fail_once_in_four, backend=SerialBackend(retries=retries))
        assert bool(worker.search().runs[0].errors) == (retries == 0)
        assert evaluator.n_calls > 30


def fail_once_in_four(evaluator, population):
    # The first architecture of a batch makes the whole call fail, so each is measured alone then.
    if len(population) > 1 or evaluator.n_calls % 4 == 0:
        raise OSError
    return Evaluation({"analog_accuracy": np.ones(len(population))})


def test_an_evaluator_that_always_fails_ends_the_search(tmp_path):
    def fail(evaluator, population):
        raise ValueError("no such file")

    _, worker = search(fail)
    message = "first 10 evaluations all failed, the last with 'ValueError: no such file'"
    with pytest.raises(EvaluationError, match=message):
        worker.search()


@pytest.mark.parametrize("there_before", [False, True])
def test_a_failed_start_leaves_nothing(tmp_path, there_before):
    def fail(evaluator, population):
        raise NotFittedError("call fit first")

    out = tmp_path / "out"
    if there_before:
        out.mkdir()
    for options, error in (
        ({}, NotFittedError),
        ({"backend": "pool", "n_workers": 1}, InvalidArgumentError),
    ):
        with pytest.raises(error):
            search(fail, out=out, **options)[1].search()
        assert list(tmp_path.rglob("*")) == ([out] if there_before else [])


def test_a_failure_later_leaves_the_log(tmp_path):
    def fail(evaluator, population):
        if evaluator.n_calls > 1:
            raise NotFittedError("call fit first")
        return Evaluation({"analog_accuracy": np.ones(len(population))})

    out = tmp_path / "out"
    with pytest.raises(NotFittedError):
        search(fail, out=out)[1].search()
    assert len(trials(out)[0]) == 1  # the first call is of one architecture


def test_an_evaluator_that_is_not_ready_ends_the_search_at_once():
    def fail(evaluator, population):
        raise NotFittedError("call fit first")

    evaluator, worker = search(fail)
    with pytest.raises(NotFittedError, match="call fit first"):
        worker.search()
    assert evaluator.n_calls == 1


@pytest.mark.parametrize("n", [0, 11])
def test_values_that_do_not_fit_the_population(n):
    _, worker = search(lambda evaluator, population: Evaluation({"analog_accuracy": np.zeros(n)}))
    with pytest.raises(
        InvalidArgumentError,
        match=f"one value for each of 1 architectures, but Broken returned {n}",
    ):
        worker.search()


class Sloppy(Broken):
    """Promises a standard error."""

    metrics_with_sem = ("analog_accuracy",)


VALUES, OTHERS = np.zeros(1), {"params": np.zeros(1)}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (
            {"analog_accuracy": VALUES},
            r"return an Evaluation, but Sloppy returned \{'analog_acc.*\};",
        ),
        (None, "return an Evaluation, but Sloppy returned None"),
        (Evaluation(OTHERS), "the values of 'analog_accuracy' that it lists, .* values of params"),
        (Evaluation({}), "the values of 'analog_accuracy' .* returned values of none"),
        (
            Evaluation({"analog_accuracy": VALUES}),
            "the standard errors of 'analog_accuracy' .* returned standard errors of none",
        ),
        (
            Evaluation({"analog_accuracy": VALUES}, {"analog_accuracy": np.zeros(3)}),
            "one value for each of 1 architectures, but Sloppy returned 3 for 'analog_accuracy'",
        ),
        (
            Evaluation({"analog_accuracy": VALUES[:, None]}),
            r"but Sloppy returned an array of shape \(1, 1\)",
        ),
        (Evaluation({"analog_accuracy": np.full(1, "high")}), "must return numbers, but Sloppy"),
    ],
)
def test_evaluators_that_return_something_else(returned, message):
    evaluator = Sloppy(lambda evaluator, population: returned)
    worker = Worker(evaluator=evaluator, objectives="analog_accuracy", runs=1, budget=30)
    with pytest.raises(InvalidArgumentError, match=message):
        worker.search()
    assert evaluator.n_calls == 1


def test_lists_are_as_good_as_arrays_and_what_was_not_asked_for_is_left():
    def listed(evaluator, population):
        ones = [1.0] * len(population)
        return Evaluation({"params": ones, "analog_accuracy": ones}, {"params": ones})

    run = search(listed)[1].search().runs[0]
    assert list(run.evaluation.means) == ["analog_accuracy"]
    assert not run.evaluation.sems


@pytest.mark.parametrize(
    ("backend", "flaw", "reason"),
    [
        ("serial", {"infinite": 1}, "its analog_accuracy is inf"),
        ("serial", {"infinite": -1}, "its analog_accuracy is -inf"),
        ("serial", {"wrong_sem": np.inf}, "its analog_accuracy_sem is inf"),
        ("pool", {"infinite": 1}, "its analog_accuracy is inf"),
    ],
)
def test_infinite_values_are_failures(fragile, tmp_path, backend, flaw, reason):
    out = tmp_path / "out"
    bad = fragile.every_16th(1, 5, 9)
    evaluator = fragile.Fragile(bad=bad, **flaw)
    n_workers = 2 if backend == "pool" else None
    result = fragile.worker(out, evaluator=evaluator, backend=backend, n_workers=n_workers).search()
    for run in result.runs:
        at_fault = np.isin(NASBench201Space().codes(run.population), list(bad))
        assert list(run.errors) == np.flatnonzero(at_fault).tolist()
        assert at_fault.any()
        np.testing.assert_array_equal(np.isnan(run.evaluation.means["analog_accuracy"]), at_fault)
        np.testing.assert_array_equal(np.isnan(run.evaluation.sems["analog_accuracy"]), at_fault)
    assert {error for _, _, error in trials(out)[1]} == {reason}
    assert all(np.isfinite(cell["metrics"]["analog_accuracy"]) for cell in result.winners)
    again = fragile.worker(out, evaluator=evaluator, resume=True).search()
    assert again.to_json() == result.to_json()


def test_an_infinite_value_costs_only_its_own_metric():
    means = {"analog_accuracy": np.array([1.0, np.inf, 2.0]), "params": np.array([5, 6, 7])}
    sems = {"analog_accuracy": np.array([0.1, 0.1, -0.1])}
    parts = list(Outcome([3, 4, 9], Evaluation(means, sems)).separated())
    assert [list(part.rows) for part in parts] == [[3], [4], [9]]
    assert [part.error for part in parts] == [
        None,
        "its analog_accuracy is inf",
        "its analog_accuracy_sem is -0.1",
    ]
    assert [part.evaluation.means["params"].tolist() for part in parts] == [[5], [6], [7]]
    for part in parts[1:]:
        assert np.isnan(part.evaluation.means["analog_accuracy"]).all()
        assert np.isnan(part.evaluation.sems["analog_accuracy"]).all()
    absent = Outcome([0], Evaluation({"analog_accuracy": np.array([np.nan])}))
    assert list(absent.separated()) == [absent]


def test_slow_evaluators_are_given_one_architecture_at_a_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("analognas.search.backends.base.time.monotonic", lambda: now[0])

    def slowly(evaluator, population):
        sizes.append(len(population))
        now[0] += 1.01 * len(population)
        return Evaluation({"analog_accuracy": population.sum(axis=1).astype(float)})

    sizes = []
    search(slowly)[1].search()
    # Two are tried together once: an evaluator may be as quick with many.
    assert sizes == [1, 2] + [1] * 27


def test_where_a_call_costs_the_same_for_many_batches_stay_whole(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("analognas.search.backends.base.time.monotonic", lambda: now[0])

    def together(evaluator, population):
        sizes.append(len(population))
        now[0] += 60.0
        return Evaluation({"analog_accuracy": population.sum(axis=1).astype(float)})

    sizes = []
    search(together, optimizer="random_search")[1].search()
    assert sizes == [1, 2, 7, 10, 10]


def test_quick_calls_grow(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("analognas.search.backends.base.time.monotonic", lambda: now[0])

    def quickly(evaluator, population):
        sizes.append(len(population))
        now[0] += 0.1 * len(population)
        return Evaluation({"analog_accuracy": population.sum(axis=1).astype(float)})

    sizes = []
    search(quickly, optimizer="random_search")[1].search()
    assert sizes == [1, 5, 4, 5, 5, 5, 5]


def test_pool_finds_what_serial_finds_though_processes_die(fragile, tmp_path):
    """Every kind of failure in one search: pools take seconds to start."""
    (tmp_path / "diary").mkdir()
    first = fragile.worker().search().runs[0]
    deadly = int(NASBench201Space().codes(first.population)[20])
    raising, shaky = fragile.every_16th(3), fragile.every_16th(2, 4)
    serial = fragile.Fragile(raising=raising | {deadly})
    pooled = fragile.Fragile(
        0.005, raising=raising, deadly={deadly}, shaky=shaky, diary=tmp_path / "diary"
    )
    expected = fragile.worker(tmp_path / "serial", evaluator=serial).search()
    backend = PoolBackend(n_workers=2)
    killed = []

    def kill_one(view):
        if view.n_trials > 12 and not killed:
            killed.append(backend.process_ids[1])
            threading.Timer(0.02, end, killed).start()

    def end(process_id):
        # The architecture that is deadly may have been faster.
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)

    result = fragile.worker(
        tmp_path / "pool", evaluator=pooled, backend=backend, callbacks=[kill_one]
    ).search()
    assert result.to_json() == expected.to_json()
    assert killed
    assert backend.process_ids == []
    (rows, failures), (serial_rows, serial_failures) = (
        trials(tmp_path / k) for k in ("pool", "serial")
    )
    assert rows == serial_rows
    assert [failure[:2] for failure in failures] == [failure[:2] for failure in serial_failures]
    reasons = {error.split(" ")[0]: error for _, _, error in failures}
    assert reasons == {
        "ValueError:": reasons["ValueError:"],
        "its": "its process was killed by SIGKILL",
    }
    n_attempts = {
        int(entry.name): len(entry.read_text().splitlines())
        for entry in (tmp_path / "diary").iterdir()
    }
    # The process that is killed from outside may take an attempt with it that was not noted yet.
    assert n_attempts[deadly] > 1
    assert all(n > 1 for code, n in n_attempts.items() if code in raising | shaky)


def test_evaluators_that_interrupt_end_no_process(fragile, tmp_path, capfd):
    bad = fragile.every_16th(3)
    evaluator, out = fragile.Fragile(interrupting=bad), tmp_path / "out"
    result = fragile.worker(out, evaluator=evaluator, backend="pool", n_workers=1).search()
    expected = fragile.worker(evaluator=fragile.Fragile(raising=bad)).search()
    assert result.to_json() == expected.to_json()
    assert {error for _, _, error in trials(out)[1]} == {"KeyboardInterrupt"}
    assert capfd.readouterr() == ("", "")


def test_pool_is_closed_when_a_callback_fails(fragile):
    backend = PoolBackend(n_workers=1)
    processes = []

    def fail(view):
        processes.extend(member.process for member in backend._crew._members)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fragile.worker(backend=backend, callbacks=[fail]).search()
    assert len(processes) == 1
    with pytest.raises(ValueError, match="process object is closed"):
        processes[0].is_alive()


def test_pool_refuses_what_it_cannot_send():
    _, worker = search(lambda evaluator, population: None, backend="pool", n_workers=1)
    with pytest.raises(InvalidArgumentError, match="Broken cannot be sent to other processes"):
        worker.search()


def test_pool_says_so_where_a_process_cannot_load_the_evaluator(fragile, monkeypatch):
    worker = fragile.worker(backend="pool", n_workers=1)
    monkeypatch.undo()  # the processes do not find the module
    with pytest.raises(EvaluationError, match="cannot be started: its evaluator cannot be loaded"):
        worker.search()


def test_threads_of_a_pool(fragile, monkeypatch):
    monkeypatch.setattr("analognas.search.backends.pool.n_cores", lambda: 8)
    assert PoolBackend(n_workers=3)._n_threads() == 2
    assert PoolBackend(n_workers=16)._n_threads() == 1
    assert PoolBackend(n_workers=16, threads=5)._n_threads() == 5


@pytest.mark.parametrize(
    ("backend", "n_workers", "error", "message"),
    [
        ("pol", None, UnknownNameError, "Unknown back end 'pol'. Did you mean 'pool'"),
        (
            "pool",
            0,
            InvalidArgumentError,
            "`n_workers` must be an integer of at least 1, but got 0",
        ),
        (
            "serial",
            2,
            InvalidArgumentError,
            "has one worker, but got n_workers=2; take backend='pool'",
        ),
        ("serial", 0, InvalidArgumentError, "`n_workers` must be an integer of at least 1"),
        (SerialBackend(), 1, InvalidArgumentError, "to the back end that is made by hand"),
        (7, None, InvalidArgumentError, "`backend` must be one of serial, pool, ray or a Backend"),
    ],
)
def test_bad_back_ends(backend, n_workers, error, message):
    with pytest.raises(error, match=message):
        make_backend(backend, n_workers)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SerialBackend(retries=-1), "`retries` must be"),
        (lambda: PoolBackend(threads=0), "`threads` must be"),
        (lambda: RayBackend(gpus_per_worker=-1), "`gpus_per_worker` must be"),
        (lambda: RayBackend(cpus_per_worker="1"), "`cpus_per_worker` must be"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make()


def test_every_back_end_has_its_name():
    assert [BACKENDS.get(name)().name for name in BACKENDS] == BACKENDS.names()


def kill_now_and_then(backend, seed, n, done):
    """Kill ``n`` processes of a pool at random moments."""
    generator = random.Random(seed)
    killed = 0
    while killed < n and not done.wait(generator.uniform(0.05, 0.6)):
        # Those that have the evaluator: a pool whose processes die before that gives up after the third.
        with suppress(ProcessLookupError, ValueError):
            ids = [member.process.pid for member in backend._crew._members if member.ready]
            if ids:
                os.kill(generator.choice(ids), signal.SIGKILL)
                killed += 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_pool_whose_processes_are_killed_at_random_moments(fragile, tmp_path, seed):
    expected = fragile.worker().search().to_json()
    # Retries without end: the killer must not be able to poison an architecture.
    backend, done = PoolBackend(n_workers=2, retries=100), threading.Event()
    killer = threading.Thread(target=kill_now_and_then, args=(backend, seed, 5, done))
    killer.start()
    try:
        result = fragile.worker(tmp_path / "out", 0.05, backend=backend).search()
    finally:
        done.set()
        killer.join()
    assert result.to_json() == expected


def test_a_result_is_on_the_disk_before_the_next_is_waited_for(tmp_path):
    """Of results that came in quick succession, all but the first were lost if the next took long and was killed."""

    class Watched(SerialBackend):
        def _measure(self, job):
            for row in range(len(job)):
                time.sleep(0.02)
                yield Outcome((row,), job.row(row).run(self._evaluator))
                seen.append(len(trials(tmp_path / "out")[0]))

    seen = []
    worker = search(
        lambda evaluator, population: Evaluation({"analog_accuracy": np.ones(len(population))}),
        backend=Watched(),
        out=tmp_path / "out",
        optimizer="random_search",
    )[1]
    worker.search()
    assert seen == list(range(1, 31))
