import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from analognas.cli import main
from analognas.core.text_files import read_json
from analognas.optimizers import OPTIMIZERS
from analognas.search import Worker
from analognas.tables.analognasbench import SHIPPED_TABLE


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def fails(capsys, *words):
    """Run a command that must fail with one line on stderr and leave nothing behind."""
    before = sorted(os.listdir("."))
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"error: [^\n]+\n", captured.err)
    assert sorted(os.listdir(".")) == before
    return captured.err


@pytest.mark.slow  # the first command of the README runs it too
def test_search_with_its_defaults(capsys):
    assert main(["search"]) == 0
    best = json.loads(Path("analognas-runs/search-001/best.json").read_text())
    assert best["best"]["estimate"]["estimate"] > 87.5
    with closing(sqlite3.connect("analognas-runs/search-001/trials.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (2500,)


def test_a_short_search_with_its_defaults(capsys):
    assert main(["search", "--budget", "14"]) == 0
    out = capsys.readouterr().out
    assert "Best architecture" in out
    assert "Results in analognas-runs/search-001" in out
    folder = "analognas-runs/search-001"
    assert sorted(os.listdir(folder)) == [
        "best.json",
        "convergence.png",
        "drift.png",
        "report.html",
        "summary.md",
        "trials.sqlite",
    ]
    best = json.loads(Path(folder, "best.json").read_text())
    assert best["n_runs"] == 5
    assert best["budget"] == 14
    assert best["optimizer"]["name"] == "bayesian"
    assert best["objectives"] == ["analog_drift_2592000"]
    assert max(run["analog_drift_2592000"] for run in best["runs"]) > 88
    assert best["best"]["estimate"]["estimate"] > 86
    with closing(sqlite3.connect(f"{folder}/trials.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (70,)


def test_the_default_budget(monkeypatch, capsys):
    from analognas.search import Search

    found = []

    def run(search, *arguments, **options):
        settings = search.settings
        found.append((settings.runs, settings.budget, settings.seed))
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "run", run)
    assert main(["search"]) == 130
    assert found == [(5, 500, 0)]


def test_json_twice_gives_the_same_bytes(capsysbinary):
    outputs = []
    for _ in range(2):
        words = ["search", "--seed", "0", "--budget", "24", "--runs", "2", "--json"]
        assert main(words) == 0
        captured = capsysbinary.readouterr()
        outputs.append(captured.out)
        assert b"Results in analognas-runs/search-00" in captured.err
    assert outputs[0] == outputs[1]
    payload = json.loads(outputs[0])
    assert read_json("analognas-runs/search-001/best.json", sealed=True) == payload


def test_every_option(capsys):
    words = [
        "search",
        "--space",
        "nasbench201",
        "--optimizer",
        "random_search",
        "--metric",
        "avm",
        "--budget",
        "50",
    ]
    words += [
        "--runs",
        "2",
        "--seed",
        "3",
        "--constraint",
        "params<=6e5",
        "--constraint",
        "analog_drift_60>=85",
    ]
    assert main([*words, "--out", "here", "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    assert payload["optimizer"]["name"] == "random_search"
    assert payload["constraints"] == ["params<=600000", "analog_drift_60>=85"]
    assert payload["seed"] == 3
    assert [run["evaluations"] for run in payload["runs"]] == [50, 50]
    assert payload["best"]["metrics"]["params"] <= 6e5


def test_limits_of_the_optimizer_are_limits_of_the_search(capsys):
    words = [
        "search",
        "--optimizer",
        "analognas_ea",
        "--constraint",
        "params<=5e5",
        "--budget",
        "60",
    ]
    assert main([*words, "--runs", "1", "--out", "x"]) == 0
    first = Path("x/best.json").read_bytes()
    assert json.loads(first)["constraints"] == ["params<=500000", "avm<=10"]
    assert main(["search", "--resume", "x"]) == 0
    assert Path("x/best.json").read_bytes() == first


def test_simulated_noise(capsys):
    words = [
        "search",
        "--noise",
        "1",
        "--optimizer",
        "noise_aware",
        "--budget",
        "60",
        "--runs",
        "1",
    ]
    assert main([*words, "--constraint", "aimc_tiles<=100", "--out", "x"]) == 0
    out, err = capsys.readouterr()
    assert "95 % interval" in out
    assert "note" not in err
    first = json.loads(Path("x/best.json").read_text())
    assert first["best"]["metrics"]["aimc_tiles"] <= 100
    assert first["comparison"]["winner"]["n_readings"] >= 1
    with closing(sqlite3.connect("x/trials.sqlite")) as connection:
        n, distinct = connection.execute("SELECT count(*), sum(new) FROM trials").fetchone()
    assert distinct < n == 60
    assert main(["search", "--resume", "x"]) == 0
    assert json.loads(Path("x/best.json").read_text()) == first
    capsys.readouterr()
    assert "its evaluator is" in fails(capsys, "search", "--resume", "x", "--noise", "2")


def test_noise_aware_search_without_noise_says_so(capsys):
    assert main(["search", "--optimizer", "noise_aware", "--budget", "20", "--runs", "1"]) == 0
    assert capsys.readouterr().err == (
        "note: NoiseAware measures nothing again, because a repeat is no new measurement, and searches like "
        "regularized_evolution alone; use a stochastic evaluator such as NoisyTableEvaluator (--noise).\n"
    )


def test_limit_of_time_is_kept_for_who_resumes(capsys):
    words = ["search", "--optimizer", "random_search", "--budget", "40", "--runs", "1"]
    words += ["--max-seconds", "1000", "--out", "x"]
    assert main(words) == 0
    first = Path("x/best.json").read_bytes()
    assert json.loads(first)["max_seconds"] == 1000
    assert main(["search", "--resume", "x", "--backend", "serial", "--workers", "1"]) == 0
    assert Path("x/best.json").read_bytes() == first


def test_limit_of_cost(capsys):
    words = [
        "search",
        "--cost-metric",
        "aimc_energy",
        "--max-cost",
        "2.5",
        "--runs",
        "1",
        "--out",
        "x",
    ]
    assert main([*words, "--optimizer", "regularized_evolution"]) == 0
    first = Path("x/best.json").read_bytes()
    payload = json.loads(first)
    assert (payload["cost_metric"], payload["max_cost"]) == ("aimc_energy", 2.5)
    assert payload["runs"][0]["stopped_by"] == "cost"
    with closing(sqlite3.connect("x/trials.sqlite")) as connection:
        assert connection.execute("SELECT sum(aimc_energy) FROM trials").fetchone()[0] >= 2.5
    assert main(["search", "--resume", "x"]) == 0
    assert Path("x/best.json").read_bytes() == first
    assert main(["search", "--resume", "x", "--max-cost", "4"]) == 0
    later = json.loads(Path("x/best.json").read_text())["runs"][0]
    assert later["evaluations"] > payload["runs"][0]["evaluations"]
    capsys.readouterr()
    assert "its cost_metric is" in fails(capsys, "search", "--resume", "x", "--cost-metric", "macs")


@pytest.mark.parametrize(
    ("words", "kind", "expected"),
    [
        (["--retries", "0"], "SerialBackend", {"retries": 0}),
        (
            ["--backend", "pool", "--workers", "3", "--retries", "5"],
            "PoolBackend",
            {"retries": 5, "n_workers": 3},
        ),
        (
            ["--backend", "ray", "--address", "auto", "--gpus", "0.25", "--retries", "1"],
            "RayBackend",
            {"address": "auto", "gpus_per_worker": 0.25, "retries": 1},
        ),
    ],
)
def test_options_of_back_ends(monkeypatch, words, kind, expected):
    from analognas.search import Search

    found = []

    def run(search, *arguments, **options):
        found.append(search.backend)
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "run", run)
    assert main(["search", *words]) == 130
    assert type(found[0]).__name__ == kind
    assert {name: getattr(found[0], name) for name in expected} == expected


def test_nothing_feasible(capsys):
    words = ["search", "--constraint", "params<=5", "--budget", "20", "--runs", "1", "--out", "x"]
    assert main(words) == 1
    assert "No architecture met params<=5; the nearest is" in capsys.readouterr().out
    assert os.path.exists("x/best.json")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budget", "-3"], "`budget` must be an integer of at least 1 or null, but got -3"),
        (["--budget", "0"], "at least 1 or null, but got 0"),
        (["--budget", "many"], "--budget"),
        (["--runs", "0"], "`runs`"),
        (["--seed", "-1"], "`seed`"),
        (["--metric", "analog_drift_1"], "Did you mean 'analog_drift_"),
        (["--optimizer", "regular_evolution"], "Did you mean 'regularized_evolution'"),
        (["--space", "nasbench"], "Did you mean 'nasbench201'"),
        (
            ["--space", "fbnet"],
            "Nothing is measured in the space 'fbnet', only in 'nasbench201'; from Python",
        ),
        (["--constraint", "params"], "Cannot read the constraint 'params'"),
        (["--constraint", "parms<=1"], "Did you mean 'params'"),
        (["--colour"], "No such option: --colour"),
        (["surplus"], "surplus"),
        (["--resume", "missing"], "There is no trial log at"),
        (["--out", "/proc/none/x"], "Cannot use the folder"),
        (["--backend", "pol"], "Unknown back end 'pol'. Did you mean 'pool'"),
        (
            ["--backend", "pool", "--workers", "0"],
            "`backend.n_workers` must be an integer of at least 1",
        ),
        (["--workers", "2"], "take backend='pool' for more"),
        (
            ["--address", "auto"],
            "`backend.address` is an option of the back end ray, but the back end is serial",
        ),
        (["--gpus", "1", "--backend", "pool"], "`backend.gpus_per_worker` is an option of"),
        (
            ["--gpus", "-1", "--backend", "ray"],
            "`backend.gpus_per_worker` must be a finite number of at least 0",
        ),
        (["--retries", "-1"], "`backend.retries` must be an integer of at least 0"),
        (["--max-cost", "5"], "`max_cost` needs `cost_metric`"),
        (
            ["--max-cost", "0", "--cost-metric", "macs"],
            "`max_cost` must be a finite number greater than 0 or null",
        ),
        (["--cost-metric", "mac"], "Did you mean 'macs'"),
        (["--noise", "0"], "`evaluator.noise` must be an integer of at least 1 or null, but got 0"),
        (
            ["--noise", "1", "--space", "resnet", "--metric", "params"],
            "`noise` is that of the table of 'nasbench201'; the space 'resnet' has none",
        ),
        (
            ["--max-seconds", "0"],
            "`max_seconds` must be a finite number greater than 0 (s) or null",
        ),
    ],
)
def test_bad_search(capsys, words, message):
    assert message in fails(capsys, "search", *words)


def test_folder_in_use(capsys):
    os.mkdir("used")
    Path("used/file").touch()
    assert "'used' is not empty" in fails(capsys, "search", "--out", "used")
    assert os.listdir("used") == ["file"]
    assert "'used/file' is a file" in fails(capsys, "search", "--out", "used/file")


def test_no_words_and_unknown_command(capsys):
    assert main([]) == 0
    assert "search" in capsys.readouterr().out
    assert "No such command" in fails(capsys, "serach")
    assert main(["--version"]) == 0
    assert re.fullmatch(
        r"analognas \d+\.\d+\.\d+( \(commit [0-9a-f]+(-dirty)?\))?\n", capsys.readouterr().out
    )


def test_query(capsys, bench):
    assert main(["query", "0,0,0,4,3,2", "analog_accuracy", "baseline_drift_3600"]) == 0
    accuracy = bench.query_metric((0, 0, 0, 4, 3, 2), "analog_accuracy")
    assert (
        capsys.readouterr().out == f"analog_accuracy {accuracy}\nbaseline_drift_3600 54.04 ± 3.28\n"
    )
    for form in ("(0,0,0,4,3,2)", f"No.{bench.query_index_by_arch((0, 0, 0, 4, 3, 2))}"):
        assert main(["query", form]) == 0
        assert capsys.readouterr().out.strip() == bench.get_architecture_details((0, 0, 0, 4, 3, 2))
    assert main(["query", "1835", "--json", "noisy_drift_60", "params"]) == 0
    payload = json.loads(capsys.readouterr().out)
    assert payload["nasbench201_index"] == 1835
    assert payload["metrics"] == {
        "noisy_drift_60": 10.0,
        "noisy_drift_60_std": 0.0,
        "params": 73306,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["0,0,0,4,3,5"], "Unknown operation 5"),
        (["0,0,0"], "A cell has 6 operations"),
        (["|none~0|"], "Malformed arch_str"),
        (["15625"], "lies in 0..15624"),
        (["--", "-1"], "lies in 0..15624"),
        (["0", "accuracy"], "Did you mean"),
        ([], "Give an architecture"),
    ],
)
def test_bad_query(capsys, words, message):
    assert message in fails(capsys, "query", *words)


