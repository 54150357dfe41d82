"""Public objects print something short; interrupted work in Python says how it continues."""

import html
import re

import pytest
import torch
from torch import nn

from analognas import AnalogNASBench, RandomSearch, Worker
from analognas.core.text_tables import wrapped
from analognas.data import load_data
from analognas.drift import DriftEvaluator, layer_sensitivity
from analognas.hardware import architecture_cost, find_chip
from analognas.nn import AnalogConfig, calibrate, to_analog
from analognas.search import Search, SearchSettings, read_trials
from analognas.spaces import NASBench201Space
from analognas.training import RunConfig, train_run


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shown")
    worker = Worker(optimizer="random_search", runs=1, budget=20, out=str(folder / "found"))
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 8, generator=generator), torch.arange(40) % 2
    analog = calibrate(to_analog(nn.Sequential(nn.Linear(8, 2)), AnalogConfig()), [x]).eval()
    chip = find_chip("hermes")
    data = load_data("digits")
    return {
        "data set": data,
        "split": data.train,
        "chip": chip,
        "cost": architecture_cost(NASBench201Space(), "0,0,0,4,3,2", chip),
        "table": AnalogNASBench(),
        "search": Search(SearchSettings(budget=5), optimizer=RandomSearch()),
        "worker": worker,
        "search result": worker.search(),
        "trials": read_trials(folder / "found"),
        "drift evaluator": DriftEvaluator([60.0], chips=2),
        "drift": DriftEvaluator([60.0], chips=2).evaluate(analog, (x, y)),
        "sensitivity": layer_sensitivity(analog, (x, y), chips=2),
    }


NAMES = [
    "data set",
    "split",
    "chip",
    "cost",
    "table",
    "search",
    "worker",
    "search result",
    "trials",
]
NAMES += ["drift evaluator", "drift", "sensitivity"]
TABLES = {"cost", "search result", "trials", "drift", "sensitivity"}


@pytest.mark.parametrize("name", NAMES)
def test_objects_are_short_and_useful(objects, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = objects[name]
    assert "object at 0x" not in repr(shown)
    assert len(repr(shown)) < 250
    assert "\n" not in repr(shown)
    text = str(shown)
    assert text.count("\n") < 30
    if name in TABLES:
        page = shown._repr_html_()
        assert page.startswith("<table>")
        title = shown.shown_table().title
        assert html.escape(title) in page
        assert text.startswith(wrapped(title))
        assert max(map(len, text.splitlines()[:5])) <= 80


@pytest.mark.parametrize("name", sorted(TABLES))
@pytest.mark.parametrize("width", [60, 80])
def test_tables_have_heads_with_units(objects, name, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    titles = len(wrapped(objects[name].shown_table().title).splitlines())
    head, first = str(objects[name]).splitlines()[titles : titles + 2]
    assert len(head) <= width
    assert len(first) <= width
    assert re.search(r"\((%|pp)\)|energy", head)


def test_training_results(tmp_path):
    settings = {"model": "cnn-4", "data": "digits", "recipe": {"kind": "digital", "epochs": 1}}
    settings["subset"] = {"train": 60, "test": 20, "validation": 20}
    (result,) = train_run(RunConfig.from_dict(settings), tmp_path / "net")
    assert str(result).splitlines()[0] == "digital: cnn-4, 1 epoch"
    assert re.search(r"test accuracy +[\d.]+  %", str(result))
    assert repr(result) == "<TrainingResult: digital: cnn-4, 1 epoch>"


def test_an_interrupted_search_says_how_to_continue(tmp_path):
    def stop(view):
        raise KeyboardInterrupt

    worker = Worker(
        optimizer="random_search", runs=1, budget=20, out=str(tmp_path / "s"), callbacks=[stop]
    )
    with pytest.raises(KeyboardInterrupt, match=r"continue with: Search.resume\('.*s'\).run\(\)"):
        worker.search()
    assert len(Search.resume(tmp_path / "s").run().runs) == 1
