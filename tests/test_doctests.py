"""Every example in a docstring runs."""

import doctest
import importlib
import pkgutil

import pytest

import analognas

NAMES = [
    info.name
    for info in pkgutil.walk_packages(analognas.__path__, "analognas.")
    if not info.name.endswith("__main__")
]


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    count = sum(
        bool(test.examples) for name in NAMES for test in finder.find(importlib.import_module(name))
    )
    assert count >= 15
