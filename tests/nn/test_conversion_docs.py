"""docs/conversion.md and docs/layers.md: their code runs, the table is the real one, claims hold."""

import re
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn

from analognas.nn import AnalogLayer, AnalogLinear, set_mode, summary, to_analog, to_digital
from analognas.nn.convert.converters import CONVERTERS

LAYERS = (Path(__file__).parents[2] / "docs" / "layers.md").read_text(encoding="utf-8")
TEXT = (Path(__file__).parents[2] / "docs" / "conversion.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def names():
    """All that the page's code defines, run from top to bottom."""
    found = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL):
        with pytest.warns() if "chips=3" in code else nullcontext():
            exec(compile(code, "docs/conversion.md", "exec"), found)
    yield found
    del CONVERTERS[found["Gated"]]


def test_the_page_on_layers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = {}
    for code in re.findall(r"```python\n(.*?)```", LAYERS, flags=re.DOTALL):
        exec(compile(code, "docs/layers.md", "exec"), found)
    assert found["logits"].shape == (25, 32, 10)
    assert {path.name for path in tmp_path.iterdir()} == {"hardware.yaml", "model.pt"}


def test_results(names):
    assert names["same"]
    assert names["outputs"].shape == (8, 10)
    assert names["on_each"].shape == (3, 2, 7, 5)
    for name in ("by_name", "by_pattern", "by_config"):
        tagger = names[name]
        assert type(tagger.head) is nn.Linear
        assert any(isinstance(part, AnalogLayer) for part in tagger.encoder.modules())
    assert type(names["by_type"].head) is AnalogLinear


def test_own_layer(names):
    own = names["own"]
    set_mode(own, "ideal")
    x = torch.randn(3, 4)
    digital = to_digital(own)
    assert type(digital) is names["Gated"]
    assert torch.equal(own(x), digital(x))
    assert summary(own).tiles == 1


def test_the_table(names):
    printed = str(summary(to_analog(names["net"], exclude="3")))
    assert printed in re.findall(r"```\n(Layer.*?)\n```", TEXT, flags=re.DOTALL)
