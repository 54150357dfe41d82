"""Processes of this machine and Ctrl-C, which reaches all of them."""

import operator
import os
import signal
import threading
from multiprocessing.context import SpawnProcess

import pytest

from analognas.core.processes import ProcessCrew


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="needs the signals of POSIX")
@pytest.mark.parametrize("to_thread", [False, True])
def test_ctrl_c_while_a_process_starts_comes_afterwards(monkeypatch, to_thread):
    """It is not lost, and the process starts with it blocked."""
    start, started = SpawnProcess.start, []

    def interrupted(self):
        if to_thread:
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        start(self)
        started.append(self)

    monkeypatch.setattr(SpawnProcess, "start", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            ProcessCrew(1, operator.add, 2, kind="number", environment={})
        assert len(started) == 2
        for process in started:
            with pytest.raises(ValueError, match="closed"):
                process.is_alive()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.signal(signal.SIGINT, before)
