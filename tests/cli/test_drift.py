import json

import pytest
import torch
from matplotlib.image import imread
from torch import nn

from analognas.cli import main
from analognas.core.files import with_checksum
from analognas.core.text_files import checked_json
from analognas.data import DATASETS, DataSet, Split, register_dataset
from analognas.drift import direct_mapping
from analognas.models import build_model
from analognas.training import ModelRecord, save_model


def load_stripes(root):
    """Two kinds of stripes in noise."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(120) % 2
    inputs = 0.6 * torch.randn(120, 1, 8, 8, generator=generator)
    inputs[targets == 0, :, ::2] += 1.0
    inputs[targets == 1, :, :, ::2] += 1.0
    part = Split(inputs, targets)
    return DataSet("stripes", "classification", part, None, part, (1, 8, 8), 2)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A digital and an analog network in files, laid out as a training leaves them."""
    before = dict(DATASETS._entries)
    register_dataset("stripes", load_stripes)
    yield trained(tmp_path_factory)
    DATASETS._entries.clear()
    DATASETS._entries.update(before)


def trained(tmp_path_factory):
    data = load_stripes(None)
    home = tmp_path_factory.mktemp("run")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build_model("cnn-4", input_shape=(1, 8, 8), n_classes=2)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(25):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(data.train.inputs), data.train.targets).backward()
        optimizer.step()
    net.eval()
    record = ModelRecord(
        model="cnn-4",
        input_shape=(1, 8, 8),
        n_classes=2,
        data={"name": "stripes", "options": {"validation": 0}},
    )
    (home / "digital").mkdir()
    save_model(home / "digital" / "model.safetensors", net, record)
    save_model(home / "model.safetensors", direct_mapping(net, data), record)
    return home


