"""Logs are read as they are: finished, interrupted, written to at the same time, of either version."""

import json
import sqlite3

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, TableIntegrityError, UnknownNameError
from analognas.evaluators import Evaluation
from analognas.search import TrialLog, Worker, find_logs, read_trials
from analognas.spaces import ConfigSpace, NASBench201Space

SPACE = NASBench201Space()
COLUMNS = ["avm", "params", "avm_sem"]
IDENTITY = {
    "space": "nasbench201",
    "optimizer": {"name": "random_search", "batch_size": 10},
    "objectives": ["avm"],
    "constraints": ["params<=100"],
    "seed": 0,
}
AVM = [3.0, 1.0, 2.0, np.nan]
PARAMS = [50.0, 200.0, 100.0, 10.0]


def evaluation(rows):
    means = {"avm": np.array(AVM)[rows], "params": np.array(PARAMS)[rows]}
    return Evaluation(means, {"avm": np.full(len(rows), 0.1)})


@pytest.fixture
def cells():
    return SPACE.sample(4, generator=np.random.default_rng(0), unique=True)


@pytest.fixture
def log(tmp_path, cells):
    with TrialLog.create(tmp_path / "trials.sqlite", IDENTITY, COLUMNS) as log:
        log.append(0, 0, 0, cells, [True] * 4, evaluation([0, 1, 2, 3]))
    return tmp_path / "trials.sqlite"


def test_reads_what_was_logged(log, cells):
    trials = read_trials(log)
    assert read_trials(log.parent).path == trials.path == log
    assert len(trials) == 4
    np.testing.assert_array_equal(trials.genotypes, cells)
    np.testing.assert_array_equal(trials.values["avm"], AVM)
    np.testing.assert_array_equal(trials.values["avm_sem"], 0.1)
    assert trials.objectives == ["avm"]
    assert [str(bound) for bound in trials.constraints] == ["params<=100"]
    assert trials.settings["seed"] == 0
    assert not trials.finished


def test_best_first(log, cells):
    trials = read_trials(log)
    # 1.0 breaks the bound, NaN was not measured; AVM is better when small.
    assert trials.best_first().tolist() == [2, 0, 1, 3]
    best = trials.take(trials.best_first()[:1])
    (row,) = best.rows()
    assert row["architecture"] == cells[2].tolist()
    assert (row["number"], row["avm"], row["feasible"], row["error"]) == (2, 2.0, True, None)
    last = list(trials.rows())[3]
    assert (last["avm"], last["feasible"]) == (None, False)
    json.dumps(last, allow_nan=False)


def test_filters(log):
    trials = read_trials(log)
    assert trials.matching().tolist() == [True] * 4
    assert trials.matching(feasible=True).tolist() == [True, False, True, False]
    assert trials.matching(where="avm<=2").tolist() == [False, True, True, False]
    assert trials.matching(where=["avm<=2", "params<150"]).tolist() == [False, False, True, False]
    assert trials.matching(run=0).all()
    with pytest.raises(InvalidArgumentError, match="`run` must be one of 0, but got 1"):
        trials.matching(run=1)
    with pytest.raises(UnknownNameError, match="Unknown metric 'latency'.*avm, params.*macs"):
        trials.matching(where="latency<=1")


def test_what_the_space_counts_needs_no_column(log, cells):
    trials = read_trials(log)
    macs = SPACE.macs(cells)
    bound = int(np.sort(macs)[1])
    assert trials.matching(where=f"macs<={bound}").tolist() == (macs <= bound).tolist()
    # What was logged comes first.
    np.testing.assert_array_equal(trials.metric("params"), PARAMS)


def test_runs_that_have_not_begun(tmp_path, cells):
    with TrialLog.create(tmp_path / "trials.sqlite", IDENTITY, COLUMNS, {"runs": 2}) as log:
        log.append(0, 0, 0, cells, [True] * 4, evaluation([0, 1, 2, 3]))
    trials = read_trials(tmp_path)
    assert not trials.matching(run=1).any()
    with pytest.raises(InvalidArgumentError, match="`run` must be one of 0, 1, but got 2"):
        trials.matching(run=2)
    with pytest.raises(InvalidArgumentError, match="`run` must be an integer of at least 0"):
        trials.matching(run=-1)


