"""Every public class and function has a docstring with an example."""

# ruff: noqa: SIM905 - words are easier to read than a list of quoted ones

import importlib
import inspect

import pytest

import analognas

ROOMS = (
    "analysis builder core data drift evaluators hardware models nn optimizers physics report search spaces "
    "tables testing training"
).split()


def public_names(room):
    """Classes and functions that a room exports."""
    module = importlib.import_module(f"analognas.{room}")
    exported = {name: getattr(module, name) for name in module.__all__}
    return {name: value for name, value in exported.items() if callable(value)}


def has_example(value):
    return ">>>" in (inspect.getdoc(value) or "")


def test_every_name_of_the_first_level_has_an_example():
    values = {name: getattr(analognas, name) for name in analognas.__all__}
    assert [name for name, value in values.items() if not has_example(value)] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_an_example(room):
    assert [name for name, value in public_names(room).items() if not has_example(value)] == []
