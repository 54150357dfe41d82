"""The path of a newcomer: the commands and files of docs/index.md, literally and in their order."""

import os
import re
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "index.md"
SECONDS = 300.0


def steps():
    """Code blocks of the section, as (language, text)."""
    section = re.search(
        r"^## From a search to your own network\n(.*?)^## ", PAGE.read_text(), flags=re.M | re.S
    )
    return re.findall(r"^```(sh|python)\n(.*?)^```", section[1], flags=re.M | re.S)


def test_the_path_is_complete():
    text = "".join(block for _, block in steps())
    for part in ("search ", "report ", "train --from-search", "drift ", "cost ", "--model my_"):
        assert part in text


@pytest.mark.slow
@pytest.mark.timeout(3600)  # wall time, on a computer that does other work
def test_the_path_works_in_five_minutes(tmp_path):
    environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": os.pathsep.join(sys.path)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = {}
    for language, block in steps():
        if language == "python":
            (tmp_path / "my_network.py").write_text(block)
            continue
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            assert words[0] == "analognas"
            done = subprocess.run(
                [sys.executable, "-m", *words],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            printed[line] = done.stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # CPU time: the two cores of a newcomer's computer may be busy with other work.
    assert used < 2 * SECONDS
    print(f"CPU time of the path: {used:.0f} s")
    assert (tmp_path / "analognas-runs/search-001/report.html").is_file()
    assert (tmp_path / "my-net/report.html").is_file()
    drift = next(text for line, text in printed.items() if line.startswith("analognas drift"))
    assert "1 month" in drift
