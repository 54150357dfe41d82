"""Experiments: settings, a folder that continues, and the table with its figure."""

import json

import pytest
import yaml

from analognas.cli.main import main
from analognas.core import InvalidArgumentError, ResumeError, UnknownNameError
from analognas.report.reproduction import reproduction_figure
from analognas.reproduce import (
    ExperimentSettings,
    Reproduction,
    builtin_experiments,
    find_experiment,
    resume_reproduction,
    run_reproduction,
)

TINY = {
    "name": "tiny",
    "title": "A small network on digits",
    "chips": 3,
    "times": [1, 86400],
    "tasks": [
        {
            "name": "digits",
            "title": "cnn-4 on digits",
            "training": {
                "model": "cnn-4",
                "data": "digits",
                "data_options": {"size": 8},
                "subset": {"train": 400, "test": 100},
                "digital": {"epochs": 3},
                "recipe": {"kind": "hwa", "epochs": 2},
            },
            "drift": {"examples": 60},
            "quick": {"training.digital.epochs": 1, "drift.examples": 40},
        }
    ],
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    lines = []
    found = run_reproduction(ExperimentSettings.from_dict(TINY), folder, lines.append)
    return found, folder, lines


def test_one_task_has_digital_quantized_and_three_curves(done):
    found, _, lines = done
    task = found.tasks[0]
    assert [line.split(": ")[1] for line in lines] == [
        "hardware-aware training", "post-training quantisation", "3 chips",
    ]  # fmt: skip
    assert set(task.curves) == {"hwa", "direct", "direct_uncompensated"}
    assert all(curve.n_chips == 3 for curve in task.curves.values())
    assert task.first.times == (1.0, 86400.0)
    assert 30 < task.first.reference <= 100
    assert 30 < task.quantized <= 100
    gain = task.gain()
    difference = task.curves["hwa"].at(86400.0).value - task.curves["direct"].at(86400.0).value
    assert gain.value == pytest.approx(difference)
    assert gain.low < gain.value < gain.high
    text = str(found)
    assert "direct mapping, no compensation" in text
    assert "Hardware-aware training gains" in text


def test_the_stored_table_is_read_back_and_drawn(done):
    found, folder, _ = done
    stored = json.loads((folder / "reproduction.json").read_text())
    again = Reproduction.from_dict(stored)
    assert str(again) == str(found)
    assert json.dumps(again.to_dict()) == json.dumps(found.to_dict())
    assert len(reproduction_figure(again).axes) == 1
    with pytest.raises(InvalidArgumentError, match="analognas reproduce"):
        Reproduction.from_dict({"format": "none"})


def test_a_folder_continues_with_the_same_result(done, tmp_path):
    import shutil

    found, folder, _ = done
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "reproduction.json").unlink()
    shutil.rmtree(copy / "digits" / "drift")  # interrupted after the trainings
    again = resume_reproduction(copy)
    assert again.to_dict() == found.to_dict()
    assert (copy / "reproduction.json").read_bytes() == (folder / "reproduction.json").read_bytes()
    with pytest.raises(ResumeError):
        resume_reproduction(tmp_path)


def test_sizes_change_entries_by_path():
    task = ExperimentSettings.from_dict(TINY).tasks[0]
    quick = task.scaled("quick")
    assert quick.training["digital"]["epochs"] == 1
    assert quick.training["recipe"]["epochs"] == 2
    assert quick.drift["examples"] == 40
    assert task.training["digital"]["epochs"] == 3  # unchanged
    with pytest.raises(UnknownNameError):
        task.scaled("huge")


def test_experiments_of_the_package_are_complete():
    for name in builtin_experiments():
        found = find_experiment(name)
        assert found.name == name
        for task in found.tasks:
            for scale in ("reduced", "quick", "full"):
                config = task.scaled(scale).run_config("DATA", 0)
                assert config.root.startswith("DATA/")
                assert config.recipe.kind == "hwa"
    with pytest.raises(UnknownNameError, match="robustness"):
        find_experiment("robustnes")
    with pytest.raises(UnknownNameError):
        find_experiment("robustness").chosen(("sounds",))


def test_the_command(tmp_path, capsys, one_pixel):
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(TINY))
    out = tmp_path / "out"
    assert main(["reproduce", str(file), "--quick", "--chips", "2", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert "cnn-4 on digits" in captured.out
    assert "digits: 2 chips" in captured.err
    assert (out / "reproduction.png").is_file()
    before = (out / "reproduction.json").read_bytes()
    assert main(["reproduce", "--resume", str(out)]) == 0
    assert (out / "reproduction.json").read_bytes() == before
    assert main(["reproduce", "--resume", str(out), "--quick"]) == 2
    assert "omit scale" in capsys.readouterr().err
    assert main(["reproduce"]) == 2
    assert main(["reproduce", str(file), "--quick", "--full", "--out", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no").exists()
