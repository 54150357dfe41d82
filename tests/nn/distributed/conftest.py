import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch

CASES = Path(__file__).with_name("cases.py")
QUICK = (
    "heads",
    "heads_to_the_end",
    "stochastic_depth",
    "join",
    "join_heads",
    "accumulation",
    "checkpointing",
    "empty",
    "alone",
    "fsdp",
    "fsdp_in_warm_up",
)
SLOW = (
    "without_attach",
    "heads_under_fsdp",
    "compiled",
    "compiled_as_a_whole",
    "fsdp_variants",
    "fsdp_without_attach",
    "fsdp_chips",
)
TIMEOUT = 240


def run_together(names):
    """Run cases in two processes; return their results, one for each process, by name."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
        processes = [
            subprocess.Popen(
                [sys.executable, str(CASES), str(rank), "2", folder, *names],
                env=environment,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]
        try:
            errors = [process.communicate(timeout=TIMEOUT)[1] for process in processes]
        finally:
            for process in processes:
                process.kill()
        results = {}
        for name in names:
            paths = [Path(folder) / f"{name}-{rank}" for rank in range(2)]
            results[name] = [
                torch.load(path, weights_only=False)
                if path.exists()
                else {"error": errors[rank][-2000:]}
                for rank, path in enumerate(paths)
            ]
        return results


@pytest.fixture(scope="session")
def together():
    """Results of the quick cases; all run in one pair of processes."""
    return Results(run_together(QUICK))


@pytest.fixture(scope="session")
def together_slow():
    """Results of the other cases."""
    return Results(run_together(SLOW))


class Results(dict):
    """By name; a case that failed raises what it printed."""

    def __getitem__(self, name):
        results = super().__getitem__(name)
        for rank, result in enumerate(results):
            assert "error" not in result, f"process {rank}:\n{result['error']}"
        return results
