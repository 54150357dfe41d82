"""Each change of a file that fails is one named error, and leaves nothing half-written.

Errors of the disk are named and the command continues after them; interrupted and short writes go unnoticed.
"""

import errno
import json
import os
import sqlite3
from contextlib import closing

import pytest

COMMANDS = ("search", "train", "drift", "build", "report")
FAST = [
    ("search", 9, "ENOSPC"),
    ("search", 24, "EIO"),
    ("build", 12, "EIO"),
    ("train", 14, "ENOSPC"),
]


def check_whole(out):
    """No file in a folder is half-written."""
    if not out.exists():
        return
    for folder, _, names in os.walk(out):
        assert not [name for name in names if name.endswith(".part")], names
        for name in names:
            file = os.path.join(folder, name)
            if name.endswith(".json"):
                with open(file) as text:
                    json.load(text)
            if name.endswith(".sqlite"):
                with closing(sqlite3.connect(file)) as connection:
                    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def fail(disturber, command, number, name, out):
    counted, files, _ = disturber.whole(command)
    change = counted["changes"].split()[number]
    where = f"{command}, change {number} ({change}): {name}"
    done = disturber.run(
        command, "start", out, action="fail", error=getattr(errno, name), at=number
    )
    assert done["state"] == "ended", where
    assert "Traceback" not in done["err"], f"{where}\n{done['err']}"
    check_whole(out)
    if done["code"] == 0:
        # SQLite does without some changes, such as the first growth of its shared memory.
        assert disturber.files(command, out) == files, where
    else:
        assert disturber.is_one_error(done), (where, done)
    disturber.check_resumes(command, out)


@pytest.mark.parametrize(("command", "number", "name"), FAST)
def test_a_change_that_fails(disturber, command, number, name, tmp_path):
    fail(disturber, command, number, name, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_change_fails_once(disturber, command, name, tmp_path):
    counted, *_ = disturber.whole(command)
    wrong = []
    for number in range(counted["n_changes"]):
        try:
            fail(disturber, command, number, name, tmp_path / f"out-{number}")
        except AssertionError as error:
            wrong.append(f"{number}: {error}"[:1500])
    print(f"{command}: {counted['n_changes']} changes failed by {name}")
    assert not wrong, "\n\n".join(wrong)


def go_unnoticed(disturber, command, numbers, tmp_path):
    """Writes that are interrupted by a signal, or write a part only, are repeated."""
    _, files, names = disturber.whole(command)
    for number in numbers:
        for action, error in (("fail", errno.EINTR), ("short", 0)):
            out = tmp_path / f"{action}-{number}"
            done = disturber.run(
                command, "start", out, action=action, error=error, at=number, writes_only=True
            )
            assert done["code"] == 0, (number, action, done)
            assert disturber.files(command, out) == files, (number, action)
            assert sorted(os.listdir(out)) == names


@pytest.mark.parametrize("command", ["search"])
def test_interrupted_and_short_writes(disturber, command, tmp_path):
    go_unnoticed(disturber, command, (5,), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_all_interrupted_and_short_writes(disturber, command, tmp_path):
    counted, *_ = disturber.whole(command)
    n_writes = sum(change in ("write", "pwrite") for change in counted["changes"].split())
    go_unnoticed(disturber, command, range(n_writes), tmp_path)


@pytest.mark.parametrize(
    "command",
    ["search", *(pytest.param(name, marks=pytest.mark.slow) for name in COMMANDS[1:])],
)
def test_a_folder_that_cannot_be_written_to(disturber, command, tmp_path):
    """A file system that became read-only, for the superuser too."""
    disturber.whole(command)
    out = tmp_path / "out"
    for code in (errno.EROFS, errno.EACCES):
        done = disturber.run(command, "start", out, action="fail", error=code, at=0, always=True)
        if command != "report":  # whose folder is there already
            assert disturber.is_one_error(done), done
            assert not out.exists()
        else:
            assert disturber.is_one_error(done) or "Traceback" in done["err"]
    disturber.check_resumes(command, out)
