import importlib
from pathlib import Path

import pytest


@pytest.fixture
def fragile(monkeypatch):
    """The module of the evaluator that fails, under a name that processes of a pool can import."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("fragile")
