"""Searches that start from given architectures or from known results."""

import json

import numpy as np
import pytest

from analognas.core import DataNotFoundError, InvalidArgumentError, OutOfSpaceError, ResumeError
from analognas.search import Search, Worker, read_trials

METRIC = "analog_drift_2592000"
CELLS = [[2, 2, 0, 4, 2, 1], [2, 2, 2, 2, 2, 2], [0, 1, 2, 3, 4, 0]]
OPTIMIZERS = [
    "bayesian",
    "regularized_evolution",
    "local_search",
    "random_search",
    "nsga2",
    "optuna",
]


@pytest.fixture(scope="module")
def former(tmp_path_factory):
    """The folder of a search of 40 random cells."""
    folder = tmp_path_factory.mktemp("former") / "search"
    Search({"runs": 1, "budget": 40, "optimizer": "random_search"}).run(folder)
    return folder


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_listed_architectures_are_measured_first(optimizer):
    run = Search({"optimizer": optimizer, "runs": 1, "budget": 20, "start": CELLS}).run().runs[0]
    assert run.population[:3].tolist() == CELLS
    assert run.n_distinct == run.n_evaluations == 20


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_known_results_cost_nothing_and_are_not_measured_again(optimizer, former):
    run = (
        Search({"optimizer": optimizer, "runs": 1, "budget": 15, "start": str(former)})
        .run()
        .runs[0]
    )
    known = read_trials(former)
    assert run.population[:40].tolist() == known.genotypes.tolist()
    assert run.evaluation.means[METRIC][:40].tolist() == known.values[METRIC].tolist()
    assert run.n_evaluations == 15
    assert len({*map(tuple, run.population.tolist())}) == 55


@pytest.mark.parametrize("start", ["list", "search"])
def test_a_resumed_search_gives_equal_bytes_without_the_file(start, former, tmp_path):
    source = tmp_path / "cells.json"
    source.write_text(json.dumps(CELLS))
    settings = {"runs": 2, "budget": 30, "start": str(source if start == "list" else former)}
    Search(settings).run(tmp_path / "a")
    source.unlink()
    before = (tmp_path / "a" / "best.json").read_bytes()
    Search.resume(tmp_path / "a").run()
    assert (tmp_path / "a" / "best.json").read_bytes() == before
    source.write_text(json.dumps(CELLS))
    Search(settings | {"budget": 40}).run(tmp_path / "b")
    Search.resume(tmp_path / "a", budget=40).run()
    assert (tmp_path / "a" / "best.json").read_bytes() == (
        tmp_path / "b" / "best.json"
    ).read_bytes()


def test_a_search_that_starts_elsewhere_is_another_one(former, tmp_path):
    Search({"runs": 1, "budget": 5, "start": CELLS}).run(tmp_path / "a")
    with pytest.raises(ResumeError, match="start"):
        Search({"runs": 1, "budget": 5, "start": CELLS[:2]}).run(tmp_path / "a", resume=True)


def test_tables_and_text_files(tmp_path):
    text = tmp_path / "cells.txt"
    text.write_text(
        "# two cells\n12\n" + "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|\n"
    )
    run = Worker(runs=1, budget=5, start=str(text)).search().runs[0]
    assert run.n_distinct == 5
    table = tmp_path / "cells.csv"
    table.write_text(f"architecture,{METRIC}\n12,80.5\n13,81.5\n")
    run = Worker(runs=1, budget=5, start=str(table)).search().runs[0]
    assert run.evaluation.means[METRIC][:2].tolist() == [80.5, 81.5]
    assert run.n_evaluations == 5


def test_a_model_learns_from_the_start(former):
    """The search does better than one that begins at random, by far more than the spread of ten seeds."""
    settings = {"runs": 10, "budget": 12}
    with_start = Search(settings | {"start": str(former)}).run().finals()
    without = Search(settings).run().finals()
    assert np.mean(with_start) > np.mean(without) + 0.5


@pytest.mark.parametrize(
    ("start", "error", "text"),
    [
        ("nowhere.json", DataNotFoundError, "there is no 'nowhere.json'"),
        ([[9, 9, 9, 9, 9, 9]], OutOfSpaceError, "9"),
        ([], InvalidArgumentError, "at least one"),
        ({"genotypes": [[9] * 6], "values": {}}, InvalidArgumentError, "genotypes of the space"),
        ({"genotypes": [[1] * 6], "values": {METRIC: []}}, InvalidArgumentError, "as many values"),
        ("analognasbench", InvalidArgumentError, "1 to 5,000"),
    ],
)
def test_bad_starts(start, error, text):
    with pytest.raises(error, match=text):
        Search({"runs": 1, "budget": 5, "start": start})


def test_a_log_of_another_metric(former):
    with pytest.raises(InvalidArgumentError, match="`start` has no 'baseline_accuracy'"):
        Search({"runs": 1, "start": str(former), "objectives": "baseline_accuracy"})
