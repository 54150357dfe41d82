"""Plant one fault at a time into a copy of the package, and tell whether the tests of it fail.

``python tests/planted_faults.py`` plants all of them, ``python tests/planted_faults.py packing cli`` those whose
number, file or tests contain one of these words. A fault that survives is a hole in the tests. Run it when tests
become fewer, smaller or slower: each fault must still be caught by the tests that run without ``--slow``.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Fault(NamedTuple):
    """A fault: in a file of ``src/analognas`` an old text, which it has once, becomes a new one."""

    file: str
    old: str
    new: str
    tests: str  # arguments of pytest, separated by spaces; relative to ``tests``


CLI = "cli/test_cli.py::"
BUILD = "builder/test_build.py::"
RESUME = "training/test_resume.py::"
FRONTS = "search/results/test_fronts.py::"
SHARED = "search/test_shared_log.py::"
FUNCTION = "evaluators/test_function.py::"
REPORT = "report/test_search_report.py::"
PACKING = "hardware/test_packing.py::test_no_cell_is_used_twice_and_none_is_lost"
KILLED = "training/test_resume.py::test_killed_at_random_moments_it_ends_the_same"

FAULTS = [
    # Commands
    Fault("search/components.py", "DEFAULT_BUDGET = 500", "DEFAULT_BUDGET = 50", CLI + "test_the_default_budget"),
    Fault("search/components.py", "DEFAULT_RUNS = 5", "DEFAULT_RUNS = 4", CLI + "test_a_short_search_with_its_defaults"),
    Fault("cli/exits.py", "EXIT_INTERRUPTED = 130", "EXIT_INTERRUPTED = 1", CLI + "test_stopped_and_resumed_equals_uninterrupted"),
    Fault("cli/main.py", "return 0 if stop.code == 1 else", "return 1 if stop.code == 1 else", CLI + "test_reader_that_goes_away"),
    Fault("cli/main.py", 'stream.reconfigure(errors="replace")', 'stream.reconfigure(errors="strict")', CLI + "test_narrow_encodings_and_closed_streams"),
    # A search, its log and its result
    Fault("search/log/run_log.py", "self.end = int(self._logged.numbers[-1]) + 1 if", "self.end = int(self._logged.numbers[-1]) if", SHARED.rstrip(":")),
    Fault("search/log/run_log.py", "numbers.searchsorted(batch)", 'numbers.searchsorted(batch, side="right")', CLI + "test_stopped_and_resumed_equals_uninterrupted"),
    Fault("evaluators/problem.py", "np.multiply(evaluation.means[name], sign,", "np.multiply(evaluation.means[name], 1.0,", FRONTS.rstrip(":")),
    Fault("search/results/winners.py", "order = np.lexsort(costs.T[::-1])", "order = np.lexsort(costs.T)", FRONTS + "test_the_front_is_the_non_dominated_set_of_all_runs"),
    Fault("search/results/winners.py", "return standings.best_first()[:N_WINNERS]", "return standings.best_first()[::-1][:N_WINNERS]", "search/results/test_standings.py"),
    Fault("evaluators/problem.py", "return -np.array(self._signs) * costs", "return np.array(self._signs) * costs", FRONTS.rstrip(":")),
    Fault("optimizers/predictor_guided.py", "GraphEnsemble.fit(learnt, observations.scores[known])", "GraphEnsemble.fit(learnt, observations.scores[known], seed=id(learnt) % 9999)", "optimizers/test_predictor_guided.py::test_equal_seeds_give_equal_proposals"),
    # Functions of a user
    Fault("evaluators/function.py", 'f"{type(error).__name__}: {text}"', 'f"{text}"', FUNCTION + "test_a_search_goes_on_after_failures"),
    Fault("search/backends/jobs.py", "np.isinf(v)) for name, v in evaluation.means", "np.isneginf(v)) for name, v in evaluation.means", FUNCTION + "test_infinite_values_are_failures_and_nan_is_no_value"),
    # Figures
    Fault("report/drift.py", 'yerr=[metrics[f"{kind}_drift_{time}_std"]', 'yerr=[2 * metrics[f"{kind}_drift_{time}_std"]', REPORT.rstrip(":")),
    Fault("report/convergence.py", "curves[:, complete].std(axis=0, ddof=1)", "curves[:, complete].std(axis=1, ddof=1)", REPORT.rstrip(":")),
    # Builds
    Fault("builder/work_queue.py", "held[0] > retries", "held[0] >= retries", BUILD + "test_what_always_fails_is_recorded_with_its_error"),
    Fault("builder/work_queue.py", "open_needs = 0 ORDER BY id", "open_needs >= 0 ORDER BY id", "builder/test_work_queue.py"),
    Fault("builder/coordinator.py", "if reply.gone:\n                self.workers.replace(worker)", "if not reply.gone:\n                self.workers.replace(worker)", BUILD + "test_a_dead_worker_is_replaced_and_its_unit_done_by_another"),
    Fault("builder/coordinator.py", "queue.release(owner)", "pass", BUILD + "test_ctrl_c_returns_what_was_at_work"),
    Fault("builder/workers.py", '"sems": _plain(result.sems)', '"sems": _plain(result.stds)', BUILD + "test_a_build_measures_every_unit_once_and_leaves_one_table"),
    # Trainings
    Fault("training/checkpoint.py", 'torch.set_rng_state(tensors["random/cpu"])', "pass", KILLED),
    Fault("training/checkpoint.py", '"batch": position.batch,', '"batch": 0,', KILLED),
    Fault("training/loop.py", 'streams.torch("batches", position.epoch)', 'streams.torch("batches", position.step)', KILLED),
    # Analog layers
    Fault("nn/lifecycle.py", "split_generator(generator, len(layers))", "split_generator(torch.default_generator, len(layers))", "nn/layers/test_base.py::test_saved_loaded_and_programmed_in_a_fresh_process_gives_the_same_bits"),
    # Crossbars
    Fault("hardware/packing.py", "used_below, used_right = used.top + used.height, used.left + used.width", "used_below, used_right = used.top + used.height, used.left + used.width - 1", PACKING),
    Fault("hardware/packing.py", "self.cells or layer in self.layers:", "self.cells:", PACKING),
    # Numbers
    Fault("core/times.py", "return float(match[1]) * seconds", "return float(match[1])", "core/test_times.py"),
    Fault("core/constraints.py", "np.where(np.isnan(values), np.inf, broken)", "np.where(np.isnan(values), 0.0, broken)", "core/test_constraints.py"),
    Fault("data/splits.py", "np.lexsort((middle, ranks > 0))", "np.lexsort((middle,))", "data/test_splits.py"),
    Fault("drift/intervals.py", "return (self.high - self.low) / 2.0", "return self.high - self.low", "drift/test_intervals.py"),
    Fault("hardware/recalibration.py", '/ interval / check_float("rate"', '* interval / check_float("rate"', "hardware/test_programming.py"),
    Fault("spaces/moves.py", "np.concatenate([np.arange(1, n) for n in space.n_choices])", "np.concatenate([np.arange(n - 1) for n in space.n_choices])", "spaces/test_base.py"),
]  # fmt: skip


def caught_by(fault: Fault) -> tuple[str, float]:
    """Return the first test that fails with the fault, empty if none does, and the processor time, s."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source)
        file = source / "analognas" / fault.file
        text = file.read_text()
        assert text.count(fault.old) == 1, (
            f"{fault.file} has {fault.old!r} {text.count(fault.old)} times"
        )
        file.write_text(text.replace(fault.old, fault.new))
        path = os.pathsep.join(filter(None, (str(source), os.environ.get("PYTHONPATH"))))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "--no-header",
            "-p",
            "no:cacheprovider",
        ]
        done = subprocess.run(
            [*command, *(str(ROOT / "tests" / test) for test in fault.tests.split())],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    failed = [
        line.split()[1] for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))
    ]
    assert done.returncode == bool(failed), done.stdout[-2000:] + done.stderr
    return (failed or [""])[0].rpartition("::")[2], seconds


def main(words: list[str]) -> int:
    """Plant the faults that contain one of the words; return the number of survivors."""
    survivors = 0
    for number, fault in enumerate(FAULTS, 1):
        about = f"{number:>2} {fault.file} {fault.tests}"
        if words and not any(
            word == str(number) if word.isdecimal() else word in about for word in words
        ):
            continue
        test, seconds = caught_by(fault)
        survivors += not test
        change = " ".join(fault.old.split())[:44], " ".join(fault.new.split())[:44]
        verdict = f"caught by {test}" if test else "SURVIVED"
        print(
            f"{number:>2}  {fault.file:<34} {change[0]} -> {change[1]}: {verdict}  ({seconds:.0f} s)",
            flush=True,
        )
    return survivors


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
