"""Experiments: settings, a folder that continues, and the table with its figure."""

import json
from dataclasses import replace

import pytest
import yaml

from analognas.cli.main import main
from analognas.core import InvalidArgumentError, ResumeError, UnknownNameError
from analognas.nn import AnalogConfig
from analognas.report.reproduction import reproduction_figure, variants_figure
from analognas.reproduce import (
    ExperimentSettings,
    Reproduction,
    TaskSettings,
    VariantSettings,
    builtin_experiments,
    compare_reproductions,
    find_experiment,
    resume_reproduction,
    run_reproduction,
)
from analognas.reproduce.trainings import take_trainings

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
            "oracle": True,
            "tables": [
                {
                    "name": "same",
                    "title": "Nothing is different",
                    "variants": [
                        {"name": "trained", "title": "again", "training": {"recipe.epochs": 2}},
                        {"name": "moved", "title": "same ADC", "hardware": {"adc.bits": 8}},
                    ],
                },
                {
                    "name": "worse",
                    "title": "Worse hardware",
                    "published": "it is worse",
                    "base": "direct",
                    "base_title": "8 bits",
                    "variants": [
                        {"name": "adc-2", "title": "2 bits", "hardware": {"adc.bits": 2}},
                        {"name": "reram", "title": "ReRAM", "hardware": {"device": "ReRAMWan2022"}},
                    ],
                },
            ],
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
    assert [line.split(": ", 1)[1] for line in lines[:3]] == [
        "hardware-aware training", "post-training quantisation", "3 chips",
    ]  # fmt: skip
    assert list(task.curves)[:3] == ["hwa", "direct", "direct_uncompensated"]
    assert all(curve.n_chips == 3 for curve in task.curves.values())
    assert task.first.times == (1.0, 86400.0)
    assert 30 < task.first.reference <= 100
    assert 30 < task.quantized <= 100
    right = (
        task.quantized * 60 / 100
    )  # of the 60 examples that chips are measured on, not of all 100
    assert right == pytest.approx(round(right))
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
    panels = variants_figure(again).axes
    assert len(panels) == 4
    # First and last time are drawn at the same scale.
    assert panels[2].get_xlim() == panels[3].get_xlim() != panels[0].get_xlim()
    assert [label.get_text() for label in panels[2].get_yticklabels()] == ["2 bits", "ReRAM"]
    assert again.settings["chips"] == 3
    assert {"analognas", "torch"} <= set(again.versions)
    with pytest.raises(InvalidArgumentError, match="analognas reproduce"):
        Reproduction.from_dict({"format": "none"})


def test_report_draws_from_the_json_alone(done, tmp_path, capsys, one_pixel):
    file = tmp_path / "result.json"
    file.write_bytes((done[1] / "reproduction.json").read_bytes())
    assert main(["report", str(file)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "result.json", "result.html", "reproduction.png", "variants.png",
    }  # fmt: skip
    page = (tmp_path / "result.html").read_text(encoding="utf-8")
    assert "Published: it is worse" in page
    assert "replication: hardware-aware training, oracle compensation" in page


def test_a_folder_continues_with_the_same_result(done, tmp_path):
    import shutil

    found, folder, _ = done
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "reproduction.json").unlink()
    shutil.rmtree(copy / "digits" / "drift")  # interrupted after the trainings
    (copy / "digits" / "variants" / "adc-2" / "result.json").unlink()
    shutil.rmtree(copy / "digits" / "variants" / "moved")
    again = resume_reproduction(copy)
    assert again.to_dict() == found.to_dict()
    assert (copy / "reproduction.json").read_bytes() == (folder / "reproduction.json").read_bytes()
    with pytest.raises(ResumeError):
        resume_reproduction(tmp_path)


