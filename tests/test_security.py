"""The security linter finds nothing that is not explained."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def bandit(*words):
    return subprocess.run(
        [sys.executable, "-m", "bandit", "-q", *words], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.slow
def test_bandit_is_clean(tmp_path):
    pytest.importorskip("bandit")
    done = bandit("-c", "pyproject.toml", "-r", "src/analognas")
    assert done.returncode == 0, done.stdout
    # It does find what must not be there.
    planted = tmp_path / "reader.py"
    shutil.copy(ROOT / "src/analognas/core/legacy_pickle.py", planted)
    planted.write_text(planted.read_text() + "\n\ndef read(data):\n    return pickle.loads(data)\n")
    done = bandit("-c", "pyproject.toml", str(planted))
    assert done.returncode == 1
    assert "B301" in done.stdout


def test_reasons_are_given():
    """Each skipped check and each marked line says why it is safe."""
    for path in (ROOT / "src/analognas").rglob("*.py"):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if "# nosec" in line:
                assert lines[number - 1].lstrip().startswith("# "), (path, line)
    text = (ROOT / "pyproject.toml").read_text()
    skips = text.split("[tool.bandit]")[1].split("skips = [")[1].split("\n]")[0]
    assert all('",  # ' in line for line in skips.strip().splitlines())
