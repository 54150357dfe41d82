import numpy as np
import pytest
from scipy.stats import kendalltau

from analognas.core import InvalidArgumentError, NotFittedError, UnknownNameError
from analognas.evaluators import GraphEnsembleEvaluator
from analognas.evaluators.suggestions import choose_informative, draw_candidates
from analognas.spaces import NASBench201Space

MONTH = "analog_drift_2592000"


def test_suggestions_teach_more_than_random_cells(bench, every_cell):
    values = bench.query(every_cell, [MONTH])[MONTH]
    place = {code: row for row, code in enumerate(bench.space.codes(every_cell).tolist())}
    gains = []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(every_cell))
        first, pool, others = order[:40], order[40:640], order[640:6640]
        surrogate = GraphEnsembleEvaluator().fit(every_cell[first], {MONTH: values[first]})
        suggested = surrogate.suggest(40, candidates=every_cell[pool])
        chosen = [place[code] for code in bench.space.codes(suggested).tolist()]
        taus = []
        for further in (chosen, pool[:40]):
            rows = np.append(first, further)
            learnt = GraphEnsembleEvaluator().fit(every_cell[rows], {MONTH: values[rows]})
            predicted = learnt.evaluate(every_cell[others], [MONTH]).means[MONTH]
            taus.append(kendalltau(predicted, values[others]).statistic)
        gains.append(taus[0] - taus[1])
    # Measured on eight seeds: 0.024 on average, positive for each.
    assert np.mean(gains) > 0.01
    assert sum(gain > 0 for gain in gains) >= 3


def test_the_choice_is_informative_and_diverse():
    generator = np.random.default_rng(0)
    places = np.concatenate([generator.normal(0, 0.01, 20), [3.0], generator.normal(6, 0.01, 20)])
    covariance = np.exp(-0.5 * (places[:, None] - places) ** 2)
    chosen = choose_informative(covariance, 0.01, 3)
    # One of each group of near repeats first: they say something about all others of the group.
    assert {int(row > 20) for row in chosen[:2]} == {0, 1}
    assert chosen[2] == 20
    assert len(set(choose_informative(covariance, 0.01, 41).tolist())) == 41


def test_suggestions_are_new_and_repeatable(bench):
    space = bench.space
    cells = space.sample(30, generator=np.random.default_rng(0), unique=True)
    surrogate = GraphEnsembleEvaluator().fit(cells, bench, ["avm", MONTH])
    found = surrogate.suggest(5)
    assert not np.isin(space.codes(found), space.codes(cells)).any()
    np.testing.assert_array_equal(found, surrogate.suggest(5, MONTH))
    again = surrogate.suggest(2, candidates=np.concatenate([cells, found]))
    assert np.isin(space.codes(again), space.codes(found)).all()
    with pytest.raises(InvalidArgumentError, match="only 5 architectures can be suggested"):
        surrogate.suggest(6, candidates=found)
    with pytest.raises(InvalidArgumentError, match="`n` must be"):
        surrogate.suggest(0)
    with pytest.raises(UnknownNameError):
        surrogate.suggest(2, "analog_accuracy")
    with pytest.raises(NotFittedError):
        GraphEnsembleEvaluator().suggest(2)


def test_suggestions_of_a_shipped_surrogate_are_in_its_region():
    surrogate = GraphEnsembleEvaluator.pretrained("resnet")
    found = surrogate.suggest(4)
    assert (surrogate.region.extrapolation(surrogate.space, found) == 0).all()


def test_candidates_of_a_small_space():
    space = NASBench201Space()
    known = space.sample(10, generator=np.random.default_rng(0), unique=True)
    found = draw_candidates(space, known, 200, generator=np.random.default_rng(1))
    assert len(set(space.codes(found).tolist()) | set(space.codes(known).tolist())) == 210
