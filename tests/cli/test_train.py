import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from analognas.cli import main
from analognas.training import load_model


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def arrays(tmp_path):
    """Small images that are easy to tell apart, as an .npz file."""
    generator = np.random.default_rng(0)
    prototypes = generator.integers(0, 255, (3, 8, 8))
    labels = np.arange(240) % 3
    images = np.clip(prototypes[labels] + generator.normal(0, 30, (240, 8, 8)), 0, 255).astype("u1")
    file = tmp_path / "small.npz"
    np.savez(
        file, train_x=images[:180], train_y=labels[:180].astype("u1"), test_x=images[180:],
        test_y=labels[180:].astype("u1"),
    )  # fmt: skip
    return str(file)


def base(arrays, *more):
    return ["train", "--data", "npz", "--root", arrays, "--model", "cnn-4", *more]


def fails(capsys, *words):
    """Run a command that must fail with one line on stderr and leave nothing behind."""
    before = sorted(os.listdir("."))
    assert main(list(words)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"error: [^\n]+\n", captured.err)
    assert sorted(os.listdir(".")) == before or sorted(os.listdir(".")) == [
        "analognas-runs",
        *before,
    ]
    runs = Path("analognas-runs")
    assert not runs.exists() or not any(runs.iterdir())
    return captured.err


def test_digits_without_any_option(capsys):
    pytest.importorskip("sklearn")
    assert main(["train", "--epochs", "2"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"digital: cnn-16, 2 epochs\nmetric +value +unit\n", out)
    assert re.search(r"^validation accuracy +[\d.]+  %$", out, flags=re.M)
    assert "Results in analognas-runs/train-001" in out
    assert sorted(os.listdir("analognas-runs/train-001")) == [
        "config.yaml",
        "epochs.jsonl",
        "model.safetensors",
        "report.html",
        "result.json",
        "training.png",
    ]


@pytest.mark.figures
def test_a_run_repeats_itself_from_its_configuration(arrays, capsys):
    words = base(
        arrays, "--recipe", "hwa", "--epochs", "1", "--set", "digital.epochs=3", "--seed", "4"
    )
    assert main([*words, "--out", "first"]) == 0
    assert "\nhwa: cnn-4, 1 epoch\n" in capsys.readouterr().out
    assert main(["train", "--config", "first/config.yaml", "--out", "again"]) == 0
    for name in ("config.yaml", "epochs.jsonl", "model.safetensors", "result.json", "training.png"):
        assert Path("first", name).read_bytes() == Path("again", name).read_bytes()
        assert Path("first/digital/model.safetensors").exists()
    model, record = load_model("first")
    assert (record.recipe["kind"], record.model, record.seed) == ("hwa", "cnn-4", 4)
    assert record.data == {"name": "npz", "root": arrays, "options": {}, "subset": {}}
    assert model(torch.zeros(1, 1, 8, 8)).shape == (1, 3)
    # The digital network of one run is the beginning of another.
    started = base(arrays, "--recipe", "ptq", "--start", "first/digital", "--out", "ptq", "--json")
    capsys.readouterr()
    assert main(started) == 0
    payload = json.loads(capsys.readouterr().out)
    assert payload["recipe"]["kind"] == "ptq"
    assert sorted(os.listdir("ptq")) == [
        "config.yaml",
        "epochs.jsonl",
        "model.safetensors",
        "report.html",
        "result.json",
    ]


def test_options_files_and_settings_have_their_order(arrays):
    Path("mine.yaml").write_text("kind: digital\nepochs: 3\noptimizer: {lr: 0.2}\n")
    words = base(arrays, "--recipe", "mine.yaml", "--epochs", "1", "--batch-size", "50")
    assert main([*words, "--set", "recipe.batch_size=60", "--out", "run"]) == 0
    recipe = yaml.safe_load(Path("run/config.yaml").read_text())["recipe"]
    assert (recipe["epochs"], recipe["batch_size"], recipe["optimizer"]["lr"]) == (1, 60, 0.2)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--recipe", "hwaa"], "Did you mean 'hwa'"),
        (["--recipe", "ptq", "--lr", "3"], "The recipe 'ptq' has no 'lr'"),
        (["--analog", "rasch2023"], "The recipe 'digital' has no 'analog'"),
        (["--recipe", "hwa", "--analog", "rash2023"], "Did you mean 'rasch2023'"),
        (["--epochs", "0"], "`recipe.epochs`"),
        (["--epochs", "x"], "Invalid value for '--epochs'"),
        (["--data", "cifar11"], "Did you mean 'cifar10'"),
        (["--data", "cifar10", "--root", "nowhere"], "nowhere"),
        (["--model", "wnr-16-4"], "Unknown model"),
        (["--set", "recipe.epoch=3"], "Did you mean 'epochs'"),
        (["--set", "epochs"], "KEY=VALUE"),
        (["--config", "none.yaml"], "none.yaml"),
        (["--start", "x"], "`start` must be omitted"),
        (["--recipe", "qat", "--start", "none.safetensors"], "Cannot read 'none.safetensors'"),
        (["--resume", "nothing"], "There is no training in 'nothing'"),
        (["--device", "warp"], "Cannot train on 'warp'"),
        (["--frobnicate"], "No such option"),
    ],
)
def test_wrong_words_give_one_line(words, text, arrays, capsys):
    options = words if "--resume" in words or "--config" in words else base(arrays)[1:] + words
    assert text in fails(capsys, "train", *options)


