"""Networks of the user's own and architectures in the commands."""

import json
import sys

import pytest

from analognas.cli import main
from analognas.core.user_code import CODE_VARIABLE
from analognas.search import Worker

CODE = """
import torch
from torch import nn

def build(*, input_shape, n_classes):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(input_shape[0] * input_shape[1] * input_shape[2], n_classes))
    return net

not_a_network = "text"
"""


@pytest.fixture(autouse=True)
def own_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CODE_VARIABLE, "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "mynet21.py").write_text(CODE)
    yield
    sys.modules.pop("mynet21", None)


FEW = ["--examples", "20", "--chips", "2"]


def test_a_network_that_was_not_saved(capsys):
    words = ["--model", "mynet21:build", "--data", "digits", *FEW]
    assert main(["drift", *words, "--times", "1s,1day", "--out", "d", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["direct"]["times"] == [1.0, 86400.0]
    assert main(["sensitivity", *words, "--time", "1 h", "--out", "s"]) == 0
    out = capsys.readouterr().out
    assert "1 h after programming, 2 chips" in out
    assert out.splitlines()[1].split()[:3] == ["layer", "loss", "(pp)"]


def test_train_it_then_measure_and_count_the_saved_folder(capsys, monkeypatch):
    train = ["train", "--model", "mynet21:build", "--data", "digits", "--recipe", "digital"]
    assert main([*train, "--epochs", "1", "--out", "net"]) == 0
    monkeypatch.setenv(CODE_VARIABLE, "")
    sys.modules.pop("mynet21")
    capsys.readouterr()
    assert main(["drift", "net", *FEW, "--out", "refused"]) == 2
    assert "analognas --import mynet21 COMMAND" in capsys.readouterr().err
    words = ["drift", "net", "--model", "mynet21:build", *FEW, "--times", "60"]
    assert main([*words, "--out", "d", "--json"]) == 0
    digital = json.loads(capsys.readouterr().out)["direct"]["digital"]
    assert digital > 50.0  # the trained weights, not new ones
    assert main(["cost", "net", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tiles"] > 0
    assert main(["report", "net"]) == 0


def test_cost_of_a_function(capsys):
    words = ["--input", "1,16,16", "--classes", "10", "--json"]
    assert main(["cost", "--model", "mynet21:build", *words]) == 0
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert (layer["rows"], layer["columns"]) == (256, 10)
    assert main(["cost", "mynet21:build", *words]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["drift", "--data", "digits"], "Or build your own: analognas drift --model"),
        (["drift", "--model", "nosuch21:build", "--data", "digits"], "Cannot import 'nosuch21'"),
        (["drift", "--model", "mynet21:other", "--data", "digits"], "does not define 'other'"),
        (["drift", "--model", "mynet21:build"], "does not say on which data it was trained"),
        (["sensitivity", "--model", "mynet21:not_a_network", "--data", "digits"], "failed with"),
        (["cost"], "Give a network or an architecture, or --model"),
        (["cost", "wrn-16-4", "--model", "mynet21:build"], "Give a network or an architecture"),
        (["map", "--loss", "1"], "Give a saved network"),
    ],
)
def test_what_is_missing(words, message, capsys):
    assert main(words) == 2
    assert message in capsys.readouterr().err


ARCH = {"out_channel0": 16, "M": 2, "R1": 1, "R2": 1, "R3": 0, "R4": 0, "R5": 0}
ARCH |= {"convblock1": 1, "widenfact1": 0.5, "B1": 1, "convblock2": 2, "widenfact2": 0.5, "B2": 1}
ARCH |= {f"{name}{i}": 0 for name in ("convblock", "widenfact", "B") for i in (3, 4, 5)}


def test_architectures_of_the_resnet_space_in_three_forms(capsys, tmp_path):
    named = ", ".join(f"{name}={value}" for name, value in ARCH.items())
    results = []
    for text in (named, json.dumps(ARCH), "{" + named.replace("=", ": ") + "}"):
        assert main(["cost", "--space", "resnet", text, "--json"]) == 0
        results.append(json.loads(capsys.readouterr().out))
    assert results[0] == results[1] == results[2]
    assert results[0]["tiles"] > 0
    assert main(["cost", "--space", "resnet", "out_channel0=16, M=2, nonsense=1"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_the_winner_of_a_search_needs_no_other_words(capsys):
    Worker(optimizer="random_search", runs=1, budget=20, out="found").search()
    assert main(["cost", "found", "--json"]) == 0
    said = capsys.readouterr()
    needed = json.loads(said.out)["tiles"]
    assert (f"the network needs {needed} crossbars, but 'hermes' has 64" in said.err) == (
        needed > 64
    )
    assert main(["cost", "2,2,2,2,2,2", "--json"]) == 0
    assert "needs 192 crossbars, but 'hermes' has 64" in capsys.readouterr().err
    assert main(["cost", "2,2,2,2,2,2", "--tiles", "64"]) == 2
    assert "128 are missing" in capsys.readouterr().err