def test_info(capsys, bench):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["table"]["checksum"] == f"sha256:{bench.checksum}"
    assert facts["optimizers"] == OPTIMIZERS.names()
    assert {"regularized_evolution", "random_search", "predictor_guided"} <= {*facts["optimizers"]}
    assert main(["info", "--quality"]) == 0
    out = capsys.readouterr().out
    assert "No.11029" in out
    assert "analog_drift_2592000" in out


def test_resume_takes_its_settings_from_the_log(capsys):
    words = [
        "search",
        "--optimizer",
        "random_search",
        "--metric",
        "avm",
        "--budget",
        "30",
        "--runs",
        "2",
    ]
    assert main([*words, "--constraint", "params<=1e6", "--seed", "9", "--out", "a"]) == 0
    first = Path("a/best.json").read_text()
    os.unlink("a/best.json")
    assert main(["search", "--resume", "a"]) == 0
    assert Path("a/best.json").read_text() == first
    assert main(["search", "--resume", "a/trials.sqlite", "--budget", "40"]) == 0
    assert json.loads(Path("a/best.json").read_text())["runs"][0]["evaluations"] == 40
    capsys.readouterr()
    before = Path("a/best.json").read_text()
    for smaller in (["--budget", "20"], ["--runs", "1"]):
        assert "as it was when the log" in fails(capsys, "search", "--resume", "a", *smaller)
        assert Path("a/best.json").read_text() == before
    assert "its seed is 9, but this search has 8" in fails(
        capsys, "search", "--resume", "a", "--seed", "8"
    )
    assert "its objectives is" in fails(capsys, "search", "--resume", "a", "--metric", "params")
    assert "omit --out" in fails(capsys, "search", "--resume", "a", "--out", "b")


