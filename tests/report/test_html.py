"""Reports as HTML pages: what they say, that they are self-contained, and errors."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from analognas.cli.main import main
from analognas.core import METRICS, InvalidArgumentError, TableIntegrityError
from analognas.core.files import CHECKSUM_KEY, write_json
from analognas.drift import DriftResult
from analognas.evaluators import TableEvaluator, evaluator_from
from analognas.report.html import make_page, write_comparison, write_page
from analognas.report.html.charts import Axis, Chart
from analognas.report.html.document import Document, columns_table, paragraph
from analognas.report.html.drawings import drawing
from analognas.report.html.search_charts import best_so_far
from analognas.report.html.tradeoff import tradeoff_chart
from analognas.search import Worker, read_trials
from analognas.spaces import ConfigSpace
from analognas.training import get_task

VOID = {"meta", "rect", "circle", "path", "polyline", "polygon", "line"}


class Checked(HTMLParser):
    """Checks that elements are closed in order, and collects ids, links and resources."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.resources, self.texts = [], [], [], [], []
        self.feed(text)
        assert self.open == []
        assert len(set(self.ids)) == len(self.ids)
        assert {link[1:] for link in self.links} <= set(self.ids)
        assert self.resources == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "a":
            self.links.append(attrs["href"])
        self.resources += [attrs[name] for name in ("src", "data", "srcset") if attrs.get(name)]
        if tag == "link":
            self.resources.append(attrs)
        if tag == "svg":
            assert attrs["role"] == "img"
            assert attrs["aria-label"]

    def handle_startendtag(self, tag, attrs):
        if tag not in VOID:
            pytest.fail(f"<{tag}/>")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def searched(bench, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "search"
    options = {"optimizer": "regularized_evolution", "runs": 2, "budget": 60}
    Worker(evaluator=TableEvaluator(bench), out=folder, **options).search()
    return folder


def drift_folder(folder, *, shift=0.0):
    """A drift evaluation with known numbers, as the command writes it."""
    folder.mkdir()
    scores = np.array([[0.8, 0.7], [0.82, 0.72], [0.84, 0.74]]) + shift
    result = DriftResult(
        times=(60.0, 86400.0),
        chip_scores=scores,
        digital_score=0.9,
        reference_score=0.9,
        example_covariance=np.eye(3) * 1e-4,
        sampling_variance=np.zeros(2),
        n_examples=200,
        chance_score=0.1,
        task=get_task("classification"),
        confidence=0.95,
        tolerance=None,
        n_scored=600,
    )
    (folder / "result.json").write_text(json.dumps({"hwa": result.to_dict()}))
    (folder / "study.json").write_text(json.dumps({"checkpoint": "net", "chips": 3, "seed": 7}))
    return folder


def test_page_of_a_search_says_what_was_found(searched):
    page = make_page(searched).html()
    Checked(page)
    result = json.loads((searched / "best.json").read_text())
    best = result["best"]
    assert f"{best['estimate']['estimate']:.2f} %" in page
    assert f"{best['estimate']['low']:.2f} to {best['estimate']['high']:.2f}" in page
    assert "(" + ", ".join(map(str, best["architecture"])) + ")" in page
    for heading in ("What was asked", "Best networks", "How sure this is", "How to repeat it"):
        assert f">{heading}</h2>" in page
    assert "accuracy after 1 month (%)" in page
    # Every evaluation is embedded, readable as CSV.
    embedded = json.loads(re.search(r"id='data-0'>(.*?)</script>", page, re.S).group(1))
    rows = list(csv.DictReader(io.StringIO(embedded)))
    assert len(rows) == 120
    # The winner has the best estimate; its reading is one of them.
    readings = [float(row["analog_drift_2592000"]) for row in rows]
    assert any(best["metrics"]["analog_drift_2592000"] == pytest.approx(one) for one in readings)
    assert best["estimate"]["mean"] <= max(readings)
    # Three drawings of cells, and a curve of five networks at four times.
    assert page.count("class='node'") == 12
    assert len(page) < 2_000_000


def test_equal_searches_give_equal_pages(bench, searched, tmp_path):
    options = {"optimizer": "regularized_evolution", "runs": 2, "budget": 60}
    Worker(evaluator=TableEvaluator(bench), out=tmp_path / "again", **options).search()
    assert write_page(tmp_path / "again").read_bytes() == write_page(searched).read_bytes()


def test_own_space_with_failures_and_hostile_names(tmp_path):
    space = ConfigSpace(name="</script><b>widths")
    space.add_hyperparameter("width", "discrete", 1, 40)

    def loss(arch):
        if arch["width"] % 2:
            raise RuntimeError("<i>no luck</i>")
        return {"loss": abs(arch["width"] - 20.0)}

    evaluator = evaluator_from(loss, space, {"loss": "min"})
    Worker(
        evaluator=evaluator, optimizer="random_search", objectives="loss", runs=1, budget=20, out=tmp_path / "o"
    ).search()  # fmt: skip
    page = make_page(tmp_path / "o").html()
    Checked(page)
    assert "<b>widths" not in page
    assert "<i>no luck" not in page
    assert "evaluations failed" in page
    assert "no interval can be stated" in page


def test_nothing_feasible(bench, tmp_path):
    Worker(
        evaluator=TableEvaluator(bench), optimizer="random_search", constraints="params<=1", runs=1, budget=20,
        out=tmp_path / "o",
    ).search()  # fmt: skip
    page = make_page(tmp_path / "o").html()
    Checked(page)
    assert "No network met the constraints" in page


def test_nearest_networks_of_several_objectives(bench, tmp_path):
    Worker(
        evaluator=TableEvaluator(bench), optimizer="nsga2", objectives=["analog_drift_2592000", "params"],
        constraints="params<=1", runs=1, budget=20, out=tmp_path / "o",
    ).search()  # fmt: skip
    page = make_page(tmp_path / "o").html()
    Checked(page)
    nearest = json.loads((tmp_path / "o" / "best.json").read_text())["nearest"]
    assert len(nearest) > 1
    shown = page[page.index("Best networks</h2>") : page.index("How the search went</h2>")]
    assert shown.count("<tr><td>") == len(nearest)


def test_several_objectives(bench, tmp_path):
    Worker(
        evaluator=TableEvaluator(bench), optimizer="pareto_evolution", objectives=["analog_drift_2592000", "params"],
        runs=1, budget=60, out=tmp_path / "o",
    ).search()  # fmt: skip
    page = make_page(tmp_path / "o").html()
    Checked(page)
    result = json.loads((tmp_path / "o" / "best.json").read_text())
    assert f"The search found {len(result['front'])} best compromises between" in page
    assert "no other has both higher accuracy" in " ".join(page.split())


def test_best_so_far_counts_only_what_meets_the_constraints(tmp_path):
    space = ConfigSpace(name="widths")
    space.add_hyperparameter("width", "discrete", 1, 40)
    evaluator = evaluator_from(
        lambda arch: {"loss": abs(arch["width"] - 20.0), "size": float(arch["width"])},
        space,
        {"loss": "min", "size": "min"},
    )
    Worker(
        evaluator=evaluator, optimizer="random_search", objectives="loss", constraints="size<=15", runs=2, budget=12,
        out=tmp_path / "o",
    ).search()  # fmt: skip
    trials = read_trials(tmp_path / "o")
    curves = best_so_far(trials, trials.definition("loss"))
    assert len(curves) == 2
    for run, curve in enumerate(curves):
        best, expected = np.nan, []
        for row in np.flatnonzero(trials.run == run):
            if trials.values["size"][row] <= 15:
                best = np.fmin(best, trials.values["loss"][row])
            expected.append(best)
        np.testing.assert_array_equal(curve, expected)
    longest = max(
        entry["evaluations"] for entry in json.loads((tmp_path / "o/best.json").read_text())["runs"]
    )
    assert f"--budget {2 * longest} " in make_page(tmp_path / "o").html()


def test_best_compromises_are_those_that_nothing_dominates():
    rng = np.random.default_rng(0)
    x, y, allowed = (
        rng.integers(1, 30, 80).astype(float),
        rng.normal(80, 5, 80),
        rng.random(80) < 0.7,
    )
    x[3] = np.nan
    best = [
        i
        for i in range(80)
        if allowed[i] and np.isfinite(x[i]) and not any(
            allowed[j] and x[j] <= x[i] and y[j] >= y[i] and (x[j] < x[i] or y[j] > y[i]) for j in range(80)
        )
    ]  # fmt: skip
    metrics = METRICS["params"], METRICS["analog_drift_86400"]
    page = tradeoff_chart(metrics, (x, y), allowed, lambda rows: [f"net {row}" for row in rows])
    marked = re.findall(r"class='dot s1'[^>]*data-tip='net (\d+):", page)
    assert sorted(map(int, marked)) == best
    assert "net 3:" not in page


def test_page_of_a_drift_evaluation(tmp_path):
    page = make_page(drift_folder(tmp_path / "d")).html()
    Checked(page)
    assert "1 day after programming, the accuracy is 72.00 %" in page
    assert "The digital network reaches 90.00 %" in page
    assert "Only 3 chips were measured" in page
    embedded = json.loads(re.search(r"id='data-0'>(.*?)</script>", page, re.S).group(1))
    assert list(csv.reader(io.StringIO(embedded)))[1] == ["hwa", "60.0", "0", "80.0"]


def test_command(searched, tmp_path, capsys):
    assert main(["report", str(searched)]) == 0
    assert capsys.readouterr().out == f"Report in {searched / 'report.html'}\n"
    out = tmp_path / "page.html"
    drift = [str(drift_folder(tmp_path / name, shift=s)) for name, s in (("a", 0), ("b", -0.1))]
    assert main(["report", "compare", *drift, "--out", str(out)]) == 0
    page = out.read_text()
    Checked(page)
    assert re.search(r"1 day after programming: a 72.00 ± \d+.\d+ %, b 62.00", page)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "Cannot find the folder 'nowhere'"),
        (["."], "holds no finished search"),
        (["a", "b"], "Give one folder, or `compare` and two, but got 'a b'"),
        (["compare", ".", "."], "could be compared"),
        (["missing.parquet"], "missing.parquet"),
    ],
)
def test_bad_input_is_one_line(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_results_of_different_kinds_are_not_compared(searched, tmp_path):
    with pytest.raises(InvalidArgumentError, match="Only results of one kind"):
        write_comparison(searched, drift_folder(tmp_path / "d"), tmp_path / "page.html")


def test_damaged_results_are_named(tmp_path):
    folder = drift_folder(tmp_path / "d")
    (folder / "result.json").write_text('{"hwa": {"times": [1]}}')
    with pytest.raises(TableIntegrityError, match="result.json"):
        make_page(folder)


def test_document_escapes_and_links():
    page = Document("<T>", "a & b")
    page.section("One & two", paragraph("<x>"), columns_table(["<h>"], [["<c>"]]))
    Checked(page.html())
    assert "&lt;x&gt;" in page.html()
    assert "<x>" not in page.html()


def test_axes():
    assert Axis.over("x", [1.0, 10_000.0], log=None).log
    assert not Axis.over("x", [1.0, 50.0], log=None).log
    assert Axis.over("x", [2.0, 2.0]).low < 2.0 < Axis.over("x", [2.0, 2.0]).high
    assert Axis.over("x", [99.0, 99.9], most=100.0).high <= 100.0
    assert [text for _, text in Axis.over("x", [0.0, 2e6]).ticks()][-1] == "2 M"
    assert all(value == int(value) for value, _ in Axis.over("x", [1, 2], integer=True).ticks())


def test_broken_lines_and_bands_stay_inside():
    chart = Chart("f", Axis("x", 0.0, 4.0), Axis("y", 0.0, 1.0))
    y = [0.1, np.nan, 0.5, 0.6]
    chart.line([0, 1, 2, 3], y, "a", colour=0, band=([-9, 0, 0, 0], [9, 1, 1, 1]))
    html = chart.html()
    assert html.count("<polyline") == 2
    numbers = [
        float(n) for n in re.findall(r",(-?[\d.]+)", re.search(r"band.*?points='(.*?)'", html)[1])
    ]
    assert 0 <= min(numbers) <= max(numbers) <= 380


def test_drawings_name_what_they_show():
    cell = {
        "architecture": [],
        "arch_str": "|none~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|",
    }
    svg = drawing(cell, "best")
    assert "3×3 conv from the input to node 2" in svg
    assert svg.count("faint") == 3
    resnet = {
        "out_channel0": 16, "M": 1, "R1": 3, "B1": 2, "convblock1": 2, "widenfact1": 0.5,
    }  # fmt: skip
    assert "3 bottleneck blocks with 2 branches and widening 0.5" in drawing(
        {"architecture": resnet}, "r"
    )
    assert drawing({"architecture": {"width": 3}}, "other") == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda result: result["best"]["metrics"].update(analog_drift_86400=[1.0]),
        lambda result: result.update(best=[]),
        lambda result: result.pop("objectives"),
        lambda result: result.update(optimizer="x"),
    ],
)
def test_a_result_with_a_checksum_and_wrong_content(change, tmp_path):
    Worker(optimizer="random_search", runs=1, budget=6, seed=1, out=tmp_path / "s").search()
    file = tmp_path / "s" / "best.json"
    result = json.loads(file.read_text())
    result.pop(CHECKSUM_KEY, None)
    change(result)
    write_json(file, result, sealed=True)
    with pytest.raises(TableIntegrityError, match="is not as analognas writes it"):
        make_page(tmp_path / "s")
