"""Examples of other systems, and of our own pages, run as they stand."""

import re
from pathlib import Path

import pytest

import analognas
from analognas.spaces import ENCODINGS

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "docs/migration.md",
    "docs/analognasbench.md",
    "docs/training.md",
    "docs/evaluation.md",
    "docs/encodings.md",
    "docs/surrogates.md",
    "docs/optimizers.md",
    "docs/noisy_search.md",
    "docs/multi_objective.md",
    "docs/search.md",
    "docs/measuring.md",
    "docs/resnet_space.md",
    "docs/fbnet_space.md",
    "docs/cost_model.md",
    "docs/cost_predictors.md",
]


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), flags=re.M | re.S)


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # A page may register something of its own.
    monkeypatch.setattr(ENCODINGS, "_entries", dict(ENCODINGS._entries))
    blocks = python_blocks(page)
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert capsys.readouterr().out


def test_analognasbench_readme_example_prints_the_published_values(capsys):
    # The README of AnalogNAS-Bench, its import line changed and nothing else.
    from analognas.tables import AnalogNASBench

    benchmark = AnalogNASBench()
    architecture = (0, 0, 0, 4, 3, 2)
    analog_accuracy = benchmark.query_metric(architecture, "analog_accuracy")
    print(f"Analog Accuracy: {analog_accuracy}")
    arch_details = benchmark.get_architecture_details(architecture)
    print(arch_details)
    out = capsys.readouterr().out
    assert out.startswith("Analog Accuracy: 87.926")
    assert "54.04 ± 3.28" in out


@pytest.mark.parametrize("names", [("CIFAR-10",), ("resnet-like", "CIFAR-10")])
def test_analognas_tutorial_cells_run(names):
    # The cells on the configuration space of AnalogNAS's two notebooks, in their order and with their arguments.
    from analognas import ConfigSpace

    cs = ConfigSpace(*names)
    assert "22 hyperparameters" in repr(cs)
    hyperparameters = cs.get_hyperparameters()
    assert hyperparameters[:8] == ["out_channel0", "M", "R1", "R2", "R3", "R4", "R5", "convblock1"]
    assert hyperparameters[8:10] == ["widenfact1", "B1"]
    size = cs.compute_cs_size()
    cs.add_hyperparameter("out_channel", "discrete", min_value=8, max_value=32, step=3)
    with pytest.raises(Exception, match="already a hyperparameter 'out_channel'"):
        cs.add_hyperparameter("out_channel", "discrete", min_value=8, max_value=32, step=3)
    # 8, 11, ..., 32: the upper end belongs to it.
    assert cs.compute_cs_size() == 9 * size
    cs.remove_hyperparameter("out_channel")
    assert cs.compute_cs_size() == size
    configs = cs.sample_arch_uniformly(5)
    assert len(configs) == 5
    assert all(list(config) == hyperparameters for config in configs)


def test_names_in_the_migration_table_exist():
    text = (ROOT / "docs/migration.md").read_text()
    names = set(re.findall(r"`(analognas\.[\w.]+)`", text))
    assert names
    for name in names:
        value = analognas
        for part in name.split(".")[1:]:
            value = getattr(value, part)


def test_readme_begins_with_two_commands():
    blocks = re.findall(r"^```\w*\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.M | re.S)
    assert blocks[:2] == [
        "pip install . && analognas search\n",
        "pip install '.[dev]' && pytest -n auto\n",
    ]


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")]:
        prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", prose):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
