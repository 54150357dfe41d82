"""A network with one output through the commands: trained by a recipe, put on chips, layer by layer."""

import json

import pytest
import torch
from torch import nn

from analognas.cli import main
from analognas.data import DATASETS, DataSet, Split, register_dataset
from analognas.models import MODELS, register_model


def load_sides(root):
    """Which side of zero the first of eight numbers is on; column labels."""
    x = torch.randn(96, 8, generator=torch.Generator().manual_seed(0))
    x[:, 0] += 3.0 * x[:, 0].sign()
    part = Split(x, (x[:, :1] > 0).long())
    return DataSet("sides", "classification", part, None, part, (8,), 2)


def build_one_output(*, input_shape, n_classes):
    assert n_classes == 2
    return nn.Sequential(nn.Linear(*input_shape, 8), nn.ReLU(), nn.Linear(8, 1))


@pytest.fixture
def known():
    before = [dict(registry._entries) for registry in (DATASETS, MODELS)]
    register_dataset("sides", load_sides)
    register_model("one-output", build_one_output)
    yield
    for registry, entries in zip((DATASETS, MODELS), before, strict=True):
        registry._entries.clear()
        registry._entries.update(entries)


def test_train_drift_and_sensitivity(known, tmp_path, capsys, monkeypatch):
    net = str(tmp_path / "net")
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "--model", "one-output", "--data", "sides", "--recipe", "hwa"]
    more = [
        "--set",
        "digital.epochs=10",
        "--set",
        "recipe.epochs=2",
        "--set",
        "digital.batch_size=16",
    ]
    assert main([*arguments, *more, "--set", "recipe.batch_size=16", "--out", net]) == 0
    result = json.loads((tmp_path / "net" / "result.json").read_text())
    assert result["metrics"]["test_accuracy"] > 95.0
    assert main(["train", "--start", net + "/digital", "--data", "sides", "--recipe", "ptq"]) == 0
    assert float(capsys.readouterr().out.split("test accuracy")[-1].split()[0]) > 95.0
    for command, times in (("drift", "--times"), ("sensitivity", "--time")):
        out = tmp_path / command
        assert main([command, net, "--chips", "2", times, "60", "--out", str(out)]) == 0
        capsys.readouterr()
    found = json.loads((tmp_path / "drift" / "result.json").read_text())
    assert found["hwa"]["digital"] > 95.0
    assert min(found[name]["summary"][0]["mean"] for name in found) > 90.0
    layers = json.loads((tmp_path / "sensitivity" / "result.json").read_text())
    assert layers["digital"] > 95.0
