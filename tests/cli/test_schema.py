"""`analognas schema` knows every class of settings that a file can hold."""

import importlib
import json
import pkgutil

import pytest

import analognas
from analognas.cli import main
from analognas.cli.schema import SCHEMAS
from analognas.core.settings import Settings


def parts(cls):
    """Classes of settings inside the schema of one."""
    return {cls.__name__, *cls.json_schema().get("$defs", {})}


def test_every_class_of_settings_is_in_a_schema():
    for info in pkgutil.walk_packages(analognas.__path__, "analognas."):
        if not info.name.endswith("__main__"):
            importlib.import_module(info.name)
    found, left = set(), [Settings]
    while left:
        for cls in left.pop().__subclasses__():
            if cls.__module__.startswith("analognas.") and cls not in found:
                found.add(cls)
                left.append(cls)
    shown = set().union(*(parts(SCHEMAS.get(name)) for name in SCHEMAS))
    # Classes of a reader's options are made when the reader is first used.
    used = {
        cls.__name__ for cls in found if not cls.__subclasses__() and cls.__name__.isidentifier()
    }
    assert used <= shown, used - shown


@pytest.mark.parametrize("name", SCHEMAS.names())
def test_schemas_state_meaning_and_type_of_every_entry(name, capsys):
    assert main(["schema", name]) in (0, None)
    schema = json.loads(capsys.readouterr().out)
    for entry, about in schema["properties"].items():
        assert about.get("description"), f"{name}.{entry}"
        assert about.keys() & {"type", "anyOf", "$ref", "allOf", "enum", "const"}, entry


def test_the_list_of_schemas(capsys):
    assert main(["schema"]) in (0, None)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == SCHEMAS.names()
    assert main(["schema", "serach"]) == 2
    assert "Did you mean 'search'" in capsys.readouterr().err