def test_reads_while_another_writes(tmp_path, cells):
    with TrialLog.create(tmp_path / "trials.sqlite", IDENTITY, COLUMNS) as log:
        assert len(read_trials(tmp_path)) == 0
        log.append(0, 0, 0, cells[:2], [True] * 2, evaluation([0, 1]))
        log.commit()
        assert len(read_trials(tmp_path)) == 2
        log.append(1, 0, 0, cells[2:], [True] * 2, evaluation([2, 3]))
        log.commit()
        assert read_trials(tmp_path).run.tolist() == [0, 0, 1, 1]


def test_reading_changes_nothing(log):
    before = log.read_bytes()
    read_trials(log)
    assert log.read_bytes() == before


def test_failures_are_told(tmp_path, cells):
    with TrialLog.create(tmp_path / "trials.sqlite", IDENTITY, COLUMNS) as log:
        log.append(0, 0, 0, cells[:2], [True] * 2, evaluation([0, 1]), {1: "it diverged"})
    assert read_trials(tmp_path).errors.tolist() == ["", "it diverged"]


def test_a_space_of_ones_own(tmp_path):
    identity = IDENTITY | {"space": "mine", "space_fingerprint": "abc"}
    with TrialLog.create(tmp_path / "trials.sqlite", identity, COLUMNS) as log:
        log.append(0, 0, 0, np.array([[3, 1, 4]]), [True], evaluation([0]))
    trials = read_trials(tmp_path)
    assert trials.space is None
    assert trials.architecture(0) == [3, 1, 4]


def test_finished_searches(tmp_path):
    Worker(optimizer="random_search", runs=1, budget=10, out=tmp_path / "a").search()
    (tmp_path / "b/c").mkdir(parents=True)
    assert find_logs(tmp_path) == [tmp_path / "a/trials.sqlite"]
    trials = read_trials(tmp_path / "a")
    assert trials.finished
    assert trials.new.all()
    assert isinstance(trials.space, NASBench201Space)
    assert not isinstance(trials.space, ConfigSpace)


def test_what_is_no_log(tmp_path, log):
    with pytest.raises(TableIntegrityError, match="There is no trial log at"):
        read_trials(tmp_path / "nowhere")
    text = tmp_path / "text.sqlite"
    text.write_text("no database, but long enough to be looked at" * 10)
    with pytest.raises(TableIntegrityError, match="cannot be read as a trial log"):
        read_trials(text)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE trials (x)")
    with pytest.raises(TableIntegrityError, match="but not a trial log of analognas"):
        read_trials(other)
    with sqlite3.connect(log) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(TableIntegrityError, match="version 99.*upgrade analognas"):
        read_trials(log)
    with pytest.raises(TableIntegrityError, match="There is no folder"):
        find_logs(tmp_path / "nowhere")


def test_damaged_logs(log):
    with sqlite3.connect(log) as connection:
        connection.execute("UPDATE trials SET genotype = '[1, 2' WHERE number = 1")
    with pytest.raises(TableIntegrityError, match="cannot be read"):
        read_trials(log)


@pytest.mark.parametrize("key", ["objectives", "constraints"])
@pytest.mark.parametrize("value", [None, "params", [3], [], ["nothing"]])
def test_logs_that_do_not_say_what_they_are_of(tmp_path, key, value):
    identity = {**IDENTITY, key: value}
    if value is None:
        del identity[key]
    TrialLog.create(tmp_path / "trials.sqlite", identity, COLUMNS).close()
    if key == "constraints" and value == []:
        assert len(read_trials(tmp_path)) == 0
        return
    with pytest.raises(TableIntegrityError, match="cannot be read as a trial log of analognas: "):
        read_trials(tmp_path)
