"""Examples of other packages and of the pages run unchanged, and everything that pages name exists."""

import importlib
import re
from pathlib import Path

import pytest
import yaml

import analognas
from analognas.builder import MeasurementSettings
from analognas.physics import device_from_dict
from analognas.spaces import ENCODINGS
from analognas.training import Recipe

ROOT = Path(__file__).parents[1]
# Files of other packages that pages name.
FILES_OF_OTHERS = {"inference/noise/hermes.py"}
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
    "docs/interop.md",
    "docs/reports.md",
    "docs/gpu.md",
    "docs/language_models.md",
    "docs/robust_cells.md",
]


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), flags=re.M | re.S)


# Pages whose blocks other tests run: they need files, or check more than that they run.
ELSEWHERE = {
    "docs/building_tables.md": "tests/tables/test_measured.py",
    "docs/conversion.md": "tests/nn/test_conversion_docs.py",
    "docs/data.md": "tests/models/test_docs.py",
    "docs/devices.md": "tests/physics/test_docs.py",
    "docs/hw_nas_bench.md": "tests/tables/test_hwnasbench.py",
    "docs/index.md": "tests/test_newcomer.py",
    "docs/layers.md": "tests/nn/test_conversion_docs.py",
    "docs/models.md": "tests/models/test_docs.py",
    "docs/spaces.md": "tests/spaces/test_docs.py",
}


def test_every_page_with_python_is_run():
    found = {
        page.relative_to(ROOT).as_posix()
        for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")]
        if python_blocks(page.relative_to(ROOT))
    }
    assert found == {*PAGES, *ELSEWHERE}
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(), f"{test} does not run {page}"


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


def pages():
    """Every page for people, with its text outside code blocks."""
    room_readmes = (ROOT / "src/analognas").glob("*/README.md")
    for page in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/tutorials/*.md"),
        *room_readmes,
    ]:
        yield page, re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)


def missing_names(text):
    """Names such as `analognas.physics.PCM` in ``text`` that cannot be imported."""
    missing = []
    for name in sorted(set(re.findall(r"`(analognas(?:\.\w+)+)", text))):
        value = analognas
        for n_parts, part in enumerate(name.split(".")[1:], start=2):
            value = getattr(value, part, None)
            if value is None:
                try:
                    value = importlib.import_module(".".join(name.split(".")[:n_parts]))
                except ImportError:
                    missing.append(name)
                    break
    return missing


def missing_files(text, folder):
    """Python files that ``text`` names and that are neither in the repository, the package nor ``folder``."""
    places = [ROOT, ROOT / "src/analognas", folder]
    files = set(re.findall(r"(?<![\w/.])((?:[\w.]+/)+\w+\.(?:py|parquet|yaml))\b", text))
    return sorted(file for file in files if not any((place / file).exists() for place in places))


def unknown_classes(text, words):
    """Class names in backticks that occur nowhere in the code."""
    spans = re.findall(r"`([^`\n]+)`", text)
    return sorted(set(re.findall(r"\b[A-Z][a-z]+[A-Z]\w*", " ".join(spans))) - words)


def test_names_on_pages_exist():
    words = set()
    for file in (ROOT / "src").rglob("*.py"):
        words |= set(re.findall(r"\w+", file.read_text()))
    found = {}
    for page, text in pages():
        names = missing_names(text) + missing_files(text, page.parent)
        if page.parent.name == "docs":
            names += unknown_classes(text, words)
        found[page.relative_to(ROOT).as_posix()] = set(names) - FILES_OF_OTHERS
    assert {page: names for page, names in found.items() if names} == {}


def test_wrong_names_are_found():
    text = "`analognas.physics.PMC`, `analognas.serach`, `benchmarks/no.py`, `PcmDevice`, `analognas.core`"
    assert missing_names(text) == ["analognas.physics.PMC", "analognas.serach"]
    assert missing_files(text, ROOT) == ["benchmarks/no.py"]
    assert unknown_classes(text, {"PCM"}) == ["PcmDevice"]


def test_readme_begins_with_two_commands():
    blocks = re.findall(r"^```\w*\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.M | re.S)
    assert blocks[:2] == [
        "pip install . && analognas search\n",
        "pip install '.[dev]' && pytest -n auto\n",
    ]


def yaml_blocks(page):
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / page).read_text(), flags=re.M | re.S)
    return [yaml.safe_load(block) for block in blocks]


def test_yaml_examples_are_valid():
    measurement, split = yaml_blocks("docs/measuring.md")
    assert MeasurementSettings.from_dict(measurement).conditions == ("digital", "hwa")
    assert MeasurementSettings.from_dict({**measurement, **split}).split == "validation"
    (recipe,) = yaml_blocks("docs/training.md")
    assert Recipe.from_dict(recipe).epochs == recipe["epochs"]
    (device,) = yaml_blocks("docs/devices.md")
    assert device_from_dict(device).prog_noise_scale == device["prog_noise_scale"]


def anchors(page):
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_links_lead_somewhere():
    for page, text in pages():
        links = re.sub(r"`[^`\n]*`", "", text)
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", links):
            place = page.parent / target if target else page
            assert place.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(place), f"{page.name}: {target}#{anchor}"


def test_every_page_is_linked_from_the_readme():
    linked = set(re.findall(r"\]\((docs/\w+\.md)\)", (ROOT / "README.md").read_text()))
    assert linked == {page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/*.md")}
