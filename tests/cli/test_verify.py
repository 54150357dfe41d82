"""`analognas verify`: results of a folder that are repeated."""

import numpy as np
import pytest

from analognas.cli.main import main
from analognas.core import InvalidArgumentError, ResumeError
from analognas.drift import verify_drift
from analognas.evaluators import Evaluation, TableEvaluator
from analognas.search import Search, verify_search
from analognas.search.log.trial_log import TrialLog
from analognas.spaces import NASBench201Space


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "found"
    Search({"runs": 2, "budget": 30, "optimizer": "random_search"}).run(folder)
    return folder


def change_values(monkeypatch, folder, by):
    """Let the table read another value for the first cell of a search."""
    with TrialLog.open(folder / "trials.sqlite") as log:
        first = log.read_run(0, NASBench201Space()).population[0]
    evaluate = TableEvaluator.evaluate

    def other(self, population, metrics):
        found = evaluate(self, population, metrics)
        scale = np.where((population == first).all(axis=1), 1 + by, 1.0)
        return Evaluation({name: v * scale for name, v in found.means.items()}, found.sems)

    monkeypatch.setattr(TableEvaluator, "evaluate", other)


def test_a_search_is_repeated_to_the_last_bit(found, capsys):
    assert main(["verify", str(found), "--again", "7"]) == 0
    assert capsys.readouterr().out == (
        "ok: 7 of 60 evaluations repeated: all values are equal to the last bit\n"
    )
    assert main(["verify", str(found), "--again", "1000"]) == 0
    assert "60 of 60" in capsys.readouterr().out


def test_a_value_that_cannot_be_repeated_is_found(found, monkeypatch, capsys):
    change_values(monkeypatch, found, 1e-3)
    assert main(["verify", str(found), "--again", "100"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok: 59 of 60 repeated evaluations are equal to the last bit"
    assert lines[1].startswith("WRONG: trial 0 of run 0: analog_drift_2592000 is ")
    assert len(lines) == 2


def test_known_results_that_a_search_starts_from_are_not_its_own(found, tmp_path, monkeypatch):
    Search({"runs": 1, "budget": 10, "start": str(found)}).run(tmp_path / "later")
    change_values(monkeypatch, found, 1e-3)
    report = verify_search(tmp_path / "later", again=100)
    assert report.problems == ()
    assert report.checks == ("10 of 10 evaluations repeated: all values are equal to the last bit",)


def test_other_last_digits_are_told_apart_from_other_values(found, monkeypatch):
    change_values(monkeypatch, found, 1e-12)
    report = verify_search(found, again=100)
    assert report.problems == ()
    assert "1 of 60 repeated evaluations differ in the last digits only" in report.checks


def test_noisy_readings_have_the_seed_of_their_search(tmp_path):
    settings = {
        "runs": 2,
        "budget": 25,
        "seed": 3,
        "optimizer": "noise_aware",
        "evaluator": {"noise": 2},
    }
    found = Search(settings).run(tmp_path / "noisy")
    cells = found.runs[0].population
    assert len(np.unique(cells, axis=0)) < len(cells)  # some are read again, with other noise
    report = verify_search(tmp_path / "noisy", again=50)
    assert report.problems == ()
    assert report.checks == ("50 of 50 evaluations repeated: all values are equal to the last bit",)


def test_folders_without_results(tmp_path, found, capsys):
    with pytest.raises(ResumeError):
        verify_search(tmp_path)
    with pytest.raises(ResumeError):
        verify_drift(tmp_path)
    with pytest.raises(InvalidArgumentError, match="again"):
        verify_search(found, again=0)
    assert main(["verify", str(tmp_path)]) == 2
    assert "not the folder of a search" in capsys.readouterr().err
