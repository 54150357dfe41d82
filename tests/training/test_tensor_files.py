import json

import pytest
import torch
from safetensors.torch import save_file

from analognas.core import TableIntegrityError
from analognas.training.tensor_files import read_tensors, write_tensors


def test_what_was_written_comes_back(tmp_path):
    weight = torch.arange(6.0).view(2, 3)
    tensors = {
        "weight": weight,
        "tied": weight,
        "empty": torch.zeros(0, 2),
        "flag": torch.tensor(3),
    }
    write_tensors(tmp_path / "a.safetensors", tensors, {"x": [1, "two", None]})
    found, values = read_tensors(tmp_path / "a.safetensors")
    assert values == {"x": [1, "two", None]}
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(found[name], tensor)


@pytest.mark.parametrize(
    "entry",
    [
        json.dumps({"values": {}, "aliases": {}}),  # before there were checksums
        "0" * 64 + json.dumps({"values": {}, "aliases": {}}),  # before there were formats
        "2 " + "0" * 64 + " {}",
        "",
    ],
)
def test_other_formats_are_named_as_such(entry, tmp_path):
    save_file({"x": torch.zeros(2)}, tmp_path / "a.safetensors", metadata={"analognas": entry})
    with pytest.raises(TableIntegrityError, match="written by another version of analognas"):
        read_tensors(tmp_path / "a.safetensors")


def test_every_flipped_byte_is_noticed(tmp_path):
    file = tmp_path / "a.safetensors"
    write_tensors(file, {"x": torch.arange(4.0)}, {"step": 7})
    content = file.read_bytes()
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(TableIntegrityError):
            read_tensors(file)


def test_every_missing_end_is_noticed(tmp_path):
    file = tmp_path / "a.safetensors"
    write_tensors(file, {"x": torch.arange(4.0)}, {"step": 7})
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(TableIntegrityError):
            read_tensors(file)