def test_oracle_compensation_gives_a_flat_line(done):
    task = done[0].tasks[0]
    oracle = task.curves["replication_oracle"]
    assert {"hwa_oracle", "replication", "replication_oracle"} < set(task.curves)
    # Neither drift nor read noise: only the noise of the outputs, which is drawn again, differs.
    first, last = (oracle.at(t).value for t in (1.0, 86400.0))
    assert abs(first - last) < 4.0
    drifted = task.curves["direct_uncompensated"]
    assert drifted.at(1.0).value - drifted.at(86400.0).value > 10.0
    assert "oracle compensation" in str(done[0])
    folder = done[1] / "digits" / "variants"
    assert (folder / "replication" / "hwa").is_dir()
    assert not (folder / "replication-oracle" / "hwa").exists()  # one training for both


def test_variants_share_everything_that_is_not_changed(done):
    same, worse = done[0].tasks[0].tables
    base = same.base.chip_scores
    assert (same.rows["trained"][1].chip_scores == base).all()
    assert abs(same.rows["moved"][1].chip_scores - base).max() <= 1 / 60 + 1e-9  # rounding
    assert same.difference("trained", 1.0).value == 0.0
    assert worse.base is done[0].tasks[0].curves["direct"]
    apart = worse.difference("adc-2", 1.0)
    assert apart.high < 0.0
    pairs = worse.rows["adc-2"][1].chips_at(1.0) - worse.base.chips_at(1.0)
    assert apart.value == pytest.approx(pairs.mean())
    assert apart.sem == pytest.approx(pairs.std(ddof=1) / 3**0.5)


def test_devices_are_measured_where_they_are_known(tmp_path):
    settings = ExperimentSettings.from_dict(TINY | {"times": [1, 86400, 31536000]})
    task = settings.tasks[0]
    assert task.tables[1].variants[1].on_chips(AnalogConfig()).device.t_range[1] < 31536000
    with pytest.raises(InvalidArgumentError, match="adc-9"):
        VariantSettings(name="adc-9", title="", network="direct", training={"recipe.epochs": 1})


def test_trainings_of_another_experiment_are_used(done, tmp_path):
    tiny = {**TINY, "tasks": [{**TINY["tasks"][0], "tables": [], "oracle": False, "ptq": None}]}
    settings = ExperimentSettings.from_dict({**tiny, "times": [1, 60]})
    lines = []
    folder = tmp_path / "other"
    folder.mkdir()
    found = run_reproduction(settings, folder, lines.append, [done[1]])
    assert found.tasks[0].quantized is None
    first = done[0].tasks[0].curves["hwa"].chip_scores[:, 0]
    assert found.tasks[0].curves["hwa"].chip_scores[:, 0].tolist() == first.tolist()
    taken = "digits/hwa/model.safetensors"
    assert (folder / taken).read_bytes() == (done[1] / taken).read_bytes()
    for wrong, source, text in (
        (settings.replace(seed=1), done[1], "other settings"),
        (settings, tmp_path, "has no experiment"),
    ):
        with pytest.raises(InvalidArgumentError, match=text):
            take_trainings(wrong, tmp_path / "new", [source])


def test_a_task_takes_the_entries_of_another_experiment():
    task = {"name": "images", "like": "robustness", "title": "mine"}
    made = TaskSettings.from_dict(task)
    (theirs,) = find_experiment("robustness").chosen(("images",)).tasks
    assert made == theirs.replace(title="mine")
    with pytest.raises(UnknownNameError):
        TaskSettings.from_dict({**task, "name": "sounds"})


