"""Searches that resume, and processes that share the log of one search."""

import subprocess
import sys

import pytest

from analognas.core import InvalidArgumentError, ResumeError
from analognas.optimizers import RandomSearch
from analognas.search import TrialLog, Worker

PART = """
import sys
from analognas.search import Worker

first, last = int(sys.argv[2]), int(sys.argv[3])
sys.stdin.readline()
Worker(runs=4, budget=24, out=sys.argv[1], only_runs=range(first, last)).search()
"""


def test_two_processes_share_a_search(tmp_path):
    out = tmp_path / "shared"
    parts = [
        subprocess.Popen(
            [sys.executable, "-c", PART, str(out), str(first), str(first + 2)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for first in (0, 2)
    ]
    for part in parts:
        part.stdin.write(b"\n")
        part.stdin.flush()
    errors = [part.communicate()[1].decode() for part in parts]
    assert [part.returncode for part in parts] == [0, 0], errors
    assert sorted(path.name for path in out.iterdir()) == ["trials.sqlite"]
    gathered = Worker(runs=4, budget=24, out=out, resume=True).search()
    alone = Worker(runs=4, budget=24).search()
    assert gathered.to_json() == alone.to_json()


def test_runs_of_one_process(fragile, tmp_path):
    out = tmp_path / "out"
    whole = fragile.worker(runs=3).search()
    part = fragile.worker(out, runs=3, only_runs=[2, 0]).search()
    assert [run.n_distinct for run in part.runs] == [36, 36]
    assert not (out / "best.json").exists()
    fragile.worker(out, runs=3, only_runs=[1]).search()
    assert fragile.worker(out, runs=3, resume=True).search().to_json() == whole.to_json()
    with pytest.raises(ResumeError, match="its seed is 0, but this search has 1"):
        fragile.worker(out, runs=3, only_runs=[1], seed=1).search()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"only_runs": [0]}, "`only_runs` needs `out`"),
        ({"only_runs": [], "out": "x"}, "must name at least one run"),
        ({"only_runs": [2], "out": "x"}, "`only_runs` must be an integer in \\[0, 1\\], but got 2"),
    ],
)
def test_bad_runs(fragile, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        fragile.worker(**options)


def test_search_of_version_1_resumes(fragile, tmp_path, rewrite_log):
    out = tmp_path / "out"
    fragile.worker(out, budget=20, runs=1).search()
    rewrite_log(
        out,
        *(f"DROP TABLE {name}" for name in ("states", "failures", "set_aside", "commits")),
        "ALTER TABLE trials DROP COLUMN architecture",
        "PRAGMA user_version = 1",
    )
    resumed = fragile.worker(out, resume=True).search()
    assert resumed.to_json() == fragile.worker().search().to_json()
    with TrialLog.open(out / "trials.sqlite") as log:
        assert log.read_run(1, fragile.Fragile().space).states


def test_a_replay_that_ends_in_another_state_is_refused(fragile, tmp_path, rewrite_log):
    out = tmp_path / "out"
    fragile.worker(out, budget=22, runs=1).search()
    # Every trial is as it was; what would come next is not.
    rewrite_log(out, "UPDATE states SET generator = replace(generator, '1', '2')")
    with pytest.raises(
        ResumeError, match="After 22 trials of run 0 the random generator is not in"
    ):
        fragile.worker(out, budget=30, runs=1, resume=True).search()


@pytest.mark.parametrize("gone", ["number IN (13, 16)", "number = 17", "number >= 12"])
def test_trials_that_are_absent_are_measured(fragile, tmp_path, rewrite_log, gone):
    """As after the end of a process in the middle of a batch that was measured in parallel."""
    out = tmp_path / "out"
    whole = fragile.worker(out, budget=18, runs=1).search()
    rewrite_log(out, f"DELETE FROM trials WHERE {gone}", "DELETE FROM states")
    diary = tmp_path / "diary"
    diary.mkdir()
    evaluator = fragile.Fragile(diary=diary)
    options = {"evaluator": evaluator, "budget": 18, "runs": 1}
    again = fragile.worker(out, resume=True, **options).search()
    assert again.to_json() == whole.to_json()
    assert len(list(diary.iterdir())) == {"number I": 2, "number =": 1, "number >": 6}[gone[:8]]


def test_random_search_has_states_too(tmp_path):
    Worker(optimizer=RandomSearch(), out=tmp_path / "a", runs=1, budget=20).search()
    longer = Worker(
        optimizer=RandomSearch(), out=tmp_path / "a", runs=1, budget=40, resume=True
    ).search()
    assert (
        longer.to_json() == Worker(optimizer=RandomSearch(), runs=1, budget=40).search().to_json()
    )
