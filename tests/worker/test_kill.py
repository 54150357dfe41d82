"""A pooled search that is killed at any moment comes to the result of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fragile.py")
SECONDS = 0.02  # an evaluation: 0.7 s of search for two processes


def search(folder):
    """Start the search, or go on with it, in a group of processes of its own."""
    command = [sys.executable, str(SCRIPT), str(folder), str(SECONDS)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)


def finish(folder):
    process = search(folder)
    assert process.wait(120) == 0, process.communicate()[1].decode()
    process.stderr.close()


def kill_group(folder, delay):
    """Kill the whole search some time after it began to log."""
    process = search(folder)
    while process.poll() is None and not (folder / "trials.sqlite").exists():
        time.sleep(0.002)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "out"
    finish(folder)
    return (folder / "best.json").read_bytes()


def check_kills(folder, uninterrupted, delays):
    for delay in delays:
        kill_group(folder, delay)
    finish(folder)
    assert (folder / "best.json").read_bytes() == uninterrupted
    assert sorted(path.name for path in folder.iterdir()) == ["best.json", "trials.sqlite"]


def test_search_killed_three_times_in_one_life(uninterrupted, tmp_path):
    check_kills(tmp_path / "out", uninterrupted, delays=[0.9, 1.3, 1.7])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_search_killed_at_random_moments(uninterrupted, tmp_path, seed):
    generator = random.Random(seed)
    check_kills(tmp_path / "out", uninterrupted, [generator.uniform(0.0, 3.0) for _ in range(2)])
