import numpy as np
import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.data import DataSet, Normalise, Split
from analognas.drift import Examples


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 255, (50, 1, 4, 4), dtype=torch.uint8, generator=generator)
    part = Split(x, torch.arange(50, dtype=torch.uint8) % 5)
    return DataSet(
        "squares",
        "classification",
        part,
        part,
        part,
        (1, 4, 4),
        5,
        preparation=Normalise((0.5,), (0.2,)),
    )


@pytest.fixture(scope="module")
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 5))


def test_kept_and_streamed_examples_give_the_same_scores(data, net, monkeypatch):
    kept = Examples(data, batch_size=7)
    monkeypatch.setattr("analognas.drift.examples._KEPT_BYTES", 0)
    streamed = Examples(data, batch_size=7)
    assert kept._inputs is not None
    assert streamed._inputs is None
    some = np.array([3, 11, 40])
    for indices in (None, some):
        np.testing.assert_array_equal(kept.scores(net, indices), streamed.scores(net, indices))
    np.testing.assert_array_equal(kept.scores(net, some), kept.scores(net)[some])
    right = net(data.prepare(data.test.inputs)).argmax(1) == data.test.targets
    np.testing.assert_array_equal(kept.scores(net), right.double().numpy())


def test_margins_are_positive_where_the_answer_is_right(data, net):
    scores, margins = Examples(data).margins(net)
    np.testing.assert_array_equal(margins > 0.0, scores == 1.0)
    logits = net(data.prepare(data.test.inputs)).detach()
    assert margins[4] == pytest.approx(float(logits[4, 4] - logits[4, :4].max()), abs=1e-6)


def test_chance_is_the_most_frequent_class(data):
    assert Examples(data).chance == pytest.approx(0.2)
    uneven = Examples((torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])))
    assert uneven.chance == pytest.approx(0.75)


def test_bad_examples(data, net):
    with pytest.raises(InvalidArgumentError, match="at least 2"):
        Examples((torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64)))
    with pytest.raises(UnknownNameError, match="split"):
        Examples(data, split="tset")
    with pytest.raises(UnknownNameError, match="task"):
        Examples(data, task="regression")
