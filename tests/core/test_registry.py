import sys

import pytest

from analognas.core import InvalidArgumentError, Registry, UnknownNameError


def test_entries_are_imported_on_first_use():
    sys.modules.pop("this_is_no_module", None)
    registry = Registry(
        "thing", {"counter": "collections:Counter", "missing": "this_is_no_module:x"}
    )
    assert registry.names() == ["counter", "missing"]
    assert registry.get("counter")("aa")["a"] == 2
    with pytest.raises(ModuleNotFoundError):
        registry.get("missing")


def test_unknown_and_taken_names():
    registry = Registry("thing", {"one": 1})
    registry.add("two", 2)
    assert list(registry) == ["one", "two"]
    assert "two" in registry
    with pytest.raises(UnknownNameError, match="Unknown thing 'tow'. Did you mean 'two'?"):
        registry.get("tow")
    with pytest.raises(InvalidArgumentError, match="thing 'one' is already registered"):
        registry.add("one", 3)
