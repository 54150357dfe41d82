"""Damaged and foreign trial logs: what is read from them is right, or they are refused."""

import os
import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from analognas.cli.main import main
from analognas.core import AnalogNASError, ResumeError, TableIntegrityError
from analognas.search import TrialLog, Worker, find_logs, read_trials
from analognas.spaces import NASBench201Space

DATA = Path(__file__).parent / "data"
METRIC = "analog_drift_2592000"


def search(out, **settings):
    options = {"optimizer": "random_search", "runs": 2, "budget": 30, "seed": 1, **settings}
    return Worker(out=out, **options).search()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    search(folder / "a")
    return folder / "a" / "trials.sqlite"


@pytest.fixture
def log(whole, tmp_path):
    (tmp_path / "a").mkdir()
    return Path(shutil.copy(whole, tmp_path / "a" / "trials.sqlite"))


@pytest.fixture
def old(tmp_path):
    """A log without checksums."""
    (tmp_path / "old").mkdir()
    file = DATA / "version_2_nasbench201.sqlite"
    return Path(shutil.copy(file, tmp_path / "old" / "trials.sqlite"))


def change(file, *statements):
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def refused(file, words=""):
    """The log is refused by whoever reads it, and nothing in its folder is changed."""
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    with pytest.raises(TableIntegrityError, match=words):
        read_trials(file)
    with pytest.raises(ResumeError, match=words):
        TrialLog.open(file)
    assert before == {path.name: path.read_bytes() for path in file.parent.iterdir()}


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE trials SET {METRIC} = {METRIC} + 0.001 WHERE run = 1 AND number = 7",
        f"UPDATE trials SET {METRIC} = NULL WHERE number = 3",
        "UPDATE trials SET genotype = '[0, 0, 0, 0, 0, 0]' WHERE run = 0 AND number = 0",
        "UPDATE trials SET architecture = '[0, 0, 0, 0, 0, 0]' WHERE run = 0 AND number = 0",
        "UPDATE trials SET new = 0 WHERE run = 0 AND number = 5",
        "UPDATE trials SET batch = 77 WHERE run = 0 AND number = 5",
        "UPDATE trials SET time = time + 1 WHERE run = 0 AND number = 5",
        "UPDATE trials SET number = 1000 WHERE run = 0 AND number = 5",
        "DELETE FROM trials WHERE run = 1 AND number = 29",
        "INSERT INTO trials (run, number, batch, time, new, genotype) "
        "SELECT 2, number, batch, time, new, genotype FROM trials WHERE run = 1",
        "INSERT INTO failures VALUES (0, 3, 'it diverged')",
        "UPDATE states SET seconds = seconds + 1",
        "UPDATE states SET generator = '{}' WHERE run = 1",
        "DELETE FROM states WHERE run = 0",
        "INSERT INTO states VALUES (7, 1, 0.5, '{}')",
        "UPDATE search SET value = '2' WHERE key = 'seed'",
        "INSERT INTO search VALUES ('more', '1')",
        "INSERT INTO set_aside SELECT * FROM trials",
        "UPDATE commits SET checksum = 'f' || substr(checksum, 2)",
        "UPDATE commits SET trials = '[[0, 0, 30]]' WHERE number = 1",
        "DELETE FROM commits WHERE number = 0",
        "DELETE FROM commits",
        "UPDATE commits SET number = number + 1 WHERE number > 0",
    ],
)
def test_what_was_changed_by_hand_is_noticed(log, statement):
    change(log, statement)
    refused(log, "checksum|commit")


def test_the_error_says_which_trials(log):
    change(log, f"UPDATE trials SET {METRIC} = 5.0 WHERE run = 1 AND number = 7")
    refused(log, r"commit \d+ does not match its checksum \(trials \d+ to \d+ of run \d")


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_are_harmless_or_noticed(whole, tmp_path, seed):
    """3 of 100 flipped bits changed a value that was then reported, and named another winner."""
    sound, content = read_trials(whole), whole.read_bytes()
    generator = random.Random(seed)
    file = tmp_path / "trials.sqlite"
    n_refused = 0
    for _ in range(60):
        changed = bytearray(content)
        place = generator.randrange(len(changed))
        changed[place] ^= 1 << generator.randrange(8)
        if generator.random() < 0.2:
            changed = changed[: generator.randrange(len(changed))]
        file.write_bytes(changed)
        try:
            found = read_trials(file)
        except AnalogNASError:
            n_refused += 1
            continue
        assert found.settings == sound.settings
        for name in ("run", "number", "time", "new", "genotypes", "architectures", "errors"):
            assert getattr(found, name).tolist() == getattr(sound, name).tolist(), (name, place)
        assert found.values[METRIC].tobytes() == sound.values[METRIC].tobytes(), place
    assert 10 < n_refused < 60
    assert os.listdir(tmp_path) == ["trials.sqlite"]


