"""Passes on several threads."""

import os
import signal
import subprocess
import sys
import threading

import pytest
import torch

from analognas.nn.kernels.passes import BLOCK
from analognas.nn.kernels.threads import PART, run_all, slices

LONG = 8 * PART


@pytest.fixture(params=[1, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("n", [0, 1, PART, PART + 1, LONG + 5])
def test_slices_cover_the_range_once(n):
    covered = [i for part in slices(n) for i in range(part.start, part.stop)]
    assert covered == list(range(n))
    assert PART % BLOCK == 0


def test_every_part_is_run_once(threads):
    seen, names = [], set()

    def run(part):
        seen.append(part.start)
        names.add(threading.current_thread().name)
        return part.stop - part.start

    assert run_all(run, slices(LONG), LONG) == LONG
    assert sorted(seen) == [part.start for part in slices(LONG)]
    if threads == 1:
        assert names == {threading.current_thread().name}
    else:
        assert len(names) > 1


def test_short_arrays_stay_on_one_thread(threads):
    names = set()
    parts = [slice(0, 100), slice(100, 200)]
    run_all(lambda part: names.add(threading.get_ident()) or 0, parts, 200)
    assert names == {threading.get_ident()}


@pytest.mark.parametrize("failing", [0, PART])
def test_an_error_of_any_part_is_raised_when_all_have_ended(threads, failing):
    ended = []

    def run(part):
        if part.start == failing:
            raise ValueError(f"part {part.start}")
        ended.append(part.start)
        return 0

    with pytest.raises(ValueError, match=f"part {failing}"):
        run_all(run, slices(LONG), LONG)
    n_ended = len(ended)
    assert n_ended == len(set(ended))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_makes_its_own_threads():
    """Threads do not survive a fork: a child that waited for its parent's would hang."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    run_all(lambda part: 1, slices(LONG), LONG)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(run_all(lambda part: 1, slices(LONG), LONG))
    torch.set_num_threads(before)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == len(slices(LONG))


def test_passes_run_when_the_interpreter_ends():
    """Then no threads can be started any more: a thread of the user's that still works does all by itself."""
    script = f"""
import threading, time
from analognas.nn.kernels.threads import run_all, slices

def late():
    while threading.main_thread().is_alive():
        time.sleep(0.01)
    print(run_all(lambda part: 1, slices({LONG}), {LONG}))

threading.Thread(target=late).start()
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (ended.stdout.strip(), ended.stderr) == (str(len(slices(LONG))), "")
