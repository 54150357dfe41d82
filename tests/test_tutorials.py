"""Tutorials: pages and notebooks follow from their scripts, and the scripts run."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "docs" / "tutorials").glob("*.py"))


@pytest.fixture(scope="module")
def tutorials():
    spec = importlib.util.spec_from_file_location(
        "tutorials", ROOT / "docs/_extensions/tutorials.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_three():
    assert len(SCRIPTS) == 3


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_page_is_that_of_the_script(script, tutorials):
    written = script.with_suffix(".md").read_text(encoding="utf-8")
    assert written == tutorials.page(script), "run: python docs/_extensions/tutorials.py"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_notebook_has_the_cells(script, tutorials):
    made = json.loads(tutorials.notebook(script))
    assert made["nbformat"] == 4
    kinds = [(cell["cell_type"], "".join(cell["source"])) for cell in made["cells"]]
    assert kinds == tutorials.cells(script.read_text(encoding="utf-8"))
    for kind, text in kinds:
        if kind == "code":
            compile(text, script.name, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_script_runs(script, tmp_path):
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
