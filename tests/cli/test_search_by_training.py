"""``analognas search --train``: options, resuming, wrong files."""

import json
import os
import subprocess
import sys

import pytest

from analognas.cli import main
from analognas.core import AnalogNASError

SETTINGS = """\
data: digits
image_size: 8
examples: {train: 64, test: 40}
network: {channels: 4, cells: 1}
digital: {epochs: 1, batch_size: 16, optimizer: {lr: 0.05}}
hwa: {epochs: 1, batch_size: 32}
conditions: [digital, hwa]
chips: {n: 2, times: [60, 86400], calibration: 64}
"""
SEARCH = ["--metric", "analog_drift_86400", "--optimizer", "random_search", "--backend", "serial"]


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "quick.yaml"
    path.write_text(SETTINGS)
    return path


def search(*options):
    return main(["search", *map(str, options)])


def test_a_search_by_training_has_one_run_and_says_its_fidelity(spec, tmp_path, capsys):
    out = tmp_path / "a"
    assert search("--train", spec, *SEARCH, "--budget", 2, "--out", out) == 0
    said = capsys.readouterr().out
    assert "low fidelity: 64 training examples of 8 x 8, 1 digital + 1 hwa epochs" in said
    assert "low fidelity" in (out / "summary.md").read_text()
    result = json.loads((out / "best.json").read_text())
    assert result["n_runs"] == 1
    assert result["evaluator"]["trained"]["data"] == "digits"

    # A larger budget goes on with the settings that the log holds.
    assert search("--resume", out, "--budget", 3, "--backend", "serial") == 0
    more = json.loads((out / "best.json").read_text())
    assert more["runs"][0]["evaluations"] == 3
    fresh = tmp_path / "b"
    assert search("--train", spec, *SEARCH, "--budget", 3, "--out", fresh) == 0
    assert (fresh / "best.json").read_bytes() == (out / "best.json").read_bytes()

    assert search("--resume", out, "--train", spec, "--backend", "serial") == 0
    assert search("--resume", out, "--root", tmp_path, "--backend", "serial") == 0
    assert (fresh / "best.json").read_bytes() == (out / "best.json").read_bytes()
    spec.write_text(SETTINGS.replace("epochs: 1", "epochs: 2"))
    assert search("--resume", out, "--train", spec, "--backend", "serial") == 2


def test_a_specification_gives_measurement_space_and_constraints(tmp_path, capsys):
    text = "name: mine\nspace: resnet\nsample: {n: 3, constraints: [macs<=2e6]}\nmeasurement:\n  "
    settings = SETTINGS.replace("network: {channels: 4, cells: 1}\n", "")
    path, out = tmp_path / "build.yaml", tmp_path / "a"
    path.write_text(text + settings.replace("\n", "\n  ").rstrip() + "\n")
    options = ["--metric", "baseline_accuracy", "--optimizer", "random_search", "--out", out]
    options += ["--constraint", "params<=5e5", "--backend", "serial", "--json"]
    assert search("--train", path, *options, "--budget", 1) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["space"] == "resnet"
    assert result["constraints"] == ["params<=500000", "macs<=2000000"]
    assert result["best"]["fidelity"]["train_examples"] == 64
    assert result["best"]["metrics"]["macs"] <= 2e6

    again = ["--resume", out, "--train", path, "--constraint", "params<=5e5"]
    assert search(*again, "--backend", "serial") == 0
    assert search("--train", path, "--constraint", "macs>=3e6", "--budget", 1) == 2
    assert "`evaluator.train`" in capsys.readouterr().err


def test_the_example_is_a_search_of_low_fidelity(monkeypatch):
    from pathlib import Path

    from analognas.search import Search

    shared = os.environ.get("ANALOGNAS_SHARED")
    if shared is None:
        pytest.skip("the data are beside the repository: set ANALOGNAS_SHARED")
    monkeypatch.setenv("ANALOGNAS_DATA", f"{shared}/data")
    path = Path(__file__).parents[2] / "examples" / "kws-quick.yaml"
    worker = Search({"evaluator": {"train": str(path)}, "budget": 12})
    assert worker.space.name == "resnet_kws"
    assert worker.problem.objectives == ("analog_drift_2592000",)
    assert [str(bound) for bound in worker.problem.constraints] == [
        "params<=1000000",
        "macs<=5000000",
    ]
    assert worker.evaluator.remarks[0].startswith("low fidelity: 600 training examples of 20 x 16")


@pytest.mark.parametrize(
    ("changed", "options", "words"),
    [
        ("data: digts", [], ["'digits'", "line 1", "quick.yaml"]),
        ("digital:\n  batch_size: 3\n  epoch: 1", [], ["'epochs'", "line 3"]),
        ("conditions: [digital]", [], ["analog_drift_86400"]),
        ("data: npz\nroot: nowhere.npz", [], ["nowhere.npz"]),
        ("network: {chanels: 4}", [], ["'channels'"]),
        ("", ["--noise", "3"], ["`noise`", "`train`"]),
        ("", ["--dataset", "cifar10"], ["`dataset`", "`train`"]),
        ("", ["--cost-metric", "training_second", "--max-cost", "3"], ["'training_seconds'"]),
        ("", ["--metric", "raspi4_latency"], ["hw-nas-bench"]),
    ],
)
def test_what_does_not_fit_is_one_line(
    spec, tmp_path, monkeypatch, capsys, changed, options, words
):
    monkeypatch.setenv("ANALOGNAS_USER_DATA", str(tmp_path / "none"))
    entry = changed.partition(":")[0]
    lines = [line for line in SETTINGS.splitlines() if not entry or not line.startswith(entry)]
    spec.write_text("\n".join([changed, *lines]) + "\n")
    out = tmp_path / "a"
    code = search("--train", spec, *SEARCH, "--budget", 1, "--out", out, *options)
    said = capsys.readouterr().err
    assert code == 2
    assert len(said.strip().splitlines()) == 1
    assert all(word in said for word in words), said
    assert not out.exists()


