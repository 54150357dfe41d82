import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from analognas.core import OutputFolderError, ResumeError
from analognas.evaluators import Evaluation
from analognas.search import TrialLog
from analognas.search.log.definitions import check_identity
from analognas.search.log.schema import SCHEMA_VERSION
from analognas.spaces import ConfigSpace

IDENTITY = {"space": "toy", "seed": 3, "optimizer": {"name": "x", "size": 2}, "bounds": ["a<=1"]}

SPACE = ConfigSpace(name="toy")
SPACE.add_hyperparameter("a", "discrete", 0, 99)
SPACE.add_hyperparameter("b", "discrete", 0, 99)


def batch(first, n):
    population = np.arange(first, first + 2 * n, dtype=np.int8).reshape(n, 2)
    return population, Evaluation({"a": np.arange(n) / 3 + first}, {"a": np.full(n, 0.1)})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trials.sqlite"


def filled(path):
    with TrialLog.create(path, IDENTITY, ["a", "a_sem"]) as log:
        log.append(0, 0, 0, batch(0, 3)[0], [True, True, False], batch(0, 3)[1])
        log.append(1, 0, 0, batch(9, 2)[0], [True, True], batch(9, 2)[1])
        log.append(0, 3, 1, batch(6, 1)[0], [True], batch(6, 1)[1])
    return path


def test_round_trip_is_exact(path):
    with TrialLog.open(filled(path)) as log:
        run = log.read_run(0, SPACE)
        assert log.identity == IDENTITY
        assert log.columns == ["a", "a_sem"]
        assert len(log.read_run(5, SPACE)) == 0
    np.testing.assert_array_equal(run.population, [[0, 1], [2, 3], [4, 5], [6, 7]])
    expected = np.append(batch(0, 3)[1].means["a"], batch(6, 1)[1].means["a"])
    assert run.evaluation.means["a"].tobytes() == expected.tobytes()
    np.testing.assert_array_equal(run.evaluation.sems["a"], [0.1] * 4)


def test_readable_by_anyone(path):
    with closing(sqlite3.connect(filled(path))) as connection:
        rows = connection.execute("SELECT * FROM trials ORDER BY run, number").fetchall()
    assert rows[2][:3] + rows[2][4:] == (0, 2, 0, 0, "[4, 5]", 2 / 3, 0.1, None)
    assert 1.6e9 < rows[0][3] < 1e11


def test_one_file_remains(path, tmp_path):
    filled(path)
    assert os.listdir(tmp_path) == ["trials.sqlite"]


def test_commits_are_whole_batches(path, monkeypatch):
    monkeypatch.setattr("analognas.search.log.trial_log._COMMIT_SECONDS", 1e9)
    log = TrialLog.create(path, IDENTITY, ["a", "a_sem"])
    log.append(0, 0, 0, batch(0, 3)[0], [True] * 3, batch(0, 3)[1])
    reader = sqlite3.connect(path)

    def count():
        return reader.execute("SELECT count(*) FROM trials").fetchone()[0]

    assert count() == 0
    log.commit()
    assert count() == 3
    for first in range(3, 2100, 3):
        log.append(0, first, first, batch(0, 3)[0], [True] * 3, batch(0, 3)[1])
    assert count() >= 2000  # a full buffer is written without being asked
    log.close()
    reader.close()


def test_failed_commit_writes_nothing(path):
    log = TrialLog.create(path, IDENTITY, ["a", "a_sem"])
    log.append(0, 0, 0, batch(0, 3)[0], [True] * 3, batch(0, 3)[1])
    log.append(0, 2, 1, batch(0, 1)[0], [True], batch(0, 1)[1])  # number 2 exists already
    with pytest.raises(
        OutputFolderError, match="Another process has written trials of the same runs"
    ):
        log.commit()
    log._batches.clear()
    log.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (0,)


def test_identity(path):
    with TrialLog.open(filled(path)) as log:
        file = str(log.path)
        check_identity(log.identity, IDENTITY, file)
        with pytest.raises(
            ResumeError, match="another search: its seed is 3, but this search has 4"
        ):
            check_identity(log.identity, IDENTITY | {"seed": 4}, file)
        with pytest.raises(
            ResumeError, match=r"its optimizer is \{.*2\}, but this search has \{.*5\}"
        ):
            check_identity(log.identity, IDENTITY | {"optimizer": {"name": "x", "size": 5}}, file)
        log.note({"runs": 7})
    with TrialLog.open(path) as log:
        check_identity(log.identity, IDENTITY, file)
        assert log.identity["runs"] == 7


