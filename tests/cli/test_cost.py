import json

import numpy as np
import pytest

from analognas.cli.main import main
from analognas.drift.chips import ChipSimulator
from analognas.evaluators import ChipCostEvaluator, CostPredictor
from analognas.models import build_model
from analognas.spaces import SPACES, NASBench201Space
from analognas.training import ModelRecord, save_model


def run(capsys, *words):
    code = main(["cost", *words])
    return code, capsys.readouterr()


def test_an_architecture(tmp_path, capsys):
    out = tmp_path / "a.png"
    code, said = run(capsys, "0,1,1,1,1,1", "--out", str(out))
    assert code == 0
    assert said.out.startswith("hermes: 12 crossbars")
    assert said.out.rstrip().endswith(str(out))
    assert out.read_bytes().startswith(b"\x89PNG")


def test_any_entry_of_a_chip(tmp_path, capsys):
    words = ("0,1,1,1,1,1", "--json", "--out", str(tmp_path / "a.png"))
    _, plain = run(capsys, *words)
    code, said = run(capsys, *words, "--set", "mvm_energy=26.8", "--set", "cut=elements")
    assert code == 0
    found = json.loads(said.out)
    assert found["energy"] == pytest.approx(2 * json.loads(plain.out)["energy"])
    assert found["chip"]["cut"] == "elements"
    code, said = run(capsys, *words, "--set", "mvm_energi=26.8")
    assert code == 2
    assert "Did you mean 'mvm_energy'?" in said.err


def test_an_architecture_by_name_and_value(tmp_path, capsys):
    """As a search over the ResNet space prints it, or as ``best.json`` has it."""
    space = SPACES.get("resnet")()
    row = space.sample(1, generator=np.random.default_rng(0))[0]
    said = []
    for text in (json.dumps(space.describe(row)["architecture"]), ",".join(map(str, row))):
        words = (text, "--space", "resnet", "--tiles", "any", "--json")
        code, streams = run(capsys, *words, "--out", str(tmp_path / "a.png"))
        assert code == 0, streams.err
        said.append(json.loads(streams.out))
    assert said[0] == said[1]
    assert said[0]["tiles"] > 0
    code, streams = run(capsys, "{M: 1, out_channel0: 8", "--space", "resnet")
    assert (code, streams.out) == (2, "")
    assert "Cannot read the value" in streams.err


def test_a_model_as_json(tmp_path, capsys):
    words = ("cnn", "--input", "1,28,28", "--tiles", "any", "--json", "--chip", "ambrogio2023")
    code, said = run(capsys, *words, "--out", str(tmp_path / "a.png"))
    assert code == 0
    payload = json.loads(said.out)
    assert payload["area"] is None
    assert payload["latency"] > 0
    assert payload["energy"] > 0
    assert sum(layer["tiles"] for layer in payload["layers"]) == payload["tiles"]


def test_a_chip_file_and_options(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("base: hermes\nname: mine\n")
    words = ("No.5", "--chip", str(tmp_path / "mine.yaml"), "--tiles", "300", "--replicate")
    code, said = run(capsys, *words, "--out", str(tmp_path / "a.png"))
    assert code == 0
    assert said.out.startswith("mine: ")
    fbnet = ",".join(["8"] * 22)
    words = (fbnet, "--space", "fbnet", "--tiles", "any", "--mapping", "packed")
    assert run(capsys, *words, "--out", str(tmp_path / "a.png"))[0] == 0


@pytest.mark.parametrize("name", SPACES.names())
def test_an_architecture_costs_what_a_search_finds(tmp_path, capsys, name):
    space = SPACES.get(name)()
    row = space.sample(1, generator=np.random.default_rng(1))
    found = ChipCostEvaluator(space, "hermes-core").report(row[0])["metrics"]
    text = ",".join(map(str, row[0].tolist()))
    words = (text, "--space", name, "--chip", "hermes-core", "--json")
    code, said = run(capsys, *words, "--out", str(tmp_path / "a.png"))
    assert code == 0, said.err
    payload = json.loads(said.out)
    for key, value in found.items():
        assert payload[key.removeprefix("aimc_")] == value


@pytest.mark.parametrize(
    ("words", "positions", "classes"),
    [
        (["lstm"], 35, 10_000),
        (["lstm", "--input", "7", "--classes", "50"], 7, 50),
        (["text-classifier"], 1, 2),
        (["kws-cnn"], 1, 12),
        (["cnn"], 1, 10),
    ],
)
def test_networks_by_name_have_an_input(tmp_path, capsys, words, positions, classes):
    words = (*words, "--tiles", "any", "--json", "--out", str(tmp_path / "a.png"))
    code, said = run(capsys, *words)
    assert code == 0, said.err
    layer = json.loads(said.out)["layers"][-1]
    assert (layer["positions"], layer["columns"]) == (positions, classes)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["2,2,2,2,2,2", "--tiles", "64"],
            "128 are missing. Take a chip with more, or leave their number open: `--tiles any`",
        ),
        (["wrn-16-4", "--chip", "huge.yaml"], "`columns` must be an integer"),
        (["wrn-16-5-9"], "must be of the form wrn"),
        (["No.5", "--tiles", "many"], "must be a number or any"),
        (["No.5", "--input", "big"], "must be sizes with commas"),
        (["No.5", "--input", "3"], "channels, height and width"),
        (["No.5", "--chip", "herms"], "Did you mean 'hermes'"),
        (["No.99999"], "lies in 0..15624"),
    ],
)
def test_errors(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "huge.yaml").write_text(f"base: hermes\ncolumns: {10**21}\n")
    out = tmp_path / "a.png"
    code, said = run(capsys, *words, "--out", str(out))
    assert code == 2
    assert message in said.err
    assert not out.exists()


