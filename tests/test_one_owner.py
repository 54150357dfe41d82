"""Two commands with one new folder: the one that was first keeps it, whatever the order of their steps."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from analognas.cli.main import main
from analognas.core import OutputFolderError, atomic_write, write_text
from analognas.evaluators import TableEvaluator
from analognas.search import TrialLog, Worker
from analognas.training import RunConfig, train_run

SMALL = {"train": 64, "validation": 32, "test": 32}


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def in_thread(action):
    """What an action raises in another thread, which is another owner; None if nothing."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(action).exception()


class Meeting(TableEvaluator):
    """Starts another search in the same folder while it is asked for the first values."""

    def __init__(self, meet):
        super().__init__()
        self.meet = meet

    def evaluate(self, population, metrics):
        meet, self.meet = self.meet, None
        if meet is not None:
            meet()
        return super().evaluate(population, metrics)


def search(out, **settings):
    options = {"optimizer": "random_search", "runs": 1, "budget": 20, **settings}
    return Worker(out=out, **options).search()


def test_the_loser_of_two_searches_does_not_delete_the_winners_log(tmp_path):
    out, refused = tmp_path / "out", []

    def meet():
        before = content(out)
        refused.append(in_thread(lambda: search(out, seed=2)))
        assert content(out) == before

    search(out, evaluator=Meeting(meet))
    assert isinstance(refused[0], OutputFolderError)
    assert "Another process is at work" in str(refused[0])
    whole = search(tmp_path / "alone")
    assert (out / "best.json").read_bytes() == (tmp_path / "alone" / "best.json").read_bytes()
    assert whole.feasible


@pytest.mark.parametrize("step", ["create", "open"])
def test_a_search_between_the_steps_of_another(tmp_path, monkeypatch, step):
    """The second comes when the first has its folder but no log, or has the log but has not opened it."""
    out, refused = tmp_path / "out", []
    real = getattr(TrialLog, step)

    def meeting(*arguments, **options):
        monkeypatch.setattr(TrialLog, step, real)
        refused.append(in_thread(lambda: search(out, seed=2)))
        return real(*arguments, **options)

    monkeypatch.setattr(TrialLog, step, meeting)
    search(out)
    assert isinstance(refused[0], OutputFolderError)
    assert sorted(content(out)) == ["best.json", "trials.sqlite"]


def test_two_resumed_searches(tmp_path):
    out, refused = tmp_path / "out", []
    search(out)
    meet = Meeting(lambda: refused.append(in_thread(lambda: search(out, budget=40, resume=True))))
    search(out, budget=40, resume=True, evaluator=meet)
    assert "Another process is at work" in str(refused[0])


def config(seed=0):
    return RunConfig.from_dict(
        {
            "model": "cnn-4",
            "data": "digits",
            "subset": SMALL,
            "seed": seed,
            "recipe": {"kind": "digital", "epochs": 1},
        }
    )


def test_two_trainings_with_one_new_folder(tmp_path):
    """The settings in the folder were those of the training that was refused, or its result was lost."""
    out, refused = tmp_path / "out", []

    def listen(stage, folder):
        if not refused:
            refused.append(in_thread(lambda: train_run(config(seed=7), out)))

    train_run(config(), out, listen=listen)
    assert isinstance(refused[0], OutputFolderError)
    train_run(config(), tmp_path / "alone")
    assert content(out) == content(tmp_path / "alone")
    assert RunConfig.load(out / "config.yaml").seed == 0


def test_a_training_and_a_search(tmp_path):
    out, refused = tmp_path / "out", []
    search(
        out, evaluator=Meeting(lambda: refused.append(in_thread(lambda: train_run(config(), out))))
    )
    assert isinstance(refused[0], OutputFolderError)
    assert sorted(content(out)) == ["best.json", "trials.sqlite"]


HOLD = """
import sys
from analognas.core import hold_folder

with hold_folder(sys.argv[1], make=True):
    print("has it", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def held(tmp_path):
    """A folder that another process has just claimed; nothing is in it yet."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"has it\n"
    yield tmp_path / "out"
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "a"
    train_run(config(), folder)
    return folder


