"""Tables and sentences fit terminals of 60 and 80 columns, and the important columns are there."""

import re
import shutil

import pytest

from analognas.cli.main import main

CELL = "0,1,1,1,1,1"

# Command, and what must be seen of it at 60 columns.
COMMANDS = {
    "bench compare my-table.parquet my-table.parquet --metric baseline_accuracy": [
        "Kendall tau-b",
        "ceiling",
    ],
    "bench info my-build/table.parquet --quality": ["ceiling tau", "pooled std (pp)"],
    "bench info my-table.parquet --quality": ["ceiling tau", "pooled std (pp)"],
    "bench status my-build": ["condition", "done", "failed", "CPU (s)"],
    "bench verify my-build": ["ok: the work queue is not damaged"],
    f"cost {CELL}": ["crossbars", "energy"],
    "info": ["optimizers", "baseline_accuracy"],
    "info --quality": ["ceiling tau", "pooled std (pp)"],
    "info --table my-table.parquet": ["architectures"],
    f"query {CELL}": ["baseline_accuracy"],
    "schema": ["search"],
    "search --optimizer random_search --budget 20 --runs 1 --out s": ["estimate", "95 % interval"],
    "trials ls .": ["my-search"],
    "trials show my-search": ["architecture"],
}


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("command", COMMANDS)
def test_output_fits(command, width, finished, tmp_path, monkeypatch, capsys, one_pixel):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(command.split()) == 0
    shown = capsys.readouterr().out
    long = [line for line in shown.splitlines() if len(line) > width]
    # Words, such as notations of cells, are not cut.
    assert [line for line in long if max(map(len, line.split())) < width // 2] == []
    assert [text for text in COMMANDS[command] if text not in shown] == []


@pytest.fixture(scope="module")
def resnets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resnets") / "found"
    options = ["--optimizer", "random_search", "--budget", "4", "--runs", "1", "--extrapolate"]
    assert main(["search", "--space", "resnet", *options, "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("width", [60, 80, 200])
def test_networks_can_be_distinguished(width, resnets, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["trials", "show", str(resnets)]) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert "R5=0" not in shown
    assert max(map(len, shown.splitlines())) <= width
    factors = re.findall(r"widenfact=([\d./]+)", re.sub(r"\s+", "", shown))
    assert len(set(factors)) == len(factors) == 4


def test_the_best_network_can_be_typed(resnets, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    summary = (resnets / "summary.md").read_text(encoding="utf-8")
    text = re.search(r"Best architecture (.*) of run", summary)[1]
    assert "=0," not in text
    assert main(["cost", "--space", "resnet", text, "--tiles", "any"]) == 0
    assert "crossbars" in capsys.readouterr().out
