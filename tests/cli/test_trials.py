"""Trials on the command line: filters, and what is refused."""

import json

import pytest

from analognas.cli.main import main
from analognas.search import Worker


@pytest.fixture(autouse=True)
def search(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Worker(optimizer="random_search", runs=2, budget=20, out="s").search()


def test_bounds_on_what_the_space_counts(capsys):
    assert main(["trials", "show", "s", "--where", "params<=3e5", "--top", "0", "--json"]) == 0
    small = json.loads(capsys.readouterr().out)["trials"]
    assert main(["trials", "show", "s", "--where", "params>3e5", "--top", "0", "--json"]) == 0
    large = json.loads(capsys.readouterr().out)["trials"]
    assert small
    assert large
    assert len(small) + len(large) == 40


@pytest.mark.parametrize("command", [["show", "s"], ["export", "s", "x.csv"]])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run", "9"], "`run` must be one of 0, 1, but got 9"),
        (["--run", "-1"], "`run` must be an integer of at least 0, but got -1"),
        (["--where", "latency<=1"], "Unknown metric 'latency'"),
    ],
)
def test_what_there_is_not(capsys, tmp_path, command, words, message):
    assert main(["trials", *command, *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()
