"""Zero-cost proxies as an evaluator: scores follow from the seed and the architecture alone."""

import numpy as np
import pytest
import torch

from analognas.core import METRICS, InvalidArgumentError, UnknownNameError
from analognas.evaluators import ZeroCostEvaluator, definition_of, evaluator_from_definition
from analognas.search import Worker
from analognas.spaces import ConfigSpace


def build(arch, input_shape, n_classes):
    width = arch["width"]
    return torch.nn.Sequential(
        torch.nn.Conv2d(input_shape[0], width, 3),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(width, n_classes),
    )


@pytest.fixture
def space():
    space = ConfigSpace(name="small", network=build)
    space.add_hyperparameter("width", "discrete", 1, 8)
    space.input_shape = (3, 8, 8)
    return space


def test_scores_follow_from_seed_and_architecture(space):
    rows = space.every()
    evaluator = ZeroCostEvaluator(space, batch_size=4)
    before = torch.get_rng_state()
    found = evaluator.evaluate(rows, evaluator.metrics).means
    assert torch.equal(torch.get_rng_state(), before)
    assert found["params"].tolist() == [3 * 9 * w + w + 10 * w + 10 for w in range(1, 9)]
    alone = evaluator.evaluate(rows[3:4], ["naswot", "noise_sensitivity"]).means
    for name, values in alone.items():
        assert values[0] == found[name][3]
    other = ZeroCostEvaluator(space, batch_size=4, seed=1).evaluate(rows, ["synflow"]).means
    assert not np.array_equal(other["synflow"], found["synflow"])


def test_what_the_space_counts_is_not_built(monkeypatch):
    evaluator = ZeroCostEvaluator("nasbench201", ["params", "macs"])
    monkeypatch.setattr(type(evaluator.space), "build", None)
    row = evaluator.space.population([(2, 2, 0, 4, 2, 1)])
    assert evaluator.evaluate(row, ["params"]).means["params"].tolist() == [802426]
    assert evaluator.cheap_metrics == ("params", "macs")
    assert evaluator.report(row[0])["metrics"]["params"] == 802426


def test_a_search_by_a_proxy(space):
    before = dict(METRICS)
    evaluator = ZeroCostEvaluator(space, "noise_sensitivity", batch_size=4)
    result = Worker(
        space, evaluator=evaluator, objectives="noise_sensitivity", runs=1, budget=8
    ).search()
    rows = space.every()
    best = int(evaluator.evaluate(rows, ["noise_sensitivity"]).means["noise_sensitivity"].argmin())
    assert result.winners[0]["architecture"] == dict(space.decode(rows[best]))
    assert before == METRICS


def test_it_has_a_definition(space):
    evaluator = ZeroCostEvaluator(space, ["naswot"], batch_size=5, seed=3)
    again = evaluator_from_definition(definition_of(evaluator), space)
    assert again.identity() == evaluator.identity()


def test_arguments_are_checked(space):
    with pytest.raises(UnknownNameError, match="naswot"):
        ZeroCostEvaluator(space, ["naswott"])
    with pytest.raises(InvalidArgumentError, match="batch_size"):
        ZeroCostEvaluator(space, batch_size=1)
    with pytest.raises(InvalidArgumentError, match="proxies"):
        ZeroCostEvaluator(space, [])
