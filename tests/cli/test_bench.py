"""``analognas bench``: a real build of three networks under all five conditions, and what is done with it."""

import json
import time

import pyarrow.parquet as pq
import pytest

from analognas.cli import main
from analognas.tables import MeasuredTable

SPEC = """\
name: three
space: nasbench201
sample: {method: list, architectures: [No.5780, No.1, No.77]}
repeats: {n: 1, seeds: 1}
measurement:
  data: digits
  image_size: 8
  examples: {train: 96, test: 60}
  network: {channels: 4, cells: 1}
  conditions: [digital, ptq, qat, noisy, hwa]
  digital: {epochs: 2, batch_size: 16, optimizer: {lr: 0.05}}
  qat: {epochs: 1, batch_size: 32}
  hwa: {epochs: 1, batch_size: 32}
  chips: {n: 3, times: [60, 86400, 2592000], examples: 40, calibration: 64}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    (folder / "three.yaml").write_text(SPEC)
    start = time.process_time()
    code = main(
        ["bench", "build", str(folder / "three.yaml"), "--out", str(folder / "b"), "--workers", "1"]
    )
    assert code == 0
    assert time.process_time() - start < 40.0
    return folder


def run(capsys, *words, code=0):
    assert main([str(word) for word in words]) == code
    return capsys.readouterr()


def test_three_networks_under_five_conditions(built):
    table = MeasuredTable(built / "b" / "table.parquet")
    assert len(table) == 3
    assert len(table.rows) == 4
    assert table.complete
    measured = set(table.rows.metrics)
    assert {
        "baseline_accuracy",
        "ptq_accuracy",
        "qat_accuracy",
        "noisy_accuracy",
        "analog_accuracy",
    } <= measured
    assert {
        f"{kind}_drift_{t}" for kind in ("noisy", "analog") for t in (60, 86400, 2592000)
    } <= measured
    assert "avm" in measured
    assert {"analog_drift_60_std", "analog_drift_60_sem", "baseline_accuracy_sem"} <= set(
        table.metrics
    )
    names = pq.read_schema(built / "b" / "table.parquet").names
    assert {"architecture", "seed", "digital_epochs", "chips", "train_examples"} <= set(names)
    assert table.metadata["provenance"]["dataset"] == "digits"
    assert not any("error" in name and name != "error" for name in names)


def test_two_workers_make_the_same_table(built, tmp_path, capsys):
    text = SPEC.replace(
        "conditions: [digital, ptq, qat, noisy, hwa]", "conditions: [digital, noisy]"
    )
    (tmp_path / "three.yaml").write_text(text)
    options = ("--out", tmp_path / "b", "--workers", "2")
    said = run(capsys, "bench", "build", tmp_path / "three.yaml", *options)
    assert "8/8 units" in said.err
    one, two = (pq.read_table(place / "b" / "table.parquet") for place in (built, tmp_path))
    shared = {*one.column_names} & {*two.column_names}
    assert {"baseline_accuracy", "noisy_drift_60", "seed"} <= shared
    # Conditions that were left out change no other.
    assert one.select(sorted(shared)).equals(two.select(sorted(shared)))


def test_a_finished_build_is_not_measured_again(built, capsys):
    start = time.process_time()
    said = run(capsys, "bench", "resume", built / "b")
    assert "4 rows" in said.out
    assert time.process_time() - start < 5.0


def test_status_info_and_verify(built, capsys):
    assert "4 of 4 rows done" in run(capsys, "bench", "status", built / "b").out
    facts = json.loads(run(capsys, "bench", "status", built / "b", "--json").out)
    assert facts["units"]["hwa"] == {"waiting": 0, "running": 0, "done": 4, "failed": 0}
    assert "name: three" in run(capsys, "bench", "info", built / "b").out
    assert (
        "3 architectures, 4 rows, 20 units"
        in run(capsys, "bench", "info", built / "three.yaml").out
    )
    shown = run(capsys, "bench", "info", built / "b" / "table.parquet", "--quality").out
    assert "too few" in shown
    assert shown == run(capsys, "info", "--table", built / "b" / "table.parquet", "--quality").out
    said = run(capsys, "bench", "verify", built / "b", "--again", "1").out
    assert "metrics are equal" in said
    assert "WRONG" not in said
    assert "checksum" in run(capsys, "bench", "verify", built / "b" / "table.parquet").out


def test_the_table_is_searched_queried_and_compared(built, tmp_path, capsys):
    file = built / "b" / "table.parquet"
    said = run(
        capsys, "search", "--table", file, "--metric", "analog_drift_86400", "--metric", "params", "--runs", "1",
        "--budget", "10", "--out", tmp_path / "s",
    )  # fmt: skip
    assert "error" not in said.err
    run(capsys, "search", "--resume", tmp_path / "s")
    moved = file.rename(tmp_path / "moved.parquet")
    resumed = run(capsys, "search", "--resume", tmp_path / "s", code=2)
    assert str(file) in resumed.err
    run(capsys, "search", "--resume", tmp_path / "s", "--table", moved)
    moved.rename(file)
    wrong = run(
        capsys, "search", "--table", file, "--space", "resnet", "--out", tmp_path / "t", code=2
    )
    assert "nasbench201" in wrong.err
    unknown = run(capsys, "search", "--table", file, "--metric", "analog_drift_3600", code=2)
    assert "analog_drift_2592000" in unknown.err
    best = json.loads(run(capsys, "query", "--table", file, "--best", "avm", "--json").out)
    assert best["metrics"]["avm"] == MeasuredTable(file).find_best("avm")[1]
    assert "baseline_accuracy" in run(capsys, "query", "--table", file, "No.77").out
    assert "not among the 3" in run(capsys, "query", "--table", file, "No.78", code=2).err
    few = run(capsys, "bench", "compare", file, "analognasbench", code=2)
    assert "3 architectures in common" in few.err


def test_more_networks_are_added_and_compared(built, tmp_path, capsys):
    import shutil

    shutil.copytree(built / "b", tmp_path / "b")
    said = run(capsys, "bench", "add", tmp_path / "b", "--arch", "No.9", "--arch", "No.10")
    assert "10 units added" in said.out
    run(capsys, "bench", "resume", tmp_path / "b", "--workers", "1")
    assert len(MeasuredTable(tmp_path / "b" / "table.parquet")) == 5
    said = run(
        capsys, "bench", "compare", tmp_path / "b", "analognasbench", "--figure", tmp_path / "c.png",
        "--metric", "baseline_accuracy",
    )  # fmt: skip
    assert "baseline_accuracy" in said.out
    assert (tmp_path / "c.png").exists()
    joined = run(
        capsys, "bench", "merge", built / "b", tmp_path / "b", "--out", tmp_path / "j.parquet"
    )
    assert "6 rows" in joined.out
    assert "--metric goes with" in run(
        capsys, "bench", "add", tmp_path / "b", "--n", "2", "--metric", "avm", code=2
    ).err  # fmt: skip
    assert "at least 4 architectures, but got 3" in run(
        capsys, "bench", "add", built / "b", "--suggest", "2", "--metric", "baseline_accuracy", code=2
    ).err  # fmt: skip
    said = run(
        capsys, "bench", "add", tmp_path / "b", "--suggest", "2", "--metric", "baseline_accuracy"
    )
    assert "10 units added" in said.out
    assert "Say what to add" in run(capsys, "bench", "add", tmp_path / "b", code=2).err
    assert "--out" in run(capsys, "bench", "merge", built / "b", tmp_path / "b", code=2).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build", "absent"], "resnet-cifar10"),
        (["build", "SPEC", "--workers", "0"], "workers"),
        (["build", "SPEC", "--backend", "pol"], "pool"),
        (["build", "SPEC", "--backend", "serial", "--workers", "2"], "serial"),
        (["build", "SPEC", "--gpus", "0.5"], "--backend ray"),
        (["build", "SPEC", "--set", "sample.nn=3"], "'nn'"),
        (["build", "SPEC", "--set", "measurement.data=cifar10", "--root", "."], "cifar"),
        (["resume", "."], "no build"),
        (["status", "absent"], "no build"),
        (["merge", "absent.parquet", "--out", "x.parquet"], "does not exist"),
        (["verify", "absent.parquet"], "does not exist"),
        (["compare", "analognasbench", "absent.parquet"], "does not exist"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    built, tmp_path, capsys, monkeypatch, words, said
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANALOGNAS_DATA", raising=False)
    words = [str(built / "three.yaml") if word == "SPEC" else word for word in words]
    error = run(capsys, "bench", *words, code=2).err
    assert error.count("\n") == 1
    assert said in error
    assert not any(tmp_path.iterdir())