@pytest.mark.figures
def test_drift_leaves_numbers_and_a_figure(checkpoints, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["drift", str(checkpoints), "--chips", "3", "--times", "1,86400", "--out", str(out)]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "hardware-aware training, accuracy: digital" in text
    assert "direct mapping, no compensation" in text
    assert text.endswith(f"Results in {out}\n")
    names = {entry.name for entry in out.iterdir()}
    assert names == {
        "study.json", "result.json", "report.html", "drift.png", "journal", "hwa.csv", "direct.csv", "direct_uncompensated.csv",
    }  # fmt: skip
    payload = {
        name: checked_json(entry, name)
        for name, entry in json.loads((out / "result.json").read_text()).items()
    }
    assert payload["hwa"]["times"] == [1.0, 86400.0]
    assert imread(out / "drift.png").shape == (750, 1125, 4)
    # Its settings are a settings file, as the page says.
    again = tmp_path / "again"
    assert main(["drift", "--config", str(out / "study.json"), "--out", str(again)]) == 0
    assert (again / "result.json").read_bytes() == (out / "result.json").read_bytes()
    capsys.readouterr()
    # Going on with what is finished gives the same.
    assert main(["drift", "--resume", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == payload


def strict(text):
    """JSON as its standard has it, without NaN."""

    def refuse(word):
        raise AssertionError(f"{word} in JSON")

    return json.loads(text, parse_constant=refuse)


def test_one_chip_has_no_interval(checkpoints, tmp_path, capsys):
    for command, times in (("drift", "--times"), ("sensitivity", "--time")):
        out = tmp_path / command
        arguments = [command, str(checkpoints), "--chips", "1", times, "60", "--out", str(out)]
        assert main(arguments) == 0
        text = capsys.readouterr().out
        assert "one chip: no interval" in text
        assert "nan" not in text
        assert main([command, "--resume", str(out), "--json"]) == 0
        strict(capsys.readouterr().out)
        strict((out / "result.json").read_text())
        for table in out.glob("*.csv"):
            assert "nan" not in table.read_text()


def test_the_printed_digital_network_is_the_one_of_the_normalised_accuracy(
    checkpoints, tmp_path, capsys
):
    """Trained and original network differ; 1.0 normalised is the one that is printed first."""
    from analognas.training import load_model

    network, record = load_model(checkpoints)
    with torch.no_grad():
        [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1].bias[0] += 30.0
    changed = tmp_path / "changed.safetensors"
    save_model(changed, network, record)
    out = tmp_path / "out"
    arguments = ["drift", str(changed), "--direct", str(checkpoints / "digital")]
    assert main([*arguments, "--chips", "2", "--times", "60", "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    results = json.loads((out / "result.json").read_text())
    for name, label in (("hwa", "hardware-aware"), ("direct", "direct mapping, accuracy")):
        head = next(k for k, line in enumerate(lines) if line.startswith(label))
        shown = float(lines[head].split("digital ")[1].split(" %")[0])
        assert shown == pytest.approx(results[name]["reference"], abs=0.005)
        assert lines[head + 1].split()[-1] == "normalised"
        a = float(lines[head + 2].split()[-1])
        mean, chance = results[name]["summary"][0]["mean"], 100 * results[name]["chance_score"]
        assert (mean - chance) / (shown - chance) == pytest.approx(a, abs=2e-4)
    assert "itself without analog effects" in lines[0]


@pytest.mark.figures
def test_interrupted_and_continued(checkpoints, tmp_path, capsys, monkeypatch):
    from analognas.drift.chips import ChipSimulator

    whole, out = tmp_path / "whole", tmp_path / "out"
    rest = ["--chips", "3", "--times", "1", "--direct", str(checkpoints / "digital"), "--out"]
    assert main(["drift", str(checkpoints), *rest, str(whole)]) == 0
    measure = ChipSimulator.measure

    def stop(self, k, *arguments, **more):
        if k == 2:
            raise KeyboardInterrupt
        return measure(self, k, *arguments, **more)

    monkeypatch.setattr(ChipSimulator, "measure", stop)
    assert main(["drift", str(checkpoints), *rest, str(out)]) == 130
    assert f"continue with: analognas drift --resume {out}" in capsys.readouterr().err
    assert not (out / "result.json").exists()
    monkeypatch.setattr(ChipSimulator, "measure", measure)
    assert main(["drift", "--resume", str(out)]) == 0
    assert (out / "result.json").read_bytes() == (whole / "result.json").read_bytes()
    assert (out / "drift.png").read_bytes() == (whole / "drift.png").read_bytes()


def test_a_digital_checkpoint_is_mapped_as_it_is(checkpoints, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = [
        "drift",
        str(checkpoints / "digital"),
        "--tolerance",
        "3",
        "--times",
        "1",
        "--out",
        str(out),
    ]
    assert main(arguments) == 0
    assert "hardware-aware" not in capsys.readouterr().out
    assert set(json.loads((out / "result.json").read_text())) == {"direct", "direct_uncompensated"}


def test_sensitivity(checkpoints, tmp_path, capsys):
    out = tmp_path / "out"
    assert (
        main(["sensitivity", str(checkpoints), "--chips", "2", "--time", "60", "--out", str(out)])
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8  # a title, heads, four layers, all of them, the folder
    assert lines[6].startswith("all layers")
    assert {"study.json", "result.json", "table.csv", "sensitivity.png"} <= {
        x.name for x in out.iterdir()
    }
    assert main(["sensitivity", "--resume", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["time"] == 60.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["drift"], "Give a saved network"),
        (["drift", "nowhere"], "nowhere"),
        (["drift", "RUN", "--times", "1,day"], "A time must be a number of seconds"),
        (["drift", "RUN", "--times", "-5"], "`times[0]` must be"),
        (["drift", "RUN", "--chips", "0"], "`chips` must be an integer of at least 1"),
        (["drift", "RUN", "--tolerance", "0"], "`tolerance`"),
        (["drift", "RUN", "--examples", "1"], "`examples` must be an integer of at least 2"),
        (["drift", "RUN", "--direct", "RUN"], "must be a digital network"),
        (["drift", "RUN", "--analog", "rash2023"], "rasch2023"),
        (["drift", "RUN", "--data", "strips"], "Did you mean 'stripes'?"),
        (["drift", "--resume", "RUN"], "no study to continue"),
        (["drift", "RUN", "--resume", "RUN"], "omit checkpoint"),
        (["sensitivity", "RUN", "--kind", "both"], "Choices: alone, spared"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    checkpoints, tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    words = [str(checkpoints) if word == "RUN" else word for word in arguments]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not list(tmp_path.iterdir())


def test_settings_of_a_file_and_of_set_reach_the_study(checkpoints, tmp_path, capsys):
    folder, out = checkpoints, tmp_path / "out"
    config = tmp_path / "drift.yaml"
    config.write_text(f"checkpoint: {folder}\ntimes: [60]\nchips: 3\nexamples: 16\n")
    words = ["drift", "--config", str(config), "--chips", "2", "--set", "seed=5"]
    assert main([*words, "--out", str(out)]) in (0, None)
    study = json.loads((out / "study.json").read_text())
    assert (study["times"], study["chips"], study["seed"]) == ([60.0], 2, 5)
    capsys.readouterr()
    assert main([*words, "--set", "chps=5", "--out", str(tmp_path / "b")]) == 2
    assert "Did you mean 'chips'" in capsys.readouterr().err
    assert main(["drift", "--resume", str(out), "--set", "seed=1"]) == 2
    assert "omit set" in capsys.readouterr().err


def test_a_drift_evaluation_is_simulated_again(tmp_path, checkpoints, capsys):
    out = tmp_path / "drift"
    words = ["drift", str(checkpoints), "--chips", "3", "--times", "1,86400", "--out", str(out)]
    assert main(words) == 0
    capsys.readouterr()
    assert main(["verify", str(out)]) == 0
    text = capsys.readouterr().out
    assert "hwa: 2 of 3 chips simulated again: 4 scores are equal to the last bit" in text
    payload = json.loads((out / "result.json").read_text())
    other = checked_json(payload["hwa"], "hwa")
    other["chip_scores"][0][1] += 0.01
    payload["hwa"] = with_checksum(other)
    (out / "result.json").write_text(json.dumps(payload))
    assert main(["verify", str(out)]) == 1
    assert "WRONG: hwa, chip 0 after 86400 s" in capsys.readouterr().out