def measured_csv(path, rows=30):
    space = NASBench201Space()
    cells = space.sample(rows, generator=np.random.default_rng(0), unique=True)
    lines = ["architecture,cli_latency"]
    lines += [f"{space.arch_str(cell)},{1.5 + 0.25 * (cell == 2).sum()}" for cell in cells]
    path.write_text("\n".join(lines))
    return path


def test_a_measured_device(tmp_path, capsys):
    table, kept = measured_csv(tmp_path / "mine.csv"), tmp_path / "mine.parquet"
    words = ("2,2,2,2,2,2", "--measured", str(table), "--keep", str(kept))
    code, said = run(capsys, *words, "--out", str(tmp_path / "a.png"))
    assert code == 0
    assert said.out.splitlines()[:2] == [
        "cli_latency: 3 ± 0 ms",
        "  = 1.5 + 0.25 nor_conv_3x3",
    ]
    assert "closed form on 30 measurements" in said.out
    assert not (tmp_path / "a.png").exists()
    assert CostPredictor.load(kept).formula("cli_latency") == "1.5 + 0.25 nor_conv_3x3"
    code, said = run(capsys, *words[:3], "--json")
    assert json.loads(said.out)["cli_latency"]["value"] == 3.0


def test_what_was_kept_predicts_again(tmp_path, capsys):
    table, kept = measured_csv(tmp_path / "mine.csv"), tmp_path / "mine.parquet"
    words = ("2,2,2,2,2,2", "--json", "--measured")
    first = run(capsys, *words, str(table), "--keep", str(kept))[1].out
    assert run(capsys, *words, str(kept)) == (0, (first, ""))


def test_two_devices_in_one_file(tmp_path, capsys):
    lines = measured_csv(tmp_path / "mine.csv", rows=40).read_text().splitlines()
    cells = [line.split(",")[0] for line in lines[1:]]
    lines = ["architecture,cli_latency,cli_energy"]
    lines += [f"{cell},{1 + cell.count('3x3') if i < 25 else ''},{i if i > 20 else ''}" for i, cell in enumerate(cells)]  # fmt: skip
    (tmp_path / "two.csv").write_text("\n".join(lines))
    code, said = run(capsys, "No.5", "--measured", str(tmp_path / "two.csv"), "--json")
    assert code == 0
    counts = {name: found["cross_validation"]["n"] for name, found in json.loads(said.out).items()}
    assert counts == {"cli_latency": 25, "cli_energy": 19}


def test_bad_measurements(tmp_path, capsys):
    few = measured_csv(tmp_path / "few.csv", rows=5)
    code, said = run(capsys, "No.5", "--measured", str(few), "--keep", str(tmp_path / "k.parquet"))
    assert code == 2
    assert "at least 10 different architectures, but got 5" in said.err
    assert not (tmp_path / "k.parquet").exists()
    assert run(capsys, "No.5", "--measured", str(tmp_path / "none.csv"))[0] == 2
    code, said = run(capsys, "No.5", "--keep", "x.parquet")
    assert code == 2
    assert "`--keep` needs `--measured`" in said.err