def test_a_resumed_search_does_not_name_another_winner(log):
    search(log.parent, budget=30, resume=True)
    best = (log.parent / "best.json").read_bytes()
    content = bytearray(log.read_bytes())
    row = read_trials(log).genotypes[0].tolist()
    content[content.index(str(row).encode()) + 1] ^= 1
    log.write_bytes(content)
    with pytest.raises(ResumeError, match="checksum"):
        search(log.parent, budget=40, resume=True)
    assert (log.parent / "best.json").read_bytes() == best


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE trials SET analog_drift_86400 = 116.68 WHERE number = 3", "116.68.*percentage"),
        ("UPDATE trials SET analog_drift_86400 = -1 WHERE number = 3", "-1.*percentage"),
        ("UPDATE trials SET analog_drift_86400 = 9e999", "infinite"),
        ("UPDATE trials SET analog_drift_86400 = x'31303030'", "b'1000'"),
        ("UPDATE trials SET analog_drift_86400 = 'many'", "'many'"),
        ("UPDATE trials SET params = -5", "-5"),
        ("UPDATE trials SET genotype = '[258, 2, 0, 4, 2, 1]' WHERE number = 3", "258"),
        ("UPDATE trials SET genotype = '[-1, 2, 0, 4, 2, 1]' WHERE number = 3", "-1"),
        ("UPDATE trials SET genotype = '[1.7, 2, 0, 4, 2, 1]' WHERE number = 3", "1.7"),
        ("UPDATE trials SET genotype = '[1, 2, 0, 4, 2]' WHERE number = 3", "one length"),
        ("UPDATE trials SET genotype = '[1, 2, 0, 4, 2]'", "5 genes"),
        ("UPDATE trials SET genotype = '[' || hex(zeroblob(5000)) || ']'", "genotype"),
        ("UPDATE trials SET genotype = NULL", "None"),
        ("UPDATE trials SET genotype = x'5b5d'", "genotype"),
        ("UPDATE trials SET time = NULL", "None"),
        ("UPDATE trials SET time = 1e300", "time"),
        ("UPDATE trials SET batch = 'x'", "'x'"),
        ("UPDATE trials SET new = 7", "new"),
        ("UPDATE trials SET run = -1 WHERE run = 1", "between 0 and"),
        ("UPDATE search SET value = NULL WHERE key = 'seed'", "None"),
        ("UPDATE search SET value = '{' WHERE key = 'seed'", "seed"),
        ("UPDATE search SET value = '{\"a\": 1, \"a\": 2}' WHERE key = 'optimizer'", "twice"),
        ("UPDATE failures SET error = NULL", "None"),
    ],
)
def test_types_and_ranges_of_logs_without_checksums(old, statement, words):
    change(old, "INSERT OR REPLACE INTO failures VALUES (0, 3, 'it diverged')", statement)
    with pytest.raises(TableIntegrityError, match=words):
        read_trials(old)


def test_an_infinite_value_does_not_lead(old):
    change(old, "UPDATE trials SET analog_drift_86400 = 9e999 WHERE number = 3")
    refused(old, "infinite")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON trials BEGIN DELETE FROM trials WHERE run = 0; END",
        "CREATE TRIGGER t AFTER UPDATE ON search BEGIN DELETE FROM trials; END",
        "CREATE VIEW v AS SELECT * FROM trials",
        "CREATE TABLE more (x)",
        "CREATE INDEX i ON trials (genotype)",
        "CREATE TABLE sqlite_stat (x)",
        "ALTER TABLE trials ADD COLUMN seconds REAL",
        "ALTER TABLE trials ADD COLUMN twice REAL GENERATED ALWAYS AS (number * 2)",
        "ALTER TABLE search ADD COLUMN more TEXT",
        "DROP TABLE states",
    ],
)
@pytest.mark.parametrize("version", ["now", "before"])
def test_foreign_schemas_are_refused(log, old, statement, version):
    """A trigger deleted run 0 when the search was resumed."""
    file = log if version == "now" else old
    try:
        change(file, statement)
    except sqlite3.OperationalError as error:
        pytest.skip(str(error))  # a name that SQLite keeps for itself
    refused(file, "trial log|lacks a table")


def test_an_endless_view_is_not_read(old):
    change(
        old,
        "ALTER TABLE trials RENAME TO real",
        "CREATE VIEW trials AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT 0 AS run, i AS number, 0 AS batch, 1.0 AS time, 1 AS new, '[0, 0, 0, 0, 0, 0]' AS "
        "genotype, 80.0 AS analog_drift_86400 FROM n",
    )
    start = time.monotonic()
    refused(old, "not that of a trial log")
    assert time.monotonic() - start < 2


def test_a_log_holds_no_more_than_its_file(old, monkeypatch):
    """Pages of a forged file may be named again and again, so that a few kilobytes hold millions of rows."""
    facts = os.stat(old)
    monkeypatch.setattr(
        "analognas.core.sqlite_files._state", lambda path: {"": (1000, facts.st_mtime_ns)}
    )
    with pytest.raises(TableIntegrityError, match="more than its size allows"):
        read_trials(old)


