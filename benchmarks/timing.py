"""Timing for the benchmarks: whole processes and interleaved functions, medians of process CPU time."""

import resource
import statistics
import subprocess
import sys
import time


def process_seconds(code, folder=None):
    """CPU seconds (user + system) and wall seconds of a fresh Python that runs ``code``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, cwd=folder)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def interleaved(functions, repeats):
    """Median of what each function returns, called in turn ``repeats`` times."""
    rows = [[function() for function in functions] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def cpu_seconds(function):
    """Process CPU seconds of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start