def test_programming_and_recalibration_are_shown(tmp_path, capsys):
    words = ("0,1,1,1,1,1", "--out", str(tmp_path / "a.png"))
    code, said = run(capsys, *words)
    assert code == 0
    lines = said.out.splitlines()
    assert lines[-3].startswith("programming: 4.2 ms (0.83 to 21), ")
    assert lines[-2].startswith("recalibration: 256 reference MVMs a crossbar, ")
    assert lines[-2].endswith(
        "; once a day 0.0017 mJ (x1.6) an inference (at one inference an hour)"
    )
    _, said = run(capsys, *words, "--rate", "1", "--json")
    measuring = json.loads(said.out)["recalibration"]
    assert measuring["daily_per_inference"] == pytest.approx(measuring["energy"] / 86400)
    code, said = run(capsys, *words, "--iterations", "2", "--json")
    few = json.loads(said.out)["programming"]
    assert few["iterations"] == 2
    assert few["time"] < 4.0
    code, said = run(capsys, *words, "--chip", "isaac")
    assert code == 0
    assert "programming: time and energy of programming 'isaac' are not published" in said.out
    code, said = run(capsys, *words, "--iterations", "0.5")
    assert (code, said.out) == (2, "")
    assert "`iterations` must be" in said.err


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A digital network for the digits in a file; it is not trained."""
    net = build_model("cnn-4", input_shape=(1, 8, 8), n_classes=10)
    data = {"name": "digits", "options": {"size": 8, "validation": 0}}
    record = ModelRecord(model="cnn-4", input_shape=(1, 8, 8), n_classes=10, data=data)
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    save_model(path, net, record)
    return path


def test_upkeep_of_a_saved_network(saved, tmp_path, capsys):
    out = tmp_path / "upkeep.png"
    (tmp_path / "mine.yaml").write_text(
        "policies: [{name: never}, {name: weekly, compensate_every: 604800.0}]\nduration: 2592000.0\n"
    )
    words = (str(saved), "--upkeep", "--config", str(tmp_path / "mine.yaml"), "--chips", "2")
    code, said = run(capsys, *words, "--examples", "20", "--rate", "0.01", "--out", str(out))
    assert code == 0, said.err
    assert out.read_bytes().startswith(b"\x89PNG")
    lines = said.out.splitlines()
    assert lines[0].endswith("2 chips, 864 inferences a day of 0.0011 mJ (x1.6)")
    assert [line.split()[0] for line in lines[2:4]] == ["never", "weekly"]
    code, said = run(capsys, *words, "--examples", "20", "--json", "--out", str(out))
    found = json.loads(said.out)
    assert [policy["compensations"] for policy in found["policies"]] == [0, 4]
    assert found["settings"]["examples"] == 20


def test_upkeep_is_interrupted_and_continued(saved, tmp_path, capsys, monkeypatch):
    (tmp_path / "mine.yaml").write_text(
        "policies: [{name: never}, {name: weekly, compensate_every: 604800.0}]\nduration: 2592000.0\n"
    )
    words = [str(saved), "--upkeep", "--config", str(tmp_path / "mine.yaml"), "--chips", "2"]
    words += ["--examples", "20", "--json", "--out"]
    whole, out = tmp_path / "whole.png", tmp_path / "out.png"
    _, said = run(capsys, *words, str(whole))
    measure, measured = ChipSimulator.measure, []

    def stop(self, k, *arguments, **more):
        measured.append(k)
        if len(measured) == 4:
            raise KeyboardInterrupt
        return measure(self, k, *arguments, **more)

    monkeypatch.setattr(ChipSimulator, "measure", stop)
    code, stopped = run(capsys, *words, str(out))
    assert code == 130
    assert "continue with the same command and --resume" in stopped.err
    assert not out.exists()
    code, again = run(capsys, *words, str(out), "--resume")
    assert code == 0, again.err
    assert measured == [0, 1, 0, 1, 1]  # only the chip that was not complete
    assert (again.out, out.read_bytes()) == (said.out, whole.read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "out.png", "whole.png"]
    code, again = run(capsys, *words, str(out), "--resume")
    assert code == 2
    assert "There is nothing to continue" in again.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["wrn-16-4", "--upkeep"], "`--upkeep` needs a trained network: a file, the folder"),
        (["wrn-16-4", "--chips", "3"], "`--upkeep` is needed for --chips."),
        (["example", "--upkeep", "--classes", "3"], "`--upkeep` reads a saved network; omit --classes."),
        (["example", "--upkeep", "--data", "digits"], "The example has its own data and hardware; omit --data."),
        (["example", "--upkeep", "--chips", "1"], "`chips` must be an integer of at least 2"),
        (["example", "--upkeep", "--config", "none.yaml"], "Cannot read a policy comparison from 'none.yaml'"),
        (["example", "--upkeep", "--out", "a.svg"], "A figure is written as .png"),
    ],
)  # fmt: skip
def test_upkeep_errors(capsys, words, message):
    code, said = run(capsys, *words)
    assert (code, said.out) == (2, "")
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1
