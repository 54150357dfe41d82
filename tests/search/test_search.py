"""A search is its settings: they run, are stored in the log, and are all that resuming needs."""

import json
import math
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from analognas.cli import main
from analognas.core import InvalidArgumentError, ResumeError, UnknownNameError
from analognas.evaluators import TableEvaluator, evaluator_from
from analognas.search import BackendSettings, PoolBackend, Search, SearchSettings, Worker
from analognas.spaces import ConfigSpace

FAST = {"optimizer": "random_search", "runs": 1, "budget": 10}


def stored(folder):
    with closing(sqlite3.connect(folder / "trials.sqlite")) as log:
        (text,) = log.execute("SELECT value FROM search WHERE key = 'settings'").fetchone()
    return SearchSettings.from_dict(json.loads(text))


def test_settings_of_a_file_and_of_a_worker_give_equal_results(tmp_path):
    file = tmp_path / "search.yaml"
    SearchSettings(constraints="params<=6e5", seed=4, **FAST).save(file)
    from_file = Search(file).run(tmp_path / "a")
    worker = Worker(constraints="params<=6e5", seed=4, **FAST)
    assert from_file.to_json() == worker.search().to_json()
    assert main(["search", "--config", str(file), "--out", str(tmp_path / "b")]) == 0
    assert (tmp_path / "a/best.json").read_bytes() == (tmp_path / "b/best.json").read_bytes()


def test_the_log_stores_settings_that_make_the_search_again(tmp_path):
    settings = SearchSettings(objectives=["avm", "aimc_energy"], runs=2, budget=10)
    first = Search(settings).run(tmp_path / "a")
    complete = stored(tmp_path / "a")
    assert complete.space == "nasbench201"
    assert complete.optimizer["name"] == "pareto_evolution"
    assert [s["kind"] for s in complete.evaluator.definition["sources"]] == ["table", "chip_costs"]
    assert Search(complete).run().to_json() == first.to_json()
    longer = Search.resume(tmp_path / "a", budget=16).run()
    assert [run.n_distinct for run in longer.runs] == [16, 16]
    assert stored(tmp_path / "a").budget == 16


def test_set_reaches_every_entry(tmp_path, capsys):
    words = ["search", "--optimizer", "regularized_evolution", "--budget", "12", "--runs", "1"]
    words += ["--set", "optimizer.batch_size=3", "--set", "evaluator.noise=2", "--out"]
    assert main([*words, str(tmp_path / "a"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["optimizer"]["batch_size"] == 3
    assert "n_readings" in json.dumps(found["evaluator"])
    assert main([*words, str(tmp_path / "b"), "--set", "optimiser=x"]) == 2
    assert "Did you mean 'optimizer'" in capsys.readouterr().err


def test_the_back_end_of_the_log_is_used_again(tmp_path):
    Search(FAST, backend=PoolBackend(n_workers=1, retries=5)).run(tmp_path / "a")
    assert stored(tmp_path / "a").backend == BackendSettings(name="pool", n_workers=1, retries=5)
    resumed = Search.resume(tmp_path / "a")
    assert (resumed.backend.name, resumed.backend.retries) == ("pool", 5)
    assert Search.resume(tmp_path / "a", **{"backend.name": "serial"}).backend.name == "serial"


def test_components_that_a_log_cannot_store_are_named(tmp_path):
    space = ConfigSpace(name="mine")
    space.add_hyperparameter("width", "discrete", 1, 30)
    own = evaluator_from(lambda arch: arch["width"], space, {"width": "min"})
    settings = {**FAST, "objectives": ["width"]}
    Search(settings, evaluator=own).run(tmp_path / "a")
    assert stored(tmp_path / "a").objects == {"evaluator": "FunctionEvaluator"}
    assert stored(tmp_path / "a").space == space.definition()
    with pytest.raises(ResumeError, match=r"class FunctionEvaluator.*evaluator=\.\.\."):
        Search.resume(tmp_path / "a")
    assert Search.resume(tmp_path / "a", evaluator=own, budget=20).run().runs[0].n_distinct == 20
    with pytest.raises(InvalidArgumentError, match="evaluator of the class FunctionEvaluator"):
        Search(stored(tmp_path / "a"))


def test_what_does_not_agree_with_the_log_is_named_before_anything_runs(tmp_path):
    Search(FAST).run(tmp_path / "a")
    for change, message in (
        ({"seed": 1}, "its seed is 0, but this search has 1"),
        ({"constraints": ["avm<=3"]}, "its constraints is"),
        ({"evaluator.noise": 2}, "its evaluator is"),
    ):
        with pytest.raises(ResumeError, match=message):
            Search.resume(tmp_path / "a", **change)
    with pytest.raises(UnknownNameError, match="Did you mean 'budget'"):
        Search.resume(tmp_path / "a", budgett=20)
    # What agrees may be given again.
    Search.resume(tmp_path / "a", seed=0, optimizer=None, **{"backend.retries": 0}).run()


def test_options_of_another_back_end():
    with pytest.raises(InvalidArgumentError, match="`backend.threads` is an option of .* pool"):
        BackendSettings(name="serial", threads=2).make()
    assert BackendSettings(name="pool", threads=2, n_workers=1).make().threads == 2


def test_names_of_analognas(tmp_path):
    table = TableEvaluator()
    worker = Worker(cs="nasbench201", surrogate=table, **{**FAST, "runs": 3})
    result = worker.search()
    assert worker.evaluator is table
    assert worker.best_acc == max(result.finals())
    expected = np.std(result.finals(), ddof=1) / np.sqrt(3)
    assert worker.std_err == pytest.approx(expected, rel=1e-12)
    single = Worker(eval=table, **FAST)
    single.search()
    assert single.evaluator is table
    assert math.isnan(single.std_err)