def test_resume_refuses_what_is_no_log(capsys):
    os.mkdir("a")
    with open("a/trials.sqlite", "w") as file:
        file.write("this is no database at all, only text")
    assert "cannot be resumed as a trial log of analognas" in fails(
        capsys, "search", "--resume", "a"
    )
    with open("a/trials.sqlite") as file:
        assert file.read().startswith("this is no database")


def test_damaged_table(capsys, monkeypatch, tmp_path):
    damaged = tmp_path / "table.parquet"
    damaged.write_bytes(SHIPPED_TABLE.read_bytes()[:-1000])
    monkeypatch.setattr("analognas.tables.analognasbench.SHIPPED_TABLE", damaged)
    message = fails(capsys, "search")
    assert "is damaged or truncated" in message
    assert "sha256:" in message


def spawn(*words, **options):
    # A shell that runs the tests in the background has Ctrl-C ignored, and children inherit that.
    return subprocess.Popen(
        [sys.executable, "-m", "analognas", *words],
        **options,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_trials(folder, process):
    """Wait until the log of a running search holds committed trials."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            connection = sqlite3.connect(f"file:{folder}/trials.sqlite?mode=ro", uri=True)
            count = connection.execute("SELECT count(*) FROM trials").fetchone()[0]
            connection.close()
            if count:
                return count
        except sqlite3.Error:
            pass
        time.sleep(0.01)
    raise AssertionError("no trial was logged within a minute")


LONG = ["search", "--optimizer", "regularized_evolution", "--budget", "4000", "--runs", "3", "--seed", "1"]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a search that nothing has stopped."""
    folder = tmp_path_factory.mktemp("whole") / "a"
    assert main([*LONG, "--out", str(folder)]) == 0
    return folder


@pytest.mark.figures
@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGKILL])
def test_stopped_and_resumed_equals_uninterrupted(whole, capsys, signal_sent):
    process = spawn(*LONG, "--out", "part")
    wait_for_trials("part", process)
    process.send_signal(signal_sent)
    _, err = process.communicate()
    if signal_sent == signal.SIGINT:
        assert process.returncode == 130
        assert err == "interrupted; continue with: analognas search --resume part\n"
    assert not os.path.exists("part/best.json")
    assert main(["search", "--resume", "part", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read_json(whole / "best.json", sealed=True)
    for name in ("best.json", "summary.md", "drift.png", "convergence.png"):
        assert Path("part", name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs Linux")
@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_ctrl_c_while_the_workers_of_a_pool_start(seconds):
    """It reaches all processes of the terminal; one of them says something."""
    words = ["search", "--backend", "pool", "--workers", "2", "--budget", "60", "--out", "part"]
    process = spawn(*words, start_new_session=True)
    deadline = time.monotonic() + 60
    workers = []
    while len(workers) < 3:  # with the process of Python that keeps track of them
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            workers = file.read().split()
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    assert err == "interrupted; continue with: analognas search --resume part\n"


def test_reader_that_goes_away():
    # More than this pipe holds, so that the writer is still at it when the reader has gone.
    code = "import sys; from analognas.cli import main; sys.exit(max(main(['info']) for _ in range(8)))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, pipesize=4096
    )
    assert process.stdout.read(10) == b"analognas "
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "analognas", "query", "3"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (2, "error: No space left on device.\n")


def test_narrow_encodings_and_closed_streams():
    command = [sys.executable, "-m", "analognas", "query", "3"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], stderr=subprocess.PIPE)
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_terminated_while_searching():
    process = spawn(*LONG, "--out", "part")
    wait_for_trials("part", process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert (process.returncode, err) == (128 + signal.SIGTERM, "")
    # The log, and perhaps its write-ahead file, which the next opening folds in; nothing half-written.
    assert all(name.startswith("trials.sqlite") for name in os.listdir("part"))
    assert main(["search", "--resume", "part"]) == 0


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The folder of a search of 20 evaluations."""
    folder = tmp_path_factory.mktemp("small") / "a"
    assert main(["search", "--budget", "20", "--runs", "1", "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE search SET value = '5' WHERE key = 'settings'",
        """UPDATE search SET value = '{"runs": 0}' WHERE key = 'settings'""",
        "UPDATE search SET value = '5' WHERE key = 'constraints'",
        "UPDATE search SET value = '5' WHERE key = 'optimizer'",
        """UPDATE search SET value = '{"name": "random_search", "zzz": 1}' WHERE key = 'optimizer'""",
        "DELETE FROM search WHERE key IN ('settings', 'budget')",
    ],
)
def test_resume_with_settings_of_another_version(capsys, small, statement, rewrite_log):
    shutil.copytree(small, "a")
    rewrite_log("a", statement)
    fails(capsys, "search", "--resume", "a")


def test_long_numbers_and_names(capsys):
    assert "Cannot read the architecture" in fails(capsys, "query", "9" * 5000)
    assert "too long" in fails(capsys, "search", "--resume", "x" * 300)


def test_interrupted_before_anything_began(capsys, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("analognas.search.search.TrialLog.create", interrupt)
    assert main(["search"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert os.listdir(".") in ([], ["analognas-runs"])
    assert not os.path.exists("analognas-runs/search-001")


def test_several_metrics_and_resume(capsys):
    words = ["search", "--metric", "analog_drift_2592000", "--metric", "aimc_energy"]
    words += ["--constraint", "aimc_tiles<=64", "--budget", "40", "--runs", "2", "--out", "a"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("architecture")
    assert "aimc_energy (mJ)" in out
    assert "Non-dominated set of" in out
    assert {"best.json", "pareto.png", "summary.md"} <= set(os.listdir("a"))
    payload = read_json("a/best.json", sealed=True)
    assert payload["optimizer"]["name"] == "pareto_evolution"
    assert all(cell["metrics"]["aimc_tiles"] <= 64 for cell in payload["front"])
    assert main(["search", "--resume", "a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == payload


def test_the_chip_of_a_search_is_resumed(capsys):
    words = ["search", "--space", "resnet", "--metric", "params", "--metric", "aimc_energy"]
    assert main([*words, "--chip", "puma", "--budget", "30", "--runs", "1", "--out", "a"]) == 0
    capsys.readouterr()
    assert main(["search", "--resume", "a", "--budget", "40", "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    chips = [
        source["chip"]["name"] for source in payload["evaluator"]["sources"] if "chip" in source
    ]
    assert chips == ["puma"]
    assert payload["runs"][0]["evaluations"] == 40


def measured_file(path, space, costs):
    """A file of costs by arch_str, of 40 cells."""
    import numpy as np

    cells = space.sample(40, generator=np.random.default_rng(0), unique=True)
    lines = [
        f"{space.arch_str(cell)},{cost}" for cell, cost in zip(cells, costs(cells), strict=True)
    ]
    path.write_text("\n".join(["architecture,own_latency", *lines]))
    return str(path)


def test_a_search_over_a_measured_device(capsys, tmp_path, space, rewrite_log):
    import numpy as np

    def costs(cells):
        return (2 + (cells == 2).sum(axis=1)) * np.random.default_rng(1).normal(1, 0.05, len(cells))

    table, kept = measured_file(tmp_path / "mine.csv", space, costs), str(tmp_path / "mine.parquet")
    assert main(["cost", "No.5", "--measured", table, "--keep", kept]) == 0
    words = ["search", "--metric", "analog_drift_2592000", "--metric", "own_latency"]
    words += ["--constraint", "own_latency<=6", "--budget", "40", "--runs", "1"]
    capsys.readouterr()
    assert main([*words, "--measured", kept, "--out", "a"]) == 0
    assert "own_latency (ms)" in capsys.readouterr().out
    payload = read_json("a/best.json", sealed=True)
    assert all(0 < cell["metrics"]["own_latency"] <= 6 for cell in payload["front"])
    assert "`own_latency` is predicted" in Path("a/summary.md").read_text()
    # The log holds the predictor; a CSV file teaches the same one.
    for again in ([], ["--measured", table]):
        assert main(["search", "--resume", "a", *again, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == payload
    # A log of an earlier version does not.
    rewrite_log("a", "DELETE FROM search WHERE key = 'settings'")
    assert "of the class CostPredictor, which a log cannot store" in fails(
        capsys, "search", "--resume", "a"
    )
    other = measured_file(tmp_path / "other.csv", space, lambda cells: 1 + costs(cells))
    assert "another" in fails(capsys, "search", "--resume", "a", "--measured", other)
    # Alone, the best of predictions has no interval of measurement.
    words = ["search", "--metric", "own_latency", "--budget", "30", "--runs", "1", "--json"]
    assert main([*words, "--measured", kept]) == 0
    assert "comparison" not in json.loads(capsys.readouterr().out)
    message = fails(
        capsys, "search", "--space", "fbnet", "--metric", "own_latency", "--measured", kept
    )
    assert "differs from 'fbnet'" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "avm", "--metric", "avm"], "must differ, but got 'avm' twice"),
        (["--metric", "avm", "--metric", "avn"], "Did you mean 'avm'"),
        (["--metric", "avm", "--optimizer", "nsga3"], "NSGA3 needs at least two objectives"),
        (
            ["--metric", "avm", "--metric", "params", "--optimizer", "local_search"],
            "takes one objective",
        ),
        (["--metric", "aimc_energy", "--chip", "hermit"], "hermit"),
        (["--metric", "raspi4_latency"], "Download HW-NAS-Bench-v1_0.pickle from"),
    ],
)
def test_bad_objectives(capsys, monkeypatch, tmp_path, words, message):
    monkeypatch.setenv("ANALOGNAS_DATA", str(tmp_path))
    assert message in fails(capsys, "search", *words)


def test_the_search_over_accuracy_chip_and_device(capsys, monkeypatch, tmp_path, shared):
    """Accuracy, energy on the chip and latency on a device, with the published device table."""
    import numpy as np

    from analognas.tables import CellCosts

    data = np.load(shared / "data" / "hwnas_nb201.npz", allow_pickle=False)
    folder = tmp_path / "hw-nas-bench"
    folder.mkdir()
    CellCosts(data["values"], data["provenance"]).save(folder / "nasbench201.parquet")
    monkeypatch.setenv("ANALOGNAS_DATA", str(tmp_path))
    words = ["search", "--metric", "analog_drift_2592000", "--metric", "aimc_energy"]
    words += ["--metric", "raspi4_latency", "--constraint", "aimc_tiles<=64"]
    assert main([*words, "--budget", "60", "--runs", "1", "--out", "a"]) == 0
    assert "raspi4_latency (ms)" in capsys.readouterr().out
    front = read_json("a/best.json", sealed=True)["front"]
    assert len(front) > 1
    values = {metric: i for i, metric in enumerate(data["metrics"].tolist())}
    for cell in front:
        row = data["values"][cell["nasbench201_index"], 0]
        assert cell["metrics"]["raspi4_latency"] == row[values["raspi4_latency"]]
        assert cell["metrics"]["aimc_tiles"] <= 64
    assert main(["search", "--resume", "a"]) == 0


def test_a_limit_of_cost_or_time_is_the_only_one(tmp_path, capsys):
    """The command ended after 500 evaluations, whatever the limit; a worker did not."""
    words = ["search", "--optimizer", "random_search", "--runs", "1", "--cost-metric", "macs"]
    words += ["--max-cost", "6e10", "--json", "--out", str(tmp_path / "a")]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    settings = {"runs": 1, "cost_metric": "macs", "max_cost": 6e10}
    (run,) = Worker(optimizer="random_search", **settings).search().runs
    assert found["budget"] is None
    assert found["runs"][0]["stopped_by"] == run.stopped_by == "cost"
    assert found["runs"][0]["evaluations"] == run.n_evaluations > 600
    # Resuming keeps to it, and a budget may be set beside it.
    assert main(["search", "--resume", str(tmp_path / "a"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found
    words[-1] = str(tmp_path / "b")
    assert main([*words, "--budget", "30"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["stopped_by"] == "budget"


def test_what_failed_is_tried_again_on_resume_only(capsys):
    assert "--retry-failed goes with --resume" in fails(capsys, "search", "--retry-failed")
    words = [
        "search",
        "--optimizer",
        "random_search",
        "--budget",
        "20",
        "--runs",
        "1",
        "--out",
        "x",
    ]
    assert main(words) == 0
    first = Path("x/best.json").read_bytes()
    assert main(["search", "--resume", "x", "--retry-failed"]) == 0
    assert Path("x/best.json").read_bytes() == first


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize(
    "command", [["query", "2,2,0,4,2,1"], ["info"]], ids=lambda words: words[0]
)
def test_lines_fit_narrow_terminals(command, width, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(width))
    main(command)
    out = capsys.readouterr().out
    assert out
    assert [line for line in out.splitlines() if len(line) > width] == []
