"""The page on spaces runs from top to bottom, and shows what is so."""

import re
from pathlib import Path

import numpy as np
import pytest

from analognas.testing import SpaceConformance

PAGE = (Path(__file__).parents[2] / "docs" / "spaces.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.M | re.S)


@pytest.fixture(scope="module")
def page():
    names = {}
    for block in blocks("python"):
        exec(compile(block, "docs/spaces.md", "exec"), names)
    return names


def test_a_space_in_thirty_lines():
    assert len(blocks("python")[0].splitlines()) <= 30


def test_what_the_page_computes(page):
    assert f"{page['space'].size:,} architectures" in PAGE
    assert page["text"] == blocks("yaml")[0]
    assert page["again"].size == page["space"].size
    np.testing.assert_array_equal(page["rows"], page["space"].population(page["rows"]))


def test_the_search_finds_a_perceptron_that_learns(page):
    best = page["worker"].result.winners[0]["architecture"]
    accuracy = page["Spirals"](page["space"]).train(best)
    # A linear classifier gets little more than half of the spirals right.
    linear = page["Spirals"](page["space"]).train({"depth": 0, "learning_rate": 0.01})
    assert accuracy > linear + 10


def test_its_suite_runs_and_passes(page):
    suite = page["TestPerceptrons"]
    assert issubclass(suite, SpaceConformance)
    tests = [name for name in dir(suite) if name.startswith("test_")]
    assert len(tests) >= 14
    for name in tests:
        getattr(suite(), name)()
