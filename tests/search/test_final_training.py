"""The winner of a search becomes a trained network with its accuracy over time, resumably."""

import json
import os
import sys

import pytest
import torch

from analognas.cli import main
from analognas.core import (
    InvalidArgumentError,
    OutputFolderError,
    ResumeError,
    TableIntegrityError,
)
from analognas.core.user_code import import_code
from analognas.data import Split, image_data
from analognas.drift import DriftSettings, resume_drift, run_drift
from analognas.evaluators import ZeroCostEvaluator, evaluator_from
from analognas.nn import analog_layers
from analognas.report import write_final_report
from analognas.search import Search, Worker, model_of_search, read_trials, searched_model
from analognas.spaces import SPACES, ConfigSpace, NASBench201Space, ResNetSpace, find_space
from analognas.training import (
    DigitalRecipe,
    HWARecipe,
    RunConfig,
    load_model,
    resume_run,
    train_run,
)

QUICK = {
    "model_options": {"channels": 4, "cells": 1},
    "subset": {"train": 64, "test": 20},
    "recipe": HWARecipe(epochs=1, batch_size=32),
    "digital": {"kind": "digital", "epochs": 1, "batch_size": 32},
    "evaluation": {"chips": 2, "times": [1.0, 86400.0], "examples": 20},
}


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    pytest.importorskip("sklearn")
    out = tmp_path_factory.mktemp("search") / "found"
    worker = Worker(optimizer="random_search", runs=1, budget=20, out=out)
    worker.search()
    return worker


@pytest.fixture(scope="module")
def final(worker):
    return worker.train_best("digits", **QUICK)


def test_trains_the_best_and_measures_it(worker, final):
    assert final.folder == worker.out / "final"
    assert [result.record.recipe["kind"] for result in final.training] == ["digital", "hwa"]
    network, record = load_model(final.folder)
    assert record.model_options["architecture"] == list(worker.best_config)
    assert list(analog_layers(network))
    assert {*final.drift} == {"hwa", "direct", "direct_uncompensated"}
    told = json.loads((final.folder / "drift/result.json").read_text())
    assert {*told} == {*final.drift}
    assert final.drift["hwa"].n_chips == 2


def test_figures(final):
    assert {path.name for path in write_final_report(final)} == {"training.png", "drift.png"}


def test_a_finished_training_is_not_made_again(worker, final):
    before = (final.folder / "model.safetensors").stat().st_mtime_ns
    again = worker.train_best("digits", resume=True, **QUICK)
    assert (final.folder / "model.safetensors").stat().st_mtime_ns == before
    for name, result in final.drift.items():
        assert again.drift[name].to_dict() == result.to_dict()


def test_refuses_a_folder_that_holds_something(worker, final):
    with pytest.raises(OutputFolderError, match="is not empty"):
        worker.train_best("digits", **QUICK)
    with pytest.raises(ResumeError, match="There is no training in"):
        worker.train_best("digits", **QUICK | {"out": worker.out, "resume": True})


def test_needs_a_result_and_a_folder():
    worker = Worker(runs=1, budget=10)
    with pytest.raises(InvalidArgumentError, match="`out` must be the folder"):
        worker.train_best()
    with pytest.raises(InvalidArgumentError, match="no result yet"):
        worker.train_best(out="anywhere")


def test_spaces_that_cannot_be_built_again():
    space = ConfigSpace(name="mine")
    space.add_hyperparameter("depth", "discrete", 1, 3)
    with pytest.raises(InvalidArgumentError, match=r"SPACES\.add\('mine', make\)"):
        searched_model(space, {"depth": 2})
    with pytest.raises(InvalidArgumentError, match="'resnet' differs from the registered one"):
        searched_model(ResNetSpace(n_classes=3), {})
    assert searched_model(NASBench201Space(), (2, 2, 0, 4, 2, 1))["model_options"] == {
        "space": "nasbench201",
        "architecture": [2, 2, 0, 4, 2, 1],
    }


def perceptron(arch, input_shape, n_classes):
    n_inputs = torch.Size(input_shape).numel()
    return torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(n_inputs, arch["width"]),
        torch.nn.Linear(arch["width"], n_classes),
    )


def perceptrons():
    space = ConfigSpace(name="perceptrons", network=perceptron)
    space.add_hyperparameter("width", "discrete", 2, 4)
    return space


def test_the_winner_of_a_space_of_the_users(tmp_path, monkeypatch, capsys):
    """Networks that Python code builds are trained once the space is registered; before, errors say how."""
    space, out = perceptrons(), tmp_path / "found"
    widest = evaluator_from(lambda arch: arch["width"], space, {"size": "max"})
    worker = Worker(evaluator=widest, objectives="size", runs=1, budget=3, out=out)
    worker.search()
    with pytest.raises(InvalidArgumentError, match=r"SPACES\.add\('perceptrons', make\)"):
        worker.train_best()
    assert main(["train", "--from-search", str(out)]) == 2
    said = capsys.readouterr().err
    assert "over the space 'perceptrons'" in said
    assert "--model mine:build" in said
    assert "SPACES.add('perceptrons', make)" in said
    assert said.count("\n") == 1
    monkeypatch.setitem(SPACES._entries, "perceptrons", perceptrons)
    settings = {key: value for key, value in QUICK.items() if key != "model_options"}
    final = worker.train_best(**settings)
    assert load_model(final.folder)[1].model_options["architecture"] == {"width": 4}
    assert model_of_search(out)["model_options"]["architecture"] == {"width": 4}


