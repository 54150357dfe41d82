"""Results and settings in JSON that are damaged or forged: one error, in a moment, that names the file."""

import json
import time

import numpy as np
import pytest
import torch
from safetensors.torch import save

from analognas.cli.main import main
from analognas.core import AnalogNASError, InvalidArgumentError, ResumeError, TableIntegrityError
from analognas.core.settings import changed_entries
from analognas.drift.study import DriftStudy
from analognas.search import model_of_search
from analognas.training.run_folder import RunFolder
from analognas.training.tensor_files import read_tensors, write_tensors

BEST = {"space": "nasbench201", "best": {"architecture": [2, 2, 0, 4, 2, 1]}}

BAD_TEXTS = {
    "deep": "[" * 200_000,
    "deep and closed": "[" * 5000 + "]" * 5000,
    "deep mappings": '{"a":' * 5000 + "1" + "}" * 5000,
    "digits": '{"space": ' + "1" * 5000 + "}",
    "not JSON": "{'space': 1}",
    "not UTF-8": b'{"space": "\xff"}',
    "empty": "",
    "list": "[]",
    "number": "7",
    "null": "null",
    "text": '"space"',
}


def write(file, text):
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


def one_error(action, *classes):
    start = time.monotonic()
    with pytest.raises(classes) as caught:
        action()
    assert isinstance(caught.value, AnalogNASError)
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 2
    return str(caught.value)


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_result_of_a_search(tmp_path, text):
    write(tmp_path / "best.json", text)
    assert "best.json" in one_error(lambda: model_of_search(tmp_path), TableIntegrityError)


@pytest.mark.parametrize(
    "change",
    [
        {"space": None},
        {"space": ["nasbench201"]},
        {"space": "nothing"},
        {"best": None},
        {"best": []},
        {"best": {}},
        {"best": {"architecture": [258, 2, 0, 4, 2, 1]}},
        {"best": {"architecture": [2, 2, 0]}},
        {"best": {"architecture": None}},
        {"best": {"architecture": [1.7, 2, 0, 4, 2, 1]}},
    ],
)
def test_fields_of_the_result_of_a_search(tmp_path, change):
    write(tmp_path / "best.json", json.dumps({**BEST, **change}))
    one_error(lambda: model_of_search(tmp_path), AnalogNASError)


def test_a_key_twice_in_a_result(tmp_path):
    """The last architecture won, without a word."""
    write(
        tmp_path / "best.json",
        '{"space": "nasbench201", "best": {"architecture": [2,2,0,4,2,1], "architecture": [0,0,0,0,0,0]}}',
    )
    error = one_error(lambda: model_of_search(tmp_path), TableIntegrityError)
    assert "'architecture' is in one mapping twice" in error
    write(tmp_path / "best.json", json.dumps(BEST))
    assert model_of_search(tmp_path)["model_options"]["architecture"] == [2, 2, 0, 4, 2, 1]


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_settings_of_an_evaluation(tmp_path, text, capsys):
    write(tmp_path / "study.json", text)
    one_error(lambda: DriftStudy.load(tmp_path), ResumeError)
    assert main(["drift", "--resume", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err) < 1000


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoint": None},
        {"checkpoint": 3},
        {"direct": 7},
        {"times": None},
        {"times": "60"},
        {"times": [None]},
        {"times": [1e400]},
        {"times": [[60]]},
        {"chips": 1.5},
        {"chips": None},
        {"tolerance": "0.1"},
        {"examples": 0},
        {"examples": "all"},
        {"kind": []},
        {"batch_size": 0},
        {"seed": "x"},
        {"more": 1},
    ],
)
def test_fields_of_an_evaluation(tmp_path, change):
    write(tmp_path / "study.json", json.dumps({"checkpoint": "x", **change}))
    one_error(lambda: DriftStudy.load(tmp_path), ResumeError)


def test_a_key_twice_in_an_evaluation(tmp_path):
    write(tmp_path / "study.json", '{"checkpoint": "x", "seed": 1, "seed": 2}')
    assert "'seed' is in one mapping twice" in one_error(
        lambda: DriftStudy.load(tmp_path), ResumeError
    )


ROW = {"epoch": 1, "step": 2, "lr": 0.1, "train_loss": 1.0}


@pytest.mark.parametrize(
    "text",
    [
        *BAD_TEXTS.values(),
        *(
            json.dumps({"status": "finished", "reason": "", "history": [ROW], **change})
            for change in (
                {"status": None},
                {"status": ["finished"]},
                {"reason": 3},
                {"history": None},
                {"history": {}},
                {"history": [None]},
                {"history": [{}]},
                {"history": [{**ROW, "lr": None}]},
                {"history": [{**ROW, "train_loss": "1"}]},
                {"history": [{**ROW, "train_loss": [1]}]},
            )
        ),
        '{"status": "finished", "status": "aborted", "reason": "", "history": []}',
    ],
)
def test_result_of_a_training(tmp_path, text):
    write(tmp_path / "result.json", text)
    folder = RunFolder(tmp_path)
    error = one_error(lambda: folder.read_result(None, None), TableIntegrityError)
    assert "result.json" in error


@pytest.mark.parametrize(
    "payload",
    [
        "[" * 5000 + "]" * 5000,
        "[]",
        "{}",
        '{"values": {}, "aliases": []}',
        '{"values": {}, "aliases": {"b": "nothing"}}',
        '{"values": {}, "aliases": {"b": []}}',
        '{"values": 7, "aliases": {}}',
        '{"values": {"a": 1, "a": 2}, "aliases": {}}',
        "{",
    ],
)
def test_headers_of_saved_models(tmp_path, payload):
    """The checksum of a header that somebody has written is right."""
    from analognas.training import tensor_files

    tensors = {"x": torch.zeros(2)}
    checksum = tensor_files._checksum(tensors, payload)
    file = tmp_path / "model.safetensors"
    file.write_bytes(save(tensors, metadata={"analognas": f"1 {checksum} {payload}"}))
    assert "model.safetensors" in one_error(lambda: read_tensors(file), TableIntegrityError)


def test_headers_that_are_sound(tmp_path):
    x = torch.arange(3)
    write_tensors(tmp_path / "a", {"x": x, "y": x}, {"n": 1})
    tensors, values = read_tensors(tmp_path / "a")
    np.testing.assert_array_equal(tensors["y"], x)
    assert values == {"n": 1}


@pytest.mark.parametrize(
    "value",
    [
        "[" * 200_000,
        "[" * 200 + "]" * 200,
        '{"a": 1, "a": 2}',
        "{a: 1, a: 2}",
        "&a [*a]",
        "[1, 2",
        "[" + "1" * 5000 + "]",
    ],
)
def test_settings_on_the_command_line(value):
    one_error(lambda: changed_entries({}, [f"x={value}"]), InvalidArgumentError)


def test_settings_may_be_lists_and_mappings():
    found = changed_entries(
        {}, ["a={depth: 3, width: [1, 2]}", 'b={"depth": 3}', "c=[1e-3, x]", "d=1e-3", "e=x"]
    )
    assert found == {
        "a": {"depth": 3, "width": [1, 2]},
        "b": {"depth": 3},
        "c": [0.001, "x"],
        "d": 0.001,
        "e": "x",
    }
