"""Every example in a docstring runs, in a folder with the finished results that a user has."""

import doctest
import gc
import importlib
import pkgutil
import shutil

import pytest

import analognas
from analognas.core.metrics import METRICS
from analognas.core.registry import Registry
from analognas.nn.convert.converters import CONVERTERS
from analognas.nn.norms.fuse import _BLOCKS

NAMES = [
    info.name
    for info in pkgutil.walk_packages(analognas.__path__, "analognas.")
    if not info.name.endswith("__main__")
]


def examples_of(name):
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for test in finder.find(importlib.import_module(name)) if test.examples]


@pytest.fixture
def kept_names():
    """What examples register is forgotten again."""
    registries = [one for one in gc.get_objects() if type(one) is Registry]
    before = [(one._entries, dict(one._entries)) for one in registries]
    before += [(names, dict(names)) for names in (METRICS, CONVERTERS, _BLOCKS)]
    yield
    for now, then in before:
        for name in [name for name in now if name not in then]:
            del now[name]


@pytest.mark.parametrize("name", NAMES)
def test_examples(name, request, tmp_path, monkeypatch, one_pixel):
    tests = examples_of(name)
    if any("register_" in test.docstring for test in tests):
        request.getfixturevalue("kept_names")
    for number, test in enumerate(tests):
        place = tmp_path / str(number)
        if "my-" in test.docstring:
            shutil.copytree(request.getfixturevalue("finished"), place)
        place.mkdir(exist_ok=True)
        monkeypatch.chdir(place)
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
        assert result.failed == 0, test.name


def test_there_are_examples():
    assert sum(len(examples_of(name)) for name in NAMES) >= 400
