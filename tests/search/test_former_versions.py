"""Folders of searches that former versions wrote: they open, and they resume to the result of their version."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from analognas.cli import main
from analognas.core import ResumeError
from analognas.core.text_files import read_json
from analognas.search import Worker, read_trials

FIXTURES = Path(__file__).parent / "fixtures"


def own_evaluator():
    spec = importlib.util.spec_from_file_location("own_search", FIXTURES / "own_search.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Loss()


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(FIXTURES / "version_3", tmp_path / "former")
    return tmp_path / "former"


def test_a_folder_of_a_table_search_opens(folder):
    trials = read_trials(folder / "table")
    assert len(trials) == 24
    assert trials.objectives == ["analog_drift_86400", "aimc_energy"]
    assert [str(bound) for bound in trials.constraints] == ["params<=600000"]
    assert trials.finished
    assert trials.architecture(0) == trials.genotypes[0].tolist()


def test_a_folder_of_a_table_search_resumes(folder):
    assert main(["search", "--resume", str(folder / "table"), "--budget", "20"]) == 0
    found = read_json(folder / "table/best.json", sealed=True)
    assert found == read_json(folder / "table_grown.json")


def test_a_finished_folder_gives_its_result_again(folder):
    before = read_json(folder / "table/best.json")
    Worker.resume(folder / "table").search()
    assert read_json(folder / "table/best.json", sealed=True) == before


def test_a_folder_with_an_evaluator_of_a_user_asks_for_it(folder):
    assert read_trials(folder / "own").architecture(0).keys() == {"depth", "width"}
    with pytest.raises(ResumeError, match=r"of the class Loss.*evaluator=\.\.\."):
        Worker.resume(folder / "own")
    Worker.resume(folder / "own", evaluator=own_evaluator(), budget=12).search()
    found = read_json(folder / "own/best.json", sealed=True)
    assert found == read_json(folder / "own_grown.json")
