"""What a drift evaluation costs follows what was asked and what the training used."""

import json

import pytest
import torch

from analognas.cli import main
from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.drift import DriftSettings, DriftStudy, direct_mapping, resume_drift, run_drift
from analognas.drift.direct_mapping import without_compensation
from analognas.nn import DriftCompensation, analog_layers, find_config
from analognas.training import RunConfig, train_run

SUBSET = {"train": 100, "validation": 50, "test": 40, "seed": 3}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A digital network that was trained on a part of the digits."""
    folder = tmp_path_factory.mktemp("study") / "run"
    settings = {
        "data": "digits",
        "model": "cnn-4",
        "subset": SUBSET,
        "recipe": {"kind": "digital", "epochs": 1},
    }
    train_run(RunConfig.from_dict(settings), folder)
    return folder


def study_of(**entries):
    return DriftStudy(entries)


def steps_of(study, folder):
    folder.mkdir()
    seen = []
    results = study.run_drift(folder, lambda *_: None, lambda name, step: seen.append((name, step)))
    return results, seen


def test_the_subset_of_the_training_is_kept(run, tmp_path):
    study = study_of(checkpoint=str(run), times=[60.0], chips=2)
    assert [len(study.dataset.split(name)) for name in ("train", "test")] == [100, 40]
    results, seen = steps_of(study, tmp_path / "out")
    assert {result.n_examples for result in results.values()} == {40}
    # Input ranges are found once, on the training's examples, and every forward is counted.
    ranges = [step for _, step in seen if step.stage == "input ranges"]
    assert ranges[0].done == 0
    assert (ranges[-1].done, ranges[-1].total) == (100, 100)
    chips = [step for name, step in seen if step.stage == "chips" and name == "direct"]
    assert (chips[0].done, chips[-1].done, chips[-1].total) == (0, 2 * 40, 2 * 40)


def test_cost_follows_what_is_asked(run, tmp_path):
    study = study_of(checkpoint=str(run), times=[60.0], chips=1, examples=8)
    assert study.n_calibration == 64
    assert study_of(checkpoint=str(run), examples=70).n_calibration == 70
    assert study_of(checkpoint=str(run)).n_calibration is None
    results, seen = steps_of(study, tmp_path / "out")
    assert next(step.total for _, step in seen if step.stage == "input ranges") == 64
    assert {result.n_examples for result in results.values()} == {8}
    # More test examples than the training used may be asked for.
    assert len(study_of(checkpoint=str(run), examples=200).dataset.test) == 200


def test_calibration_examples_are_checked(run):
    assert study_of(checkpoint=str(run), calibration_examples=20).n_calibration == 20
    for n in (0, 9, 101):
        with pytest.raises(InvalidArgumentError, match=r"calibration.examples.*must be an integer"):
            study_of(checkpoint=str(run), calibration_examples=n).check()


def test_without_compensation_is_the_mapping_without_it(run):
    study = study_of(checkpoint=str(run))
    config = find_config("analognasbench")
    mapped = direct_mapping(study.digital, study.dataset, config)
    expected = direct_mapping(study.digital, study.dataset, config, compensation=False)
    found = without_compensation(study.digital, mapped)
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=0, atol=0)
    kinds = {layer.config.compensation for _, layer in analog_layers(found)}
    assert kinds == {DriftCompensation(kind="none")}


def test_reading_is_announced_where_it_takes_long(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("analognas.cli.drift_progress._MOMENT", 0.0)
    words = ["drift", str(run), "--examples", "8", "--chips", "1", "--times", "60"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err.startswith("reading the network and its data\n")


def test_progress_from_the_first_second(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("analognas.cli.drift_progress._MOMENT", 1e6)
    words = ["drift", str(run), "--examples", "8", "--chips", "2", "--times", "60"]
    words += ["--calibration-examples", "10", "--out", str(tmp_path / "out"), "--json"]
    assert main(words) == 0
    found = capsys.readouterr()
    assert json.loads(found.out)["direct"]["n_examples"] == 8
    lines = found.err.splitlines()
    assert lines[0] == "direct: input ranges: 0 of 10 forwards of one example"
    assert "direct: chips: 0 of 16 forwards of one example" in lines
    assert main(["drift", "--resume", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(found.out)


def test_sensitivity_too(run, tmp_path, capsys):
    words = ["sensitivity", str(run), "--examples", "8", "--chips", "1", "--out"]
    assert main([*words, str(tmp_path / "out")]) == 0
    assert "direct: input ranges: 0 of 64 forwards" in capsys.readouterr().err


def test_a_subset_that_cannot_be(run, tmp_path):
    from analognas.training import load_model, save_model

    network, record = load_model(run)
    for wrong, message in (
        (["train"], "mapping"),
        ({"training": 3}, "training"),
        ({"test": 10**6}, "test"),
    ):
        changed = record.replace(data={**record.data, "subset": wrong})
        save_model(tmp_path / "model.safetensors", network, changed)
        with pytest.raises((InvalidArgumentError, UnknownNameError), match=message):
            study_of(checkpoint=str(tmp_path / "model.safetensors")).check()


def test_settings_in_a_folder_out_and_resumed_from_it(run, tmp_path):
    settings = DriftSettings(checkpoint=str(run), times=[60, 3600], chips=2, examples=8)
    results = run_drift(settings, tmp_path)
    assert DriftStudy.load(tmp_path).settings == settings
    again = resume_drift(tmp_path)
    assert {name: one.to_dict() for name, one in again.items()} == {
        name: one.to_dict() for name, one in results.items()
    }
