"""The pages on data and networks run from top to bottom, and their tables agree with the code."""

import re
from pathlib import Path

import pytest

from analognas.data import DATASETS
from analognas.models import MODELS, build_model

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["data.md", "models.md"])
def test_the_code_runs(page, monkeypatch, capsys):
    for registry in (DATASETS, MODELS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), flags=re.M | re.S)
    assert len(blocks) >= 4
    exec(compile("\n".join(blocks), page, "exec"), {})
    out = capsys.readouterr().out
    expected = {
        "data.md": ["360", "True", "('even', 'odd')"],
        "models.md": ["AnalogConv2d", "[4, 2]", "[1, 10]"],
    }
    for part in expected[page]:
        assert part in out


def test_every_data_set_is_in_the_table():
    table, _, _ = (DOCS / "data.md").read_text().partition("## Your own data")
    rows = re.findall(r"^\| (`.*?) \|", table, flags=re.M)
    assert set(re.findall(r"`([\w-]+)`", " ".join(rows))) == set(DATASETS)


def test_sizes_in_the_table():
    rows = re.findall(
        r"^\| `([\w-]+)`.*?\| ([\d,]+)[^|]*\| [\d.]+ M",
        (DOCS / "models.md").read_text(),
        flags=re.M,
    )
    assert len(rows) == 5
    for name, size in rows:
        model = build_model(name, input_shape=(3, 32, 32), n_classes=10)
        assert sum(p.numel() for p in model.parameters()) == int(size.replace(",", ""))
