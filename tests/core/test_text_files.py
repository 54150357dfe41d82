"""JSON files with checksums: every flipped bit is noticed, files of earlier versions are read."""

import json

import pytest

from analognas.core import ResumeError, TableIntegrityError, write_json
from analognas.core.text_files import read_json

PAYLOAD = {"a": [1, 2.5, None], "b": {"value": 84.68, "name": "é"}, "c": -0.0}


def test_every_flipped_bit_is_noticed(tmp_path):
    file = tmp_path / "result.json"
    write_json(file, PAYLOAD, sealed=True)
    assert read_json(file, sealed=True) == PAYLOAD
    content = file.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            file.write_bytes(changed)
            try:
                found = read_json(file, sealed=True)
            except TableIntegrityError:
                continue
            assert json.dumps(found) == json.dumps(PAYLOAD), (place, bit)  # white space


def test_files_without_a_checksum_are_read(tmp_path):
    file = tmp_path / "result.json"
    write_json(file, PAYLOAD)
    assert read_json(file, sealed=True) == PAYLOAD
    file.write_text("[1]")
    assert read_json(file, sealed=True) == [1]


def test_the_error_has_the_class_that_is_asked_for(tmp_path):
    file = tmp_path / "result.json"
    write_json(file, PAYLOAD, sealed=True)
    file.write_text(file.read_text().replace("84.68", "94.68"))
    with pytest.raises(ResumeError, match="does not match its checksum"):
        read_json(file, sealed=True, error=ResumeError)