def own_data(seed=0):
    """Images that no reader of files knows: bright or dark."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(120) % 2
    x = torch.randint(100, (120, 1, 8, 8), generator=generator) + 150 * y[:, None, None, None]
    parts = (
        Split(x[k].to(torch.uint8), y[k]) for k in (slice(80), slice(80, 100), slice(100, 120))
    )
    return image_data("lamps", *parts, n_classes=2)


MODULE = """
import torch
from analognas.spaces import ConfigSpace

def build(arch, input_shape, n_classes):
    inner = torch.nn.Linear(torch.Size(input_shape).numel(), arch["width"])
    return torch.nn.Sequential(torch.nn.Flatten(), inner, torch.nn.Linear(arch["width"], n_classes))

def make():
    return ConfigSpace.load("space.yaml", network=build)
"""
YAML = "{name: perceptrons, hyperparameters: {width: {type: discrete, min_value: 2, max_value: 4}}}"


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    """The current folder, with a space in a file and a module of its networks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANALOGNAS_IMPORT", "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "space.yaml").write_text(YAML)
    (tmp_path / "networks_of_a_user.py").write_text(MODULE)
    yield tmp_path
    sys.modules.pop("networks_of_a_user", None)


def search_widest(space, out):
    widest = evaluator_from(lambda arch: arch["width"], space, {"size": "max"})
    Worker(evaluator=widest, objectives="size", runs=1, budget=3, out=out).search()


@pytest.mark.parametrize("made_by", ["file", "code"])
def test_the_command_trains_the_winner_of_a_space_of_the_users(own_code, capsys, made_by):
    """A file has no networks, so a function gives them; code has them. Both are asked for by name."""
    if made_by == "file":
        space, given, needed = (
            ConfigSpace.load("space.yaml"),
            ["--model", "networks_of_a_user:build"],
            [],
        )
    else:
        import_code("networks_of_a_user")
        space, given = find_space("networks_of_a_user:make"), []
        needed = ["--import", "networks_of_a_user"]
    search_widest(space, "found")
    os.environ["ANALOGNAS_IMPORT"] = ""
    words = [
        "train",
        "--from-search",
        "found",
        *given,
        "--recipe",
        "digital",
        "--epochs",
        "1",
        "--out",
        "net",
    ]
    words += ["--set", "subset.train=64"]
    if needed:
        assert main(words) == 2
        assert "analognas --import networks_of_a_user" in capsys.readouterr().err
    assert main([*needed, *words]) == 0
    options = load_model("net")[1].model_options
    assert options["architecture"] == {"width": 4}
    assert options["space"] == (
        "networks_of_a_user:make" if needed else ConfigSpace.load("space.yaml").definition()
    )
    # The saved network names the code, and does not get it imported.
    os.environ["ANALOGNAS_IMPORT"] = ""
    words = ["drift", "net", "--chips", "1", "--examples", "8", "--times", "60", "--out", "drift"]
    assert main(words) == 2
    assert "analognas --import networks_of_a_user" in capsys.readouterr().err
    assert main(["--import", "networks_of_a_user", *words]) == 0


def test_a_space_that_has_changed_is_not_taken_for_that_of_the_search(own_code, capsys):
    import_code("networks_of_a_user")
    search_widest(find_space("networks_of_a_user:make"), "found")
    (own_code / "space.yaml").write_text(YAML.replace("4", "5"))
    words = ["--import", "networks_of_a_user", "train", "--from-search", "found", "--out", "net"]
    assert main(words) == 2
    assert "differs from that of the search" in capsys.readouterr().err
    assert not (own_code / "net").exists()


def test_a_search_over_code_names_it(own_code, capsys):
    """The log stores the reference, and a search resumes once the module is named again."""
    words = ["search", "--space", "networks_of_a_user:make", "--metric", "size", "--runs", "1"]
    assert main([*words, "--budget", "2", "--out", "found"]) == 2  # nothing knows this metric
    settings = {"space": "networks_of_a_user:make", "objectives": "synflow", "budget": 2, "runs": 1}
    search = Search(settings, evaluator=ZeroCostEvaluator("networks_of_a_user:make", ["synflow"]))
    assert search.settings.space == "networks_of_a_user:make"
    search.run("found")
    os.environ["ANALOGNAS_IMPORT"] = ""
    with pytest.raises(ResumeError, match="analognas --import networks_of_a_user"):
        Search.resume("found", budget=3)
    assert read_trials("found").space.fingerprint() == search.space.fingerprint()
    capsys.readouterr()
    assert (
        main(["--import", "networks_of_a_user", "search", "--resume", "found", "--budget", "3"])
        == 0
    )


