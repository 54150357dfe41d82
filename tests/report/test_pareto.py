import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.evaluators import TableEvaluator
from analognas.report import pareto_figure, summary_markdown, write_search_report
from analognas.search import Worker

GOALS = ["analog_drift_2592000", "avm", "params"]


def search(bench, goals, **options):
    settings = {"evaluator": TableEvaluator(bench), "runs": 2, "budget": 60, **options}
    return Worker(objectives=goals, **settings).search()


@pytest.fixture(scope="module")
def result(bench):
    return search(bench, GOALS, constraints="avm>=0")


def test_every_pair_has_a_panel_with_names_and_units(result):
    panels = [axes for axes in pareto_figure(result).axes if axes.lines]
    assert len(panels) == 3
    labels = {text for axes in panels for text in (axes.get_xlabel(), axes.get_ylabel())}
    assert {
        "accuracy after 1 month (%), higher is better",
        "accuracy lost in a month (pp), lower is better",
        "parameters, lower is better",
    } == labels - {""}


def test_points_are_the_architectures_found(result):
    axes = pareto_figure(result).axes[0]
    dominated, front, _ = axes.lines
    problem = result.problem
    values = np.concatenate(
        [
            problem.in_own_units(problem.costs(run.evaluation))[run.violation == 0, :2]
            for run in result.runs
        ]
    )
    drawn = np.concatenate([line.get_xydata() for line in (dominated, front)])
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, values))
    found = {tuple(cell["metrics"][name] for name in GOALS[:2]) for cell in result.front}
    assert {tuple(point) for point in front.get_xydata()} == found


def test_the_line_passes_the_best_of_two_and_leaves_nothing_beyond(bench):
    result = search(bench, ["analog_drift_2592000", "params"])
    axes = pareto_figure(result).axes[0]
    corners = {tuple(point) for point in axes.lines[2].get_xydata()}
    for cell in result.front:
        assert tuple(cell["metrics"][name] for name in result.problem.objectives) in corners
    inside = axes.viewLim
    for cell in result.front:
        assert inside.contains(*(cell["metrics"][name] for name in result.problem.objectives))


def test_report(result, tmp_path):
    files = sorted(file.name for file in write_search_report(result, tmp_path))
    assert files == ["convergence.png", "drift.png", "pareto.png", "summary.md"]
    text = summary_markdown(result)
    assert "## Non-dominated architectures" in text
    assert "- objective: lowest `avm` (" in text
    assert f"| {len(result.front)} | " in text
    assert "`*` marks objectives." in text
    assert "| run | hypervolume |" in text


def test_one_objective_has_no_such_figure(bench):
    with pytest.raises(InvalidArgumentError, match="at least two objectives"):
        pareto_figure(search(bench, "avm"))


def test_a_front_of_one_architecture(bench):
    figure = pareto_figure(search(bench, ["params", "macs"], runs=1, budget=40))
    low, high = figure.axes[0].get_xlim()
    assert low < high
    assert figure.get_suptitle().startswith("On the front, parameters ")