def test_sizes_change_entries_by_path():
    task = ExperimentSettings.from_dict(TINY).tasks[0]
    quick = task.scaled("quick")
    assert quick.training["digital"]["epochs"] == 1
    assert quick.training["recipe"]["epochs"] == 2
    assert quick.drift["examples"] == 40
    assert task.training["digital"]["epochs"] == 3  # unchanged
    changed = task.run_config(None, 0, {"recipe.analog.clip.kind": "none", "recipe.ramp": 0})
    base = task.run_config(None, 0)
    analog = changed.recipe.analog
    assert (analog.clip.kind, base.recipe.analog.clip.kind) == ("none", "gaussian")
    assert analog.replace(clip=base.recipe.analog.clip) == base.recipe.analog
    assert (changed.recipe.ramp, changed.recipe.epochs) == (0.0, 2)
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
    assert "With --quick, all of them" in capsys.readouterr().err
    assert main(["reproduce", "compare", str(out), str(out / "reproduction.json")]) == 0
    assert "numbers agree" in capsys.readouterr().out
    assert main(["reproduce", "compare", str(out)]) == 2
    assert main(["reproduce", str(file), "--quick", "--full", "--out", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no").exists()


def test_results_are_compared_within_their_intervals(done):
    found = done[0]
    same = compare_reproductions(found, Reproduction.from_dict(found.to_dict()))
    assert same.agrees
    assert len(same.values) == 2 * (6 + 4)
    task = found.tasks[0]
    curve = task.curves["hwa"]
    sem = curve.at(1.0).sem / 100.0

    def moved(by):
        other = replace(curve, chip_scores=curve.chip_scores - by)
        return replace(found, tasks=(replace(task, curves={**task.curves, "hwa": other}),))

    assert compare_reproductions(moved(0.1 * sem), found).agrees
    apart = compare_reproductions(moved(0.9), found)
    assert not apart.agrees
    assert "hardware-aware training" in str(apart)
    with pytest.raises(InvalidArgumentError, match="`chips` differ"):
        compare_reproductions(replace(found, settings={**found.settings, "chips": 4}), found)


def test_all_experiments_in_one_folder(tmp_path, capsys, one_pixel, monkeypatch):
    tiny = {**TINY, "tasks": [{**TINY["tasks"][0], "tables": [], "oracle": False, "ptq": None}]}
    made = {
        name: ExperimentSettings.from_dict({**tiny, "name": name, "times": [1, 60]})
        for name in ("one", "two")
    }
    monkeypatch.setattr("analognas.reproduce.several.builtin_experiments", lambda: list(made))
    monkeypatch.setattr("analognas.reproduce.find_experiment", made.__getitem__)
    out = tmp_path / "out"
    assert main(["reproduce", "--quick", "--chips", "2", "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"one", "two"}
    before = (out / "two" / "reproduction.json").read_bytes()
    (out / "two" / "reproduction.json").unlink()
    capsys.readouterr()
    assert main(["reproduce", "--resume", str(out)]) == 0
    assert (out / "two" / "reproduction.json").read_bytes() == before
    assert capsys.readouterr().out.count("Results in") == 2
    assert main(["reproduce", "--quick", "--task", "digits"]) == 2


def test_missing_data_of_any_task_are_found_before_the_first_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    second = {
        **TINY["tasks"][0],
        "name": "images",
        "training": {"model": "cnn-4", "data": "npz", "root": "images.npz"},
    }
    settings = ExperimentSettings.from_dict({**TINY, "tasks": [TINY["tasks"][0], second]})
    settings.save(tmp_path / "two.yaml")
    assert main(["reproduce", "two.yaml", "--root", "nowhere", "--out", "made"]) != 0
    assert not (tmp_path / "made").exists()


def test_nothing_is_copied_if_one_training_cannot_be_used(done, tmp_path):
    first = TINY["tasks"][0]
    settings = ExperimentSettings.from_dict({**TINY, "tasks": [first, {**first, "name": "second"}]})
    source = tmp_path / "source"
    (source / "digits" / "hwa").mkdir(parents=True)
    (source / "digits" / "hwa" / "result.json").write_text("{}")
    settings.save(source / "experiment.yaml")
    folder = tmp_path / "new"
    folder.mkdir()
    with pytest.raises(InvalidArgumentError, match="not finished"):
        run_reproduction(settings, folder, trainings=[source])
    assert not any(folder.iterdir())