def score(network, data):
    with torch.no_grad():
        found = network(data.prepare(data.test.inputs)).argmax(1)
    return 100 * (found == data.test.targets).double().mean().item()


def test_a_data_set_as_an_object(worker, tmp_path):
    """The network is trained and measured on it; the folder names it, and asks for it when it is resumed."""
    out, data = tmp_path / "final", own_data()
    settings = {**QUICK, "subset": {"train": 64}, "out": out}
    final = worker.train_best(data, **settings)
    assert final.training[0].metrics["test_accuracy"] == score(load_model(out / "digital")[0], data)
    assert final.drift["hwa"].n_examples == 20
    record = load_model(out)[1]
    assert (record.n_classes, record.input_shape, record.data["name"]) == (2, (1, 8, 8), "lamps")
    again = worker.train_best(data, **settings, resume=True)
    assert again.drift["hwa"].to_dict() == final.drift["hwa"].to_dict()
    with pytest.raises(
        ResumeError, match=r"'lamps', which was given in Python .*resume_run\(folder, data="
    ):
        worker.train_best("lamps", **settings, resume=True)
    with pytest.raises(ResumeError, match="trained on another data set"):
        worker.train_best(own_data(seed=1), **settings, resume=True)


def test_a_data_set_that_cannot_be_trained_leaves_nothing(worker, tmp_path):
    for wrong, error in (
        ({"data": 7}, "`data` must be a DataSet, but got int"),
        ({"data": own_data(), "subset": {"train": 1000}}, "train"),
        (
            {"data": own_data(), "root": "x"},
            "`root` and `data_options` are for data sets that are read by",
        ),
    ):
        with pytest.raises(InvalidArgumentError, match=error) as raised:
            worker.train_best(**{**QUICK, "subset": {}, **wrong, "out": tmp_path / "other"})
        assert len(str(raised.value)) < 300
        assert not (tmp_path / "other").exists()


def test_commands_say_that_a_data_set_must_be_given_again(tmp_path, capsys):
    config = RunConfig(model="cnn-4", recipe=DigitalRecipe(epochs=1, batch_size=32))
    folder, data = tmp_path / "run", own_data()
    train_run(config, folder, data=data)
    for words in (["train", "--resume"], ["train", "--config"], ["drift"]):
        path = folder / "config.yaml" if "--config" in words else folder
        out = [] if "--resume" in words else ["--out", str(tmp_path / "new")]
        assert main([*words, str(path), *out]) == 2
        said = capsys.readouterr().err
        assert "data set 'lamps', which was given in Python" in said
        assert said.count("\n") == 1
        assert not (tmp_path / "new").exists()
    with pytest.raises(ResumeError, match="another data set"):
        resume_run(folder, data=own_data(seed=1))
    accuracy = resume_run(folder, data=data)[-1].metrics["test_accuracy"]
    assert accuracy == score(load_model(folder)[0], data)
    words = ["train", "--config", str(folder / "config.yaml"), "--data", "digits", "--out"]
    assert main([*words, str(tmp_path / "named"), "--set", "subset.train=64"]) == 0
    with pytest.raises(ResumeError, match="'digits' by its name; omit `data`"):
        resume_run(tmp_path / "named", data=data)
    drift = tmp_path / "drift"
    drift.mkdir()
    settings = DriftSettings(checkpoint=str(folder), chips=1, times=(60.0,))
    found = run_drift(settings, drift, data=data)
    assert found["direct"].n_examples == 20
    again = resume_drift(drift, data=data)
    assert again["direct"].to_dict() == found["direct"].to_dict()
    with pytest.raises(InvalidArgumentError, match=r"resume_drift\(folder, data="):
        resume_drift(drift)


def test_results_that_cannot_be_read(tmp_path):
    with pytest.raises(TableIntegrityError, match="has no best.json"):
        model_of_search(tmp_path)
    unsound, no_result = "not sound JSON", "cannot be read as the result of a search"
    for text, message in (
        ("{", unsound),
        ("[]", no_result),
        ('{"space": "nasbench201"}', no_result),
    ):
        (tmp_path / "best.json").write_text(text)
        with pytest.raises(TableIntegrityError, match=message):
            model_of_search(tmp_path)


def test_command(worker, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["train", "--from-search", str(worker.out), "--recipe", "digital", "--epochs", "1"]
    settings = ["model_options.channels=4", "model_options.cells=1", "subset.train=64"]
    assert main([*words, *(part for text in settings for part in ("--set", text))]) == 0
    assert "searched" in capsys.readouterr().out
    _, record = load_model("analognas-runs/train-001")
    assert record.model_options["architecture"] == list(worker.best_config)
    assert main([*words, "--model", "cnn-4"]) == 2
    assert "omit --model" in capsys.readouterr().err
    assert main(["train", "--from-search", "nowhere"]) == 2
    assert "has no best.json" in capsys.readouterr().err