def test_create_refuses(path, tmp_path):
    filled(path)
    with pytest.raises(OutputFolderError, match="exists already"):
        TrialLog.create(path, IDENTITY, ["a"])
    with pytest.raises(OutputFolderError, match="Cannot create"):
        TrialLog.create(tmp_path / "missing" / "x", IDENTITY, ["a"])


def test_open_refuses(path, tmp_path):
    with pytest.raises(ResumeError, match="There is no trial log at"):
        TrialLog.open(path)
    path.write_text("no database, but long enough to be read as one")
    with pytest.raises(
        ResumeError, match="cannot be resumed as a trial log of analognas: file is not a database"
    ):
        TrialLog.open(path)
    assert path.read_text().startswith("no database")
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(ResumeError, match="is an SQLite file but not a trial log of analognas"):
        TrialLog.open(other)


def test_open_refuses_other_versions(path):
    connection = sqlite3.connect(filled(path))
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ResumeError, match="format version 9"):
        TrialLog.open(path)


def test_damaged_genotypes(path):
    connection = sqlite3.connect(filled(path))
    connection.execute("UPDATE trials SET genotype = '[1, 2'")
    connection.commit()
    connection.close()
    with pytest.raises(ResumeError, match=r"it has the genotype '\[1, 2'"):
        TrialLog.open(path)