@pytest.mark.parametrize("command", ["search", "train", "drift", "sensitivity"])
def test_every_command_leaves_the_folder_of_another(held, trained, capsys, command):
    words = {
        "search": ["--budget", "10", "--runs", "1"],
        "train": ["--epochs", "1"],
        "drift": [str(trained), "--chips", "2", "--examples", "8"],
        "sensitivity": [str(trained), "--chips", "2", "--examples", "8"],
    }[command]
    assert main([command, *words, "--out", str(held)]) == 2
    assert "Another process is at work in the folder" in capsys.readouterr().err
    assert os.listdir(held) == []


def test_files_that_are_to_be_new(tmp_path, monkeypatch, capsys):
    """`cost --keep` and `trials export` write one file: the second does not replace the first."""

    def write(text, meanwhile=lambda: None):
        with atomic_write(tmp_path / "a", new=True) as file:
            file.write(text)
            meanwhile()

    with pytest.raises(OutputFolderError, match="exists already"):
        write(b"late", lambda: write(b"first"))
    with pytest.raises(OutputFolderError, match="exists already"):
        write(b"later")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a"]


def test_keep_does_not_replace_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cells = ["0,0,0,4,3,2", *(f"{a},{b},0,1,2,3" for a in range(4) for b in range(4))]
    rows = "".join(f'"{cell}",{1 + n / 10}\n' for n, cell in enumerate(cells))
    write_text(tmp_path / "m.csv", "architecture,mine_latency\n" + rows)
    words = ["cost", "2,2,0,4,2,1", "--measured", "m.csv", "--keep", "k.parquet"]
    assert main(words) == 0
    before = (tmp_path / "k.parquet").read_bytes()
    assert main(words) == 2
    assert "'k.parquet' exists already" in capsys.readouterr().err
    assert (tmp_path / "k.parquet").read_bytes() == before


FILL = """
import sys, time
from analognas.core import atomic_write
from analognas.core.sqlite_files import created_whole

if sys.argv[2] == "file":
    with atomic_write(sys.argv[1]) as file:
        file.write(b"half")
        file.flush()
        print("half", flush=True)
        time.sleep(60)
else:
    from pathlib import Path
    with created_whole(Path(sys.argv[1])) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (zeroblob(10000000))")
        print("half", flush=True)
        time.sleep(60)
"""


def killed_while_it_writes(target, kind):
    process = subprocess.Popen(
        [sys.executable, "-c", FILL, str(target), kind], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"half\n"
    while_alive = os.listdir(target.parent)
    write_text(target.parent / "other", "x")  # which leaves alone what is being written
    assert set(while_alive) <= set(os.listdir(target.parent))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert any(name.startswith(".analognas-") for name in os.listdir(target.parent))


@pytest.mark.skipif(os.name == "nt", reason="files are not locked there")
@pytest.mark.parametrize("kind", ["file", "database"])
def test_temporary_files_of_a_killed_writer_go_with_the_next_write(tmp_path, kind):
    killed_while_it_writes(tmp_path / "drift.png", kind)
    time.sleep(0.05)
    write_text(tmp_path / "drift.png", "whole")
    assert sorted(os.listdir(tmp_path)) == ["drift.png", "other"]


@pytest.mark.skipif(os.name == "nt", reason="files are not locked there")
def test_a_log_that_was_being_made_when_its_process_was_killed_is_not_in_the_way(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    killed_while_it_writes(out / "trials.sqlite", "database")
    (out / "other").unlink()
    search(out)
    assert sorted(os.listdir(out)) == ["best.json", "trials.sqlite"]


def test_a_temporary_name_that_is_not_ours_stays(tmp_path):
    names = [".drift.png.0123abcd", ".analognas-xyz.part", "analognas-0123456789abcdef.part"]
    for name in names:
        (tmp_path / name).touch()
    write_text(tmp_path / "a", "x")
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "a"])


def test_many_writers_of_one_file(tmp_path):
    barrier = threading.Barrier(8)

    def write(number):
        barrier.wait()
        for _ in range(20):
            write_text(tmp_path / "a", f"{number}" * 1000)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert len(set((tmp_path / "a").read_text())) == 1
    assert os.listdir(tmp_path) == ["a"]
