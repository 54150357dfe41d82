import os

import pytest

from analognas.core import OutputFolderError
from analognas.search import make_folder, next_folder


def test_new_and_empty_folders(tmp_path):
    assert make_folder(tmp_path / "a" / "b").is_dir()
    assert make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"


def test_refused_folders(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputFolderError, match="is not empty; give a new one, or continue"):
        make_folder(tmp_path)
    with pytest.raises(OutputFolderError, match="'.*file' is a file"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputFolderError, match="Cannot use the folder"):
        make_folder(tmp_path / "file" / "below")
    assert os.listdir(tmp_path) == ["file"]


def test_unwritable_folder(tmp_path, monkeypatch):
    # A superuser may write anywhere, so the answer of the system is stood in for.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputFolderError, match="Cannot write to the folder"):
        make_folder(tmp_path / "locked")


def test_numbered_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [next_folder().name for _ in range(3)] == ["search-001", "search-002", "search-003"]
    assert next_folder("train").name == "train-001"


def test_numbered_folder_in_the_way_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "analognas-runs").write_text("x")
    with pytest.raises(OutputFolderError, match=r"'analognas-runs' is a file here|Cannot make"):
        next_folder()