def test_slow_trials_are_written_as_they_come(path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("analognas.search.log.trial_log.time.monotonic", lambda: now[0])
    with (
        TrialLog.create(path, IDENTITY, ["a", "a_sem"]) as log,
        closing(sqlite3.connect(path)) as reader,
    ):
        for number in range(3):
            now[0] += 0.6
            log.append(0, number, number, batch(0, 1)[0], [True], batch(0, 1)[1])
            assert reader.execute("SELECT count(*) FROM trials").fetchone() == (number + 1,)


def test_write_ahead_log(path):
    with TrialLog.create(path, IDENTITY, ["a", "a_sem"]), closing(sqlite3.connect(path)) as reader:
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_is_no_log_stays_as_it_is(tmp_path):
    foreign, empty = tmp_path / "foreign.sqlite", tmp_path / "empty.sqlite"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE search (key, value)")
    empty.touch()
    for path in (foreign, empty):
        before = path.read_bytes()
        with pytest.raises(ResumeError, match="not a trial log of analognas"):
            TrialLog.open(path)
        assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["empty.sqlite", "foreign.sqlite"]


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk full"), KeyboardInterrupt()])
def test_failed_creation_leaves_nothing(path, tmp_path, monkeypatch, error):
    def fail(entries):
        raise error

    monkeypatch.setattr("analognas.search.log.schema.json_rows", fail)
    with pytest.raises((OutputFolderError, KeyboardInterrupt)):
        TrialLog.create(path, IDENTITY, ["a"])
    assert os.listdir(tmp_path) == []


def test_settings_are_there_from_the_first_moment(path):
    TrialLog.create(path, IDENTITY, ["a"], {"runs": 4}).close()
    with TrialLog.open(path) as log:
        assert log.identity["runs"] == 4


def test_busy_log(path, monkeypatch):
    monkeypatch.setattr("analognas.core.sqlite_files.BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(filled(path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        log = TrialLog.open(path)
        with pytest.raises(OutputFolderError, match="database is locked"):
            log.note({"runs": 1})
        other.execute("ROLLBACK")
        log.note({"runs": 1})
        log.close()


def as_version_1(path):
    """What analognas wrote at first: one table of trials, without names of architectures."""
    with closing(sqlite3.connect(path)) as connection:
        for table in ("failures", "states", "set_aside", "commits"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE trials DROP COLUMN architecture")
        connection.execute("PRAGMA user_version = 1")
    return path


def version(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_log_of_version_1_is_read_as_it_is_and_migrated_by_the_first_write(path):
    before = as_version_1(filled(path)).read_bytes()
    with TrialLog.open(path) as log:
        run = log.read_run(0, SPACE)
        assert (len(run), run.errors, run.states, run.seconds) == (4, {}, {}, 0.0)
    assert path.read_bytes() == before
    with TrialLog.open(path) as log:
        log.append(0, 4, 2, *batch_of_one(), {4: "ValueError: too wide"})
        log.note_state(0, 5, 2.5, {"state": 1})
    assert version(path) == SCHEMA_VERSION
    with TrialLog.open(path) as log:
        run = log.read_run(0, SPACE)
    assert (len(run), run.errors, run.seconds) == (5, {4: "ValueError: too wide"}, 2.5)
    assert run.states == {5: {"state": 1}}


def batch_of_one():
    population, evaluation = batch(9, 1)
    return population, [True], evaluation


def test_two_processes_may_migrate_one_log(path):
    as_version_1(filled(path))
    with TrialLog.open(path) as first, TrialLog.open(path) as second:
        first.note({"runs": 1})
        second.note({"runs": 2})
    assert version(path) == SCHEMA_VERSION


def test_trials_of_a_batch_may_be_absent(path):
    with TrialLog.create(path, IDENTITY, ["a", "a_sem"]) as log:
        for number in (3, 0, 2):
            log.append(0, number, 0, *batch_of_one())
    with TrialLog.open(path) as log:
        assert log.read_run(0, SPACE).numbers.tolist() == [0, 2, 3]


def test_state_is_written_with_the_trials_it_follows(path):
    with TrialLog.create(path, IDENTITY, ["a", "a_sem"]) as log:
        log.append(0, 0, 0, *batch_of_one())
        log.note_state(0, 1, 0.5, {"n": 2**127})
        assert len(log.read_run(0, SPACE)) == len(log.read_run(0, SPACE).states) == 0
        log.commit()
        assert log.read_run(0, SPACE).states == {1: {"n": 2**127}}
        # With nothing that waits for it, it is written at once.
        log.note_state(0, 1, 0.75, {"n": 2})
        assert log.read_run(0, SPACE).seconds == 0.75


def test_join_starts_a_log_or_opens_it(path):
    with (
        TrialLog.join(path, IDENTITY, ["a", "a_sem"]) as first,
        TrialLog.join(path, IDENTITY | {"seed": 9}, ["b"]) as second,
    ):
        assert first.columns == second.columns == ["a", "a_sem"]
        assert second.identity == IDENTITY
        first.append(0, 0, 0, *batch_of_one())
        second.append(1, 0, 0, *batch_of_one())
    with TrialLog.open(path) as log:
        assert [len(log.read_run(run, SPACE)) for run in range(3)] == [1, 1, 0]


WRITER = """
import sys
import numpy as np
from analognas.evaluators import Evaluation
from analognas.search import TrialLog

path, run, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.stdin.readline()  # all begin at once
with TrialLog.join(path, {"space": "toy"}, ["a"]) as log:
    for number in range(n):
        log.append(run, number, number, np.full((1, 2), 7), [True], Evaluation({"a": np.array([run + number / 8])}))
        log.note_state(run, number + 1, 0.0, {"at": number})
        if number % 3 == 0:
            log.commit()
"""


def test_processes_that_write_one_log_lose_nothing(path):
    n, runs = 300, range(3)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(run), str(n)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for run in runs
    ]
    for writer in writers:
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    errors = [writer.communicate()[1].decode() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * len(runs), errors
    with TrialLog.open(path) as log:
        for run in runs:
            logged = log.read_run(run, SPACE)
            np.testing.assert_array_equal(logged.evaluation.means["a"], run + np.arange(n) / 8)
            assert logged.states[n] == {"at": n - 1}
    assert os.listdir(path.parent) == ["trials.sqlite"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trials SET genotype = '[300, 1]'",
        "UPDATE trials SET genotype = '[1, 2, 3]'",
        "UPDATE trials SET genotype = 'null'",
        "UPDATE trials SET a = 'text'",
    ],
)
def test_damaged_rows(path, statement):
    with closing(sqlite3.connect(filled(path))) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(ResumeError, match="cannot be resumed as a trial log"):
        TrialLog.open(path)


def test_damaged_settings(path):
    with closing(sqlite3.connect(filled(path))) as connection:
        connection.execute("UPDATE search SET value = '{broken'")
        connection.commit()
    with pytest.raises(ResumeError, match="cannot be resumed as a trial log"):
        TrialLog.open(path)


@pytest.mark.parametrize("at", ["BEGIN IMMEDIATE", "INSERT INTO", "COMMIT"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_interrupted_commit_loses_and_repeats_nothing(path, at, when):
    log = TrialLog.create(path, IDENTITY, ["a", "a_sem"])
    log.append(0, 0, 0, batch(0, 3)[0], [True] * 3, batch(0, 3)[1])
    whole = log._connection

    class Cursor:
        def __init__(self):
            self.inner = whole.cursor()

        def __getattr__(self, name):
            def call(statement="", *arguments):
                hit = statement.startswith(at)
                if hit and when == "before":
                    raise KeyboardInterrupt
                result = getattr(self.inner, name)(*([statement, *arguments] if statement else []))
                if hit:
                    raise KeyboardInterrupt
                return result

            return call

    class Connection:
        cursor = Cursor
        in_transaction = property(lambda self: whole.in_transaction)
        rollback = whole.rollback

    log._connection = Connection()
    with pytest.raises(KeyboardInterrupt):
        log.commit()
    log._connection = whole
    log.close()
    assert os.listdir(path.parent) == ["trials.sqlite"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (3,)
