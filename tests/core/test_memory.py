"""Freed memory that stays with the process."""

import subprocess
import sys

import pytest

from analognas.core.memory import keep_freed_memory

FAULTS = """
import resource, sys
import numpy as np
from analognas.core.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit("refused")
def work():
    for _ in range(20):
        blocks = [np.ones(1 << 20) for _ in range(3)]
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_blocks_of_the_same_size_cost_no_new_pages():
    faults = {}
    for how in ("default", "keep"):
        command = [sys.executable, "-c", FAULTS, how]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if "refused" in done.stderr:
            pytest.skip("the C library has no mallopt")
        faults[how] = int(done.stdout)
    # 60 blocks of 2,048 pages each.
    assert faults["keep"] < 60 * 2048 / 20
    assert faults["keep"] < faults["default"] / 5


def test_elsewhere_nothing_is_done(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False
