"""The source distribution and the wheel hold what a user needs and nothing else, and the wheel works by itself."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

import analognas

ROOT = Path(__file__).parents[1]
LARGEST_WHEEL = 10_000_000  # bytes


def test_the_citation_names_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["cff-version"] == "1.2.0"
    assert str(cited["version"]) == analognas.__version__
    assert {"message", "title", "authors", "license"} <= set(cited)


def test_the_project_has_this_version():
    text = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'^version = "(.*)"$', text, flags=re.M)[1] == analognas.__version__


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A source distribution, and a wheel that was built from it."""
    pytest.importorskip("hatchling", reason="builds need hatchling")
    folder = tmp_path_factory.mktemp("built")
    hatchling = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), "--target"]
    subprocess.run([*hatchling, "sdist"], cwd=ROOT, check=True, capture_output=True)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    subprocess.run([*hatchling, "wheel"], cwd=source, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


@pytest.mark.slow
def test_contents(built):
    sdist, wheel = built
    assert wheel.stat().st_size < LARGEST_WHEEL
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("py.typed", "tables/data/analognasbench.parquet", "builder/specifications"):
        assert any(f"analognas/{needed}" in name for name in names), needed
    assert {name.split("/")[0].split("-")[0] for name in names} == {"analognas"}
    assert not any("__pycache__" in name for name in names)
    licences = [name for name in names if name.endswith(("LICENSE", "NOTICE"))]
    assert len(licences) == 2
    with tarfile.open(sdist) as archive:
        inside = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {"hatch_build.py", "CITATION.cff", "tests/conftest.py", "README.md"} <= inside


@pytest.mark.slow
def test_the_wheel_works_in_an_environment_of_its_own(built, tmp_path):
    """Its package comes from the wheel alone; dependencies are those of this environment."""
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    python = str(home / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(built[1])]
    subprocess.run(pip, check=True)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def analognas_says(*words):
        command = [str(home / "bin" / "analognas"), *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [python, "-c", "import analognas; print(analognas.__file__)"],
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert Path(where).is_relative_to(site)
    version = analognas_says("--version")
    assert version.startswith(f"analognas {analognas.__version__}")
    if (ROOT / ".git").exists():
        assert re.search(r"\(commit [0-9a-f]{12}(-dirty)?\)", version)
    assert "Everything works." in analognas_says("doctor")
    assert "Best architecture" in analognas_says("search", "--budget", "20", "--runs", "1")
    assert "crossbars" in analognas_says("cost", "wrn-16-4")
