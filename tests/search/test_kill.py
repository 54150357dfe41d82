"""A pooled search that is killed at any moment comes to the result of one that was not."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fragile.py")
SECONDS = 0.05  # an evaluation: 1.8 s of search for two processes, a commit every half second


def search(folder):
    """Start the search, or go on with it, in a group of processes of its own."""
    command = [sys.executable, str(SCRIPT), str(folder), str(SECONDS)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)


def finish(folder):
    process = search(folder)
    assert process.wait(600) == 0, process.communicate()[1].decode()
    process.stderr.close()


def n_logged(folder):
    """Trials that are safe."""
    file = folder / "trials.sqlite"
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT count(*) FROM trials").fetchone()[0]


def kill_group(folder, n_trials, delay):
    """Kill the whole search some seconds after it has logged so many trials; return how many it has then."""
    process = search(folder)
    while process.poll() is None and n_logged(folder) < n_trials:
        time.sleep(0.01)
    time.sleep(delay)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    return n_logged(folder)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "out"
    finish(folder)
    return (folder / "best.json").read_bytes()


def check(folder, uninterrupted):
    finish(folder)
    assert (folder / "best.json").read_bytes() == uninterrupted
    assert sorted(path.name for path in folder.iterdir()) == ["best.json", "trials.sqlite"]


def test_search_killed_twice_in_one_life(uninterrupted, tmp_path):
    folder = tmp_path / "out"
    reached = [kill_group(folder, n, 0.03) for n in (1, 30)]
    assert 1 <= reached[0] < reached[1] <= 72
    check(folder, uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_search_killed_at_a_random_moment(uninterrupted, tmp_path, seed):
    generator = random.Random(seed)
    folder = tmp_path / "out"
    kill_group(folder, generator.randrange(70), generator.uniform(0.0, 0.5))
    if not (folder / "trials.sqlite").exists():
        # Killed before it had begun: nothing is there to resume, and nothing is in the way.
        assert not folder.exists() or not any(folder.iterdir())
    check(folder, uninterrupted)
