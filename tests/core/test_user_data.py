from pathlib import Path

import pytest

from analognas.core import user_data
from analognas.core.user_data import user_data_folder


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "home/.local/share/analognas"),
        ("linux", {"XDG_DATA_HOME": "/x"}, "/x/analognas"),
        ("darwin", {}, "home/Library/Application Support/analognas"),
        ("win32", {}, "home/AppData/Local/analognas"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/analognas"),
        ("linux", {"XDG_DATA_HOME": "/x", "ANALOGNAS_DATA": "/mine"}, "/mine"),
    ],
)
def test_folder(tmp_path, monkeypatch, platform, variables, expected):
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "ANALOGNAS_DATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(user_data.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert user_data_folder() == tmp_path / expected
