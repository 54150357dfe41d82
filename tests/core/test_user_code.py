"""Python code of the user's own: imported where the user names it, never because a file names it."""

import sys

import pytest

from analognas.cli import main
from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.core.user_code import CODE_VARIABLE, find_code, import_code, is_reference
from analognas.models import build_model
from analognas.spaces import ConfigSpace, find_space

CODE = """
from os import abort
import functools, torch
from analognas.spaces import SPACES, ConfigSpace

def make():
    space = ConfigSpace(name="lamps", network=build)
    space.add_hyperparameter("width", "discrete", 2, 4)
    return space

def build(arch, input_shape, n_classes):
    return torch.nn.Linear(arch["width"], n_classes)

def net(input_shape, n_classes, width=3):
    return torch.nn.Linear(width, n_classes)

def broken(input_shape, n_classes):
    return {}["w"]

SPACE, PARTIAL, seven = make(), functools.partial(make), lambda: 7
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module in the current folder, which nobody has named yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CODE_VARIABLE, "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "mine_of_a_user.py").write_text(CODE)
    yield "mine_of_a_user"
    sys.modules.pop("mine_of_a_user", None)


def test_a_file_imports_nothing(mine):
    for read in (
        find_space,
        find_code,
        lambda name: build_model(name, input_shape=(3,), n_classes=2),
    ):
        with pytest.raises(InvalidArgumentError, match=f"analognas --import {mine} COMMAND"):
            read(f"{mine}:make")
    with pytest.raises(InvalidArgumentError, match="Python code"):
        find_space("os:abort")
    assert mine not in sys.modules


def test_what_the_user_names_is_found(mine):
    import_code(f"{mine}:make")
    for name in ("make", "SPACE", "PARTIAL"):
        space = find_space(f"{mine}:{name}")
        assert (space.name, space.reference) == ("lamps", f"{mine}:{name}")
    assert build_model(f"{mine}:net", input_shape=(3,), n_classes=2, width=5).in_features == 5
    for other in ("abort", "torch", "ConfigSpace", "nothing"):
        with pytest.raises(UnknownNameError, match="does not define"):
            find_code(f"{mine}:{other}")
    with pytest.raises(InvalidArgumentError, match="must return a Space, but returns int"):
        find_space(f"{mine}:seven")
    with pytest.raises(InvalidArgumentError, match="unexpected keyword argument 'depth'"):
        build_model(f"{mine}:net", input_shape=(3,), n_classes=2, depth=5)
    with pytest.raises(
        InvalidArgumentError, match=r"failed with KeyError: 'w' \(.*mine_of_a_user.py', line"
    ):
        build_model(f"{mine}:broken", input_shape=(3,), n_classes=2)
    assert find_space({"hyperparameters": {"a": {"type": "discrete", "range": [1, 2]}}}).size == 2
    assert isinstance(find_space(f"{mine}:make"), ConfigSpace)


def test_the_command_imports_first(mine, tmp_path, capsys):
    assert main(["--import", mine, "info", "--json"]) == 0
    for text, message in (
        ("x = 1 / 0", "ZeroDivisionError"),
        ("raise SystemError('a\\nb')", "a b"),
    ):
        (tmp_path / "broken_of_a_user.py").write_text(text)
        assert main(["--import", "broken_of_a_user", "info"]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    assert main(["--import", "nothing_there", "info"]) == 2
    assert "Cannot import 'nothing_there'" in capsys.readouterr().err


def test_references():
    assert is_reference("a.b:c")
    for text in ("a", "a:b:c", "a:", ":b", "C:\\x", "a:b.c", "a/b:c", 7, None):
        assert not is_reference(text)
