"""The file of a unit's result: what it was, or an error."""

import json

import pytest

from analognas.builder.unit_result import UnitResult, read_unit, write_unit
from analognas.core import CheckpointMismatchError, TableIntegrityError

RESULT = UnitResult({"baseline_accuracy": 84.68}, sems={"baseline_accuracy": 1.5}, seconds=2.0)
ABOUT = {"unit": "digital", "seed": 3}


@pytest.fixture
def file(tmp_path):
    write_unit(tmp_path / "unit.json", RESULT, ABOUT)
    return tmp_path / "unit.json"


def test_what_was_written_is_read(file):
    assert read_unit(file, ABOUT) == RESULT
    assert read_unit(file.with_name("absent.json"), ABOUT) is None
    with pytest.raises(CheckpointMismatchError, match="seed"):
        read_unit(file, {**ABOUT, "seed": 4})


@pytest.mark.parametrize(("before", "after"), [("84.68", "116.68"), ("digital", "dagital")])
def test_what_was_changed_is_noticed(file, before, after):
    file.write_text(file.read_text().replace(before, after))
    with pytest.raises(TableIntegrityError, match="does not match its checksum"):
        read_unit(file, ABOUT)


def test_files_of_earlier_versions_have_no_checksum(file):
    payload = json.loads(file.read_text())
    del payload["sha256"]
    file.write_text(json.dumps(payload))
    assert read_unit(file, ABOUT) == RESULT
