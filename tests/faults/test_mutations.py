"""Files of every kind with random changes are read rightly or raise a named error, within 5 s and 1 GiB."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from readers import KINDS  # noqa: E402

N_FAST, N_SLOW = 20, 200


def examined(n, seed):
    """What happened to each kind, in processes of their own."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(HERE.parent / "builder"), *filter(None, sys.path)]),
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "readers.py"), str(n), str(seed)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    last, found = {}, {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        if "now" in answer:
            last[answer["kind"]] = answer["now"]
        else:
            found.setdefault(answer["kind"], {"last": last.get(answer["kind"])}).update(answer)
    return found


@pytest.fixture(scope="module")
def some():
    return examined(N_FAST, 0)


@pytest.fixture(scope="module")
def many():
    return examined(N_SLOW, 1)


def check(found, kind, n):
    assert found[kind]["status"] == 0, f"the process ended at mutation {found[kind]['last']}"
    print(f"{kind}: {found[kind]['counts']}")
    assert not found[kind]["faults"], found[kind]["faults"]
    assert sum(found[kind]["counts"].values()) == n
    # Some changes are noticed; else the mutations are none.
    assert any(name.endswith("Error") for name in found[kind]["counts"])


@pytest.mark.parametrize("kind", KINDS)
def test_changed_files(some, kind):
    check(some, kind, N_FAST)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_changed_files(many, kind):
    check(many, kind, N_SLOW)
