from pathlib import Path

import pytest

from analognas.core import InvalidArgumentError
from analognas.search import SearchSettings, Worker
from analognas.search.run_options import RunOptions


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objectives": 3}, "`objectives`: it must be the name of a metric or .*, but got 3."),
        ({"objectives": ["avm", 3]}, r"`objectives`: it must be .*, but got \('avm', 3\)."),
        ({"out": 3}, "`out` must be the path of a folder, but got 3."),
        ({"out": b"x"}, "`out` must be the path of a folder, but got b'x'."),
        (
            {"on_progress": 3},
            "`on_progress` must be a function that takes a SearchProgress, but got 3.",
        ),
        ({"callbacks": 3}, "`callbacks` must be a list of functions .*, but got 3."),
        ({"only_runs": "a", "out": "x"}, "`only_runs` must be an integer in .*, but got 'a'."),
        ({"only_runs": 9, "out": "x"}, r"`only_runs` must be an integer in \[0, 0\], but got 9."),
    ],
)
def test_arguments_of_a_wrong_kind(arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Worker(optimizer="random_search", runs=1, budget=5, **arguments)


def test_a_cost_metric_of_a_wrong_kind():
    with pytest.raises(InvalidArgumentError, match="`cost_metric` must be a text"):
        Worker(optimizer="random_search", runs=1, budget=5, cost_metric=3)


def test_arguments_that_are_right():
    assert SearchSettings().objectives is None
    assert SearchSettings(objectives="avm").objectives == ("avm",)
    names = SearchSettings(objectives=(name for name in ("avm", "params"))).objectives
    assert names == ("avm", "params")
    assert RunOptions("a/b").out == RunOptions(Path("a/b")).out == Path("a/b")
    assert RunOptions("a", only_runs=[2, 0, 2]).numbers(3) == [0, 2]
    assert RunOptions("a", only_runs=1).numbers(3) == [1]
    assert RunOptions().numbers(2) == [0, 1]
