"""The site of the documentation: it builds without a warning, and lists every page and every public package."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md"))


def test_every_page_is_in_the_navigation():
    listed = re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(listed) == PAGES


def test_the_api_reference_has_every_room():
    rooms = {
        path.parent.name
        for path in (ROOT / "src" / "analognas").glob("*/__init__.py")
        if path.parent.name not in ("cli", "testing")
    }
    assert rooms == {path.stem for path in (ROOT / "docs" / "api").glob("*.md")} - {"index"}


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    pytest.importorskip("material")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--quiet",
        "--strict",
        "--site-dir",
        tmp_path,
    ]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "api" / "search" / "index.html").read_text(encoding="utf-8")
    assert 'id="analognas.search.Worker.search"' in page
    assert ":class:" not in page