@pytest.mark.parametrize("depth", [200, 200_000])
def test_deep_json(old, depth):
    deep = "[" * depth + "]" * depth
    for statement in (
        f"UPDATE search SET value = '{deep}' WHERE key = 'optimizer'",
        f"UPDATE states SET generator = '{deep}'",
    ):
        change(old, statement)
        with pytest.raises(ResumeError, match="nested") as caught, TrialLog.open(old) as opened:
            opened.read_run(0, NASBench201Space())
        assert len(str(caught.value)) < 1000


def test_one_bad_log_does_not_hide_the_others(log, old, tmp_path, capsys, monkeypatch):
    broken = tmp_path / "broken"
    changes = {
        "deep": f"UPDATE search SET value = '{'[' * 100_000}' WHERE key = 'optimizer'",
        "text": "UPDATE trials SET analog_drift_86400 = 'many'",
        "time": "UPDATE trials SET time = 1e300",
        "metric": "UPDATE search SET value = '[\"nothing\"]' WHERE key = 'objectives'",
        "unhashable": "UPDATE search SET value = '[[1]]' WHERE key = 'objectives'",
        "none": "UPDATE search SET value = '[]' WHERE key = 'objectives'",
        "bound": "UPDATE search SET value = '[\"nonsense\"]' WHERE key = 'constraints'",
        "space": "UPDATE search SET value = '{\"a\": []}' WHERE key = 'space'",
        "runs": "UPDATE search SET value = '1e400' WHERE key = 'runs'",
        "optimizer": "UPDATE search SET value = '7' WHERE key = 'optimizer'",
    }
    for name, statement in changes.items():
        (broken / name).mkdir(parents=True)
        change(Path(shutil.copy(old, broken / name / "trials.sqlite")), statement)
    (broken / "empty").mkdir()
    (broken / "empty" / "trials.sqlite").touch()
    (broken / "folder" / "trials.sqlite").mkdir(parents=True)
    (broken / "text2").mkdir()
    (broken / "text2" / "trials.sqlite").write_text("nothing of the kind" * 100)
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["trials", "ls", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert str(log.parent) in shown.out
    assert shown.out.count("unreadable") >= 8
    assert "Traceback" not in shown.err
    assert len(find_logs(tmp_path)) >= 14


def test_reading_and_resuming_a_sound_log_of_version_2(old):
    assert len(read_trials(old)) == 40
    with TrialLog.open(old) as opened:
        assert len(opened.read_run(0, NASBench201Space())) == 20
        opened.note({"budget": 21})
    change_nothing = read_trials(old)
    assert change_nothing.settings["budget"] == 21
    change(old, "UPDATE trials SET analog_drift_86400 = 80 WHERE number = 3")
    refused(old, "checksum")


def test_negative_zero_and_nan_keep_their_checksums(tmp_path):
    from analognas.evaluators import Evaluation

    with TrialLog.create(tmp_path / "trials.sqlite", {"space": "toy"}, ["a", "a_sem"]) as log:
        values = np.array([-0.0, np.nan, 1e-320, 2.0**60, -np.float64("nan")])
        log.append(
            0,
            0,
            0,
            np.zeros((5, 3), dtype=np.int8),
            [True] * 5,
            Evaluation({"a": values}, {"a": values}),
        )
    with TrialLog.open(tmp_path / "trials.sqlite") as log:
        assert log.columns == ["a", "a_sem"]


def test_texts_of_failures_may_be_anything(tmp_path):
    from analognas.evaluators import Evaluation

    reasons = {0: "x\x00y", 1: "é😀", 2: "", 3: "\udc80"}
    with TrialLog.create(tmp_path / "trials.sqlite", {"space": "toy"}, ["a"]) as log:
        log.append(
            0,
            0,
            0,
            np.zeros((4, 3), dtype=np.int8),
            [True] * 4,
            Evaluation({"a": np.full(4, np.nan)}),
            reasons,
        )
    with TrialLog.open(tmp_path / "trials.sqlite") as log:
        from analognas.spaces import ConfigSpace

        space = ConfigSpace(name="toy")
        for name in "abc":
            space.add_hyperparameter(name, "discrete", 0, 1)
        assert log.read_run(0, space).errors[1] == "é😀"


def test_a_finished_search_is_read_where_nothing_can_be_written(log, monkeypatch, capsys):
    before = sorted(os.listdir(log.parent))
    real = os.open

    def read_only(path, flags, *rest, **more):
        if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", read_only)
    assert main(["trials", "show", str(log.parent), "--top", "1"]) == 0
    assert main(["trials", "ls", str(log.parent)]) == 0
    assert "1 of 60 trials" in capsys.readouterr().out
    assert sorted(os.listdir(log.parent)) == before
