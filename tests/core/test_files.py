import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import OutputFolderError, atomic_write, dump_json, write_json, write_text


def test_write_replaces_whole_file(tmp_path):
    file = tmp_path / "a.txt"
    write_text(file, "first, longer")
    write_text(file, "second")
    assert file.read_text() == "second"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_failed_write_leaves_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.txt"
    write_text(file, "old")

    def fail():
        with atomic_write(file) as handle:
            handle.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_file_rights_follow_umask(tmp_path):
    old = os.umask(0o027)
    try:
        write_text(tmp_path / "a", "x")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_missing_folder(tmp_path):
    with pytest.raises(OutputFolderError, match="Cannot write .*No such file or directory"):
        write_text(tmp_path / "missing" / "a", "x")


def test_nan_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert os.listdir(tmp_path) == []


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_json_round_trip(value):
    assert json.loads(dump_json(value)) == value


def test_flat_lists_stand_on_one_line():
    assert (
        dump_json({"a": [1, 2], "b": [[1], []]})
        == '{\n  "a": [1, 2],\n  "b": [\n    [1],\n    []\n  ]\n}'
    )
