import json

import pytest

from analognas.cli.main import main


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


def test_a_model_as_json(tmp_path, capsys):
    words = ("cnn", "--input", "1,28,28", "--tiles", "any", "--json", "--chip", "puma")
    code, said = run(capsys, *words, "--out", str(tmp_path / "a.png"))
    assert code == 0
    payload = json.loads(said.out)
    assert payload["latency"] is None
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["2,2,2,2,2,2"], "128 are missing"),
        (["wrn-16-5-9"], "must be of the form wrn"),
        (["No.5", "--tiles", "many"], "must be a number or any"),
        (["No.5", "--input", "big"], "must be sizes with commas"),
        (["No.5", "--input", "3"], "channels, height and width"),
        (["No.5", "--chip", "herms"], "Did you mean 'hermes'"),
        (["No.99999"], "lies in 0..15624"),
    ],
)
def test_errors(tmp_path, capsys, words, message):
    out = tmp_path / "a.png"
    code, said = run(capsys, *words, "--out", str(out))
    assert code == 2
    assert message in said.err
    assert not out.exists()
