import re
from pathlib import Path

import pytest

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.search import Worker
from analognas.search.arguments import check_folder, check_objectives, check_runs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objectives": 3}, "`objectives` must be the name of a metric or .*, but got 3."),
        ({"objectives": ["avm", 3]}, r"`objectives` must be .*, but got \['avm', 3\]."),
        ({"out": 3}, "`out` must be the path of a folder, but got 3."),
        ({"out": b"x"}, "`out` must be the path of a folder, but got b'x'."),
        ({"on_progress": 3}, "`on_progress` must be a function that takes a Progress, but got 3."),
        ({"callbacks": 3}, "`callbacks` must be a list of functions .*, but got 3."),
        ({"only_runs": "a", "out": "x"}, "`only_runs` must be an integer in .*, but got 'a'."),
        ({"only_runs": 9, "out": "x"}, r"`only_runs` must be an integer in \[0, 0\], but got 9."),
    ],
)
def test_arguments_of_a_wrong_kind(arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Worker(optimizer="random_search", runs=1, budget=5, **arguments)


def test_a_cost_metric_of_a_wrong_kind():
    with pytest.raises(UnknownNameError, match=re.escape("Unknown metric 3.")):
        Worker(optimizer="random_search", runs=1, budget=5, cost_metric=3)


def test_arguments_that_are_right():
    assert check_objectives(None) is None
    assert check_objectives("avm") == "avm"
    assert check_objectives(name for name in ("avm", "params")) == ["avm", "params"]
    assert check_folder("a/b") == check_folder(Path("a/b")) == Path("a/b")
    assert check_runs([2, 0, 2], 3, Path("a")) == [0, 2]
    assert check_runs(1, 3, Path("a")) == [1]
