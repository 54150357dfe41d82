"""The winner of a search becomes a trained network with its accuracy over time, resumably."""

import json

import pytest
import torch

from analognas.cli import main
from analognas.core import (
    InvalidArgumentError,
    OutputFolderError,
    ResumeError,
    TableIntegrityError,
)
from analognas.data import load_data
from analognas.evaluators import evaluator_from
from analognas.nn import analog_layers
from analognas.report import write_final_report
from analognas.search import Worker, model_of_search, searched_model
from analognas.spaces import SPACES, ConfigSpace, NASBench201Space, ResNetSpace
from analognas.training import HWARecipe, load_model

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
    assert "worker.train_best()" in said
    monkeypatch.setitem(SPACES._entries, "perceptrons", perceptrons)
    settings = {key: value for key, value in QUICK.items() if key != "model_options"}
    final = worker.train_best(**settings)
    assert load_model(final.folder)[1].model_options["architecture"] == {"width": 4}
    assert model_of_search(out)["model_options"]["architecture"] == {"width": 4}


def test_a_data_set_has_a_name(worker):
    with pytest.raises(InvalidArgumentError, match=r"must be the name .*register_dataset") as error:
        worker.train_best(load_data("digits"), out=worker.out / "other")
    assert len(str(error.value)) < 500
    assert not (worker.out / "other").exists()


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