def test_root_needs_trainings(capsys):
    assert search("--root", "data", "--budget", 1) == 2
    assert "`train`" in capsys.readouterr().err


def test_relative_data_are_looked_for_where_the_user_says(tmp_path, monkeypatch):
    from pathlib import Path

    import numpy as np

    from analognas.search import Search

    home = tmp_path / "data"
    home.mkdir()
    images, labels = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
    images[:] = 40 * labels[:, None, None] + np.arange(8)
    np.savez(home / "toy.npz", x=images, y=labels)
    spec = tmp_path / "toy.yaml"
    spec.write_text("data: npz\nroot: toy.npz\nconditions: [digital]\n")
    monkeypatch.chdir(tmp_path)

    def place(root):
        said = {"train": str(spec), "root": None if root is None else str(root)}
        search = Search({"objectives": ["baseline_accuracy"], "evaluator": said})
        return search.evaluator.settings.root

    assert place(Path("data")) == str(home / "toy.npz")
    assert place(Path("data/toy.npz")) == str(home / "toy.npz")
    monkeypatch.setenv("ANALOGNAS_DATA", str(home))
    assert place(None) == str(home / "toy.npz")


def test_trainings_run_in_a_pool_by_default(spec):
    from analognas.search import BackendSettings, Search

    settings = {"objectives": ["baseline_accuracy"], "evaluator": {"train": str(spec)}}
    for n_workers, name in ((2, "pool"), (1, "serial")):
        search = Search({**settings, "backend": {"n_workers": n_workers}})
        assert (search.backend.name, search.runs) == (name, 1)
    assert BackendSettings().make().name == "serial"
    with pytest.raises(AnalogNASError, match="back end ray"):
        BackendSettings(name="pool", address="auto").make()


def test_searches_without_trainings_do_not_load_torch(tmp_path):
    code = (
        "import sys; from analognas.cli import main; "
        f"main(['search', '--budget', '12', '--runs', '1', '--out', {str(tmp_path / 'a')!r}]); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.splitlines()[-1] == "False"


DIGITAL = """\
data: digits
image_size: 8
examples: {train: 64, test: 40}
network: {channels: 4, cells: 1}
digital: {epochs: 3, batch_size: 16, optimizer: {lr: 0.05}}
conditions: [digital]
"""
HALVED = ["--metric", "baseline_accuracy", "--optimizer", "random_search", "--backend", "serial"]


def test_a_search_at_rising_fidelities(tmp_path, capsys):
    spec, out, fresh = tmp_path / "spec.yaml", tmp_path / "a", tmp_path / "b"
    spec.write_text(DIGITAL)
    options = ["--train", spec, *HALVED, "--fidelities", "1,3"]
    assert search(*options, "--budget", 13, "--out", out) == 0
    said = capsys.readouterr().out
    assert "Evaluations by fidelity: 10 at 1 epochs, 3 at 3 epochs" in said
    assert "trained from the start" in said
    page = (out / "summary.md").read_text()
    assert "`fidelity>=3`" in page
    result = json.loads((out / "best.json").read_text())
    assert result["optimizer"]["optimizer"]["name"] == "random_search"
    assert result["best"]["metrics"]["fidelity"] == 3.0

    assert search("--resume", out, "--budget", 14, "--backend", "serial") == 0
    assert search(*options, "--budget", 14, "--out", fresh) == 0
    for name in ("best.json", "summary.md"):
        assert (out / name).read_bytes() == (fresh / name).read_bytes()
    assert search("--resume", out, "--fidelities", "1,3", "--backend", "serial") == 0
    assert search("--resume", out, "--fidelities", "2,3", "--backend", "serial") == 2
    assert "optimizer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fidelities", "1,9"], ["end with 3 epochs", "1, 9"]),
        (["--fidelities", "1.5,3"], ["of epochs", "1.5, 3"]),
        (["--fidelities", "one,3"], ["--fidelities", "one,3"]),
        (["--fidelities", "3"], ["at least 2"]),
    ],
)
def test_fidelities_that_do_not_fit_are_one_line(tmp_path, capsys, options, words):
    spec, out = tmp_path / "spec.yaml", tmp_path / "a"
    spec.write_text(DIGITAL)
    assert search("--train", spec, *HALVED, "--budget", 5, "--out", out, *options) == 2
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert all(word in said for word in words), said
    assert not out.exists()


def test_a_table_has_one_fidelity(capsys):
    assert search("--fidelities", "1,9", "--budget", 5) == 2
    assert "measures at one fidelity" in capsys.readouterr().err
