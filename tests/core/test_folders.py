import errno
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from analognas.core import OutputFolderError, claim_folder, claim_output, folders, hold_folder

TAKE = """
import sys
from analognas.core import claim_folder

with claim_folder(sys.argv[1]):
    print("has it", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(params=["lock", "mark"])
def way(request, monkeypatch):
    """Locks on folders, and the file that takes their place where there are none."""
    if request.param == "mark":
        monkeypatch.setattr(folders, "try_lock", lambda handle: None)
    return request.param


def claim(path):
    with claim_folder(path):
        pass


def in_thread(function, *arguments):
    """Call in another thread, which is another owner."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *arguments).result()


def test_new_and_empty_folders(tmp_path, way):
    with claim_folder(tmp_path / "a" / "b") as folder:
        assert folder == tmp_path / "a" / "b"
        assert folder.is_dir()
    assert os.listdir(tmp_path / "a") == []  # made and left empty
    (tmp_path / "mine").mkdir()
    with claim_folder(tmp_path / "mine") as folder:
        (folder / "file").write_text("x")
    assert os.listdir(tmp_path / "mine") == ["file"]
    (tmp_path / "empty").mkdir()
    claim(tmp_path / "empty")
    assert os.listdir(tmp_path / "empty") == []  # was there, and stays


def test_refused_folders(tmp_path, way):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputFolderError, match="is not empty; give a new one, or continue"):
        claim(tmp_path)
    with pytest.raises(OutputFolderError, match="'.*file' is a file"):
        claim(tmp_path / "file")
    with pytest.raises(OutputFolderError, match="Cannot use the folder"):
        claim(tmp_path / "file" / "below")
    assert os.listdir(tmp_path) == ["file"]


def test_unwritable_folder(tmp_path, monkeypatch):
    # A superuser may write anywhere, so the answer of the system is stood in for.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputFolderError, match="Cannot write to the folder"):
        claim(tmp_path / "locked")
    assert os.listdir(tmp_path) == []


def test_numbered_folders(tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        names = [stack.enter_context(claim_output(None, "search")).name for _ in range(3)]
        assert names == ["search-001", "search-002", "search-003"]
        assert stack.enter_context(claim_output(None, "train")).name == "train-001"
        with pytest.raises(OutputFolderError, match="Another process is at work"):
            in_thread(claim, Path("analognas-runs") / "search-002")
    assert os.listdir("analognas-runs") == []


def test_numbered_folder_in_the_way_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "analognas-runs").write_text("x")
    with (
        pytest.raises(OutputFolderError, match="'analognas-runs' is a file here"),
        claim_output(None, "search"),
    ):
        pass


def test_a_folder_has_one_owner(tmp_path, way):
    with claim_folder(tmp_path / "out") as folder:
        with pytest.raises(OutputFolderError, match="Another process is at work in the folder"):
            in_thread(claim, folder)
        with claim_folder(folder), hold_folder(folder):  # blocks of one thread may be nested
            pass
        with pytest.raises(OutputFolderError, match="Another process is at work in the folder"):
            in_thread(claim, folder)
        assert folder.is_dir()


def test_whoever_has_waited_gets_the_folder(tmp_path, way):
    began, go = threading.Event(), threading.Event()

    def first():
        with claim_folder(tmp_path / "out"):
            began.set()
            go.wait()

    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(first)
        began.wait()
        threading.Timer(0.1, go.set).start()
        # The first removes the folder that it had made; the second makes it again.
        with hold_folder(tmp_path / "out", make=True, wait=60) as folder:
            assert done.result() is None
            assert folder.is_dir()


def test_many_at_once_one_wins(tmp_path, way):
    barrier = threading.Barrier(8)

    def run(number):
        barrier.wait()
        try:
            with claim_folder(tmp_path / "out") as folder:
                (folder / str(number)).write_text("x")
                time.sleep(0.05)
            return number
        except OutputFolderError:
            return None

    for _ in range(10):
        with ThreadPoolExecutor(8) as threads:
            winners = [n for n in threads.map(run, range(8)) if n is not None]
        assert os.listdir(tmp_path / "out") == [str(winner) for winner in winners]
        assert len(winners) == 1
        (tmp_path / "out" / str(winners[0])).unlink()
        (tmp_path / "out").rmdir()


def test_a_folder_removed_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    """As when the process that had made it leaves at this very moment."""
    real, left = folders.try_lock, []

    def lock(handle):
        if not left:
            left.append((tmp_path / "out").rmdir())
            (tmp_path / "out").mkdir()
        return real(handle)

    monkeypatch.setattr(folders, "try_lock", lock)
    with claim_folder(tmp_path / "out") as folder:
        assert folder.is_dir()
        monkeypatch.setattr(folders, "try_lock", real)
        with pytest.raises(OutputFolderError, match="Another process"):
            in_thread(claim, folder)


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked there")
def test_a_killed_process_leaves_nothing(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE, str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"has it\n"
    with pytest.raises(OutputFolderError, match="Another process is at work"):
        claim(tmp_path / "out")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert os.listdir(tmp_path / "out") == []
    claim(tmp_path / "out")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked there")
def test_a_forked_child_holds_nothing(tmp_path):
    out = tmp_path / "out"
    read, write = os.pipe()
    with claim_folder(out):
        child = os.fork()
        if not child:
            try:
                claim(out)
            except OutputFolderError as error:
                os.write(write, str(error).encode())
            finally:
                os.close(write)
                time.sleep(60)
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as stream:
            assert b"Another process" in stream.read()
    try:
        claim(out)  # although the child is alive
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_mark_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "try_lock", lambda handle: None)
    (tmp_path / folders.LOCK_FILE).touch()
    with pytest.raises(
        OutputFolderError, match=r"or delete '.*\.analognas\.lock' if it was killed"
    ):
        claim(tmp_path)
    (tmp_path / folders.LOCK_FILE).unlink()
    claim(tmp_path)


def test_what_cannot_be_made_is_told(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(OutputFolderError, match="Cannot use the folder .*No space left on device"):
        claim(tmp_path / "new")


def test_left_temporary_files_do_not_occupy_a_folder(tmp_path):
    (tmp_path / ".analognas-0123456789abcdef.part").write_text("half")
    (tmp_path / ".analognas-0123456789abcdef.part-journal").write_text("half")
    claim(tmp_path)
    assert os.listdir(tmp_path) == []