def test_folders_that_are_taken_are_refused(arrays, capsys):
    Path("full").mkdir()
    Path("full/file").write_text("x")
    assert "not empty" in fails(capsys, *base(arrays, "--out", "full"))


def test_another_network_cannot_be_the_start(arrays, capsys):
    assert main(base(arrays, "--epochs", "1", "--out", "run")) == 0
    assert main(base(arrays, "--recipe", "ptq", "--start", "run", "--out", "ptq")) == 0
    capsys.readouterr()
    words = base(arrays, "--recipe", "qat")
    words[words.index("cnn-4")] = "cnn-8"
    assert "holds the network 'cnn-4', but `model` is 'cnn-8'" in fails(
        capsys, *words, "--start", "run"
    )
    assert "must be a digital network" in fails(
        capsys, *base(arrays, "--recipe", "qat", "--start", "ptq")
    )


def test_hopeless_runs_exit_with_one(arrays, capsys):
    assert main(base(arrays, "--epochs", "2", "--set", "recipe.abort.curve=[101]")) == 1
    assert "aborted: After epoch 1 validation accuracy" in capsys.readouterr().out


def test_tensorboard_is_optional(arrays, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert main(base(arrays, "--tensorboard", "--out", "run")) == 2
    assert "pip install 'analognas[tensorboard]'" in capsys.readouterr().err


def test_tensorboard_gets_every_epoch(arrays, monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder, purge_step):
            written.append((folder, purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, step))

        def flush(self):
            pass

        def close(self):
            written.append("closed")

    module = type(sys)("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    assert main(base(arrays, "--tensorboard", "--epochs", "2", "--out", "run")) == 0
    assert written[0] == ("run/tensorboard", 1)
    assert [step for name, step in written[1:-1] if name == "validation_accuracy"] == [5, 10]
    assert written[-1] == "closed"


def test_an_interrupted_training_says_how_to_go_on_and_does(arrays):
    words = [
        sys.executable, "-m", "analognas",
        *base(arrays, "--recipe", "hwa", "--out", "run", "--set", "digital.epochs=1", "--epochs", "400"),
    ]  # fmt: skip
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in its background with the signal ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as child:
        while not Path("run/epochs.jsonl").exists() and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate()
    assert child.returncode == 130
    assert err.splitlines()[-1] == "interrupted; continue with: analognas train --resume run"
    epochs = len(Path("run/epochs.jsonl").read_text().splitlines())
    text = Path("run/config.yaml").read_text()
    assert "epochs: 400" in text
    assert main(["train", "--resume", "run", "--epochs", "3"]) == 2
    assert epochs < 400
    assert Path("run/checkpoint.safetensors").exists()


@pytest.mark.figures
def test_resume_ends_as_the_uninterrupted(arrays, monkeypatch, capsys):
    from analognas.training.loop import Loop

    words = base(arrays, "--recipe", "qat", "--epochs", "2", "--set", "digital.epochs=1")
    assert main([*words, "--out", "whole"]) == 0
    end_epoch, seen = Loop._end_epoch, []

    def interrupted(self):
        end_epoch(self)
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "_end_epoch", interrupted)
    assert main([*words, "--out", "run"]) == 130
    monkeypatch.undo()
    monkeypatch.chdir(Path(arrays).parent)
    assert main(["train", "--resume", "run"]) == 0
    for name in ("model.safetensors", "result.json", "epochs.jsonl", "training.png", "config.yaml"):
        assert Path("run", name).read_bytes() == Path("whole", name).read_bytes()
    assert main(["train", "--resume", "run"]) == 0  # a finished one is shown


def test_what_is_changed_at_random_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(256, size=(80, 3, 8, 8), dtype=np.uint8)
    np.savez("mine.npz", x=images, y=np.arange(80) % 2)
    base = ["train", "--data", "npz", "--root", "mine.npz", "--epochs", "1", "--model", "cnn"]
    for more, expected in (
        ([], "none"),
        (["--set", "data_options.augment=true"], "shifts by up to 4 pixels, mirror images"),
        (["--set", "data_options.augment=true", "--set", "recipe.augment=false"], "none"),
    ):
        assert main([*base, *more]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == (
            "data mine: 58 train, 6 validation, 16 test examples of shape (3, 8, 8), 2 classes; "
            f"augmentation: {expected}"
        )
    assert main([*base, "--json"]) == 0
    captured = capsys.readouterr()
    json.loads(captured.out)
    assert captured.err.startswith("data mine: 58 train")


@pytest.mark.parametrize(
    ("words", "plan"),
    [
        (["--recipe", "hwa"], "digital 2 epochs of {n}, then hwa 2 epochs of {n}: {four}"),
        (
            ["--recipe", "hwa", "--set", "digital.epochs=1"],
            "digital 1 epoch of {n}, then hwa 2 epochs of {n}: {three}",
        ),
        (["--recipe", "ptq"], "digital 2 epochs of {n}, then ptq without training: {two}"),
        ([], "digital 2 epochs of {n}: {two}"),
    ],
)
def test_epochs_are_those_of_all_stages(arrays, capsys, words, plan):
    """The digital network before --recipe hwa was trained for 10 epochs, whatever --epochs said."""
    assert main(base(arrays, *words, "--epochs", "2", "--out", "run")) == 0
    out = capsys.readouterr().out
    counts = {"two": 2, "three": 3, "four": 4}
    shown = plan.format(n="5 steps", **{name: f"{5 * k} steps" for name, k in counts.items()})
    assert f"plan {shown}\n" in out
    config = yaml.safe_load(Path("run/config.yaml").read_text())
    stages = [config[name] for name in ("digital", "recipe") if config[name]]
    trained = [stage["epochs"] for stage in stages if "epochs" in stage]
    assert trained == [int(k) for k in re.findall(r"(\d+) epochs? of", shown)]
    rows = sum(len(file.read_text().splitlines()) for file in Path("run").rglob("epochs.jsonl"))
    assert rows == sum(trained)


def test_epochs_of_a_run_that_starts_from_a_network(arrays, capsys):
    assert main(base(arrays, "--epochs", "1", "--out", "first")) == 0
    capsys.readouterr()
    words = base(arrays, "--recipe", "hwa", "--start", "first", "--epochs", "1", "--out", "second")
    assert main(words) == 0
    assert "plan hwa 1 epoch of 5 steps: 5 steps\n" in capsys.readouterr().out
    message = fails(capsys, *base(arrays, "--recipe", "ptq", "--start", "first", "--epochs", "1"))
    assert "trains nothing" in message
