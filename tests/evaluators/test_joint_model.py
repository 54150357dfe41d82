"""Metrics that inform each other, and cheap columns as inputs of a surrogate."""

import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.evaluators import (
    GraphEnsembleEvaluator,
    TableEvaluator,
    definition_of,
    evaluator_from,
    evaluator_from_definition,
)
from analognas.evaluators.joint_model import JointModel
from analognas.spaces import NASBench201Space, ResNetSpace, encode_features

DAY, MONTH = "analog_drift_86400", "analog_drift_2592000"
SPACE = NASBench201Space()


def test_metrics_with_independent_noise_inform_each_other(every_cell):
    """Four noisy readings of one quantity: together they tell more than one of them."""
    generator = np.random.default_rng(0)
    rows = every_cell[generator.permutation(len(every_cell))[:600]]
    features = encode_features(SPACE, rows)
    truth = 60 + 3 * (rows == 2).sum(axis=1) + 2 * (rows == 3).sum(axis=1)
    names = ("baseline_accuracy", "analog_accuracy", DAY, MONTH)
    columns = {name: truth + generator.normal(0, 6, len(rows)) for name in names}
    train, test = slice(0, 100), slice(100, 600)
    training = {name: values[train] for name, values in columns.items()}
    found = {}
    for joint in (False, True):
        surrogate = GraphEnsembleEvaluator(SPACE, joint=joint).fit(rows[train], training)
        predicted = surrogate.evaluate(rows[test], [DAY]).means[DAY]
        found[joint] = kendalltau(predicted, truth[test]).statistic
    assert found[True] > found[False] + 0.01
    model = JointModel.fit(features[train], training)
    assert model.directions.shape == (4, 4)
    np.testing.assert_allclose(model.directions @ model.directions.T, np.eye(4), atol=1e-9)


def test_a_joint_surrogate_is_kept_by_its_definition(bench, every_cell):
    rows = every_cell[::300]
    plain = GraphEnsembleEvaluator(SPACE).fit(rows, bench, [DAY, MONTH])
    joint = GraphEnsembleEvaluator(SPACE, joint=True).fit(rows, bench, [DAY, MONTH])
    assert joint.identity() != plain.identity()
    again = evaluator_from_definition(json.loads(json.dumps(definition_of(joint))), SPACE)
    assert again.identity() == joint.identity()
    others = every_cell[5::500]
    one, other = (each.evaluate(others, [DAY]).means[DAY] for each in (joint, again))
    np.testing.assert_array_equal(one, other)
    alone = GraphEnsembleEvaluator(SPACE, joint=True).fit(rows, bench, [DAY])
    one, other = (each.evaluate(others, [DAY]).means[DAY] for each in (alone, plain))
    np.testing.assert_array_equal(one, other)


def test_digital_accuracy_as_an_input_helps(bench, every_cell):
    values = bench.query(every_cell, [MONTH])[MONTH]
    gains = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(every_cell))
        rows, others = order[:80], order[80:3080]
        taus = []
        for further in ({}, {"inputs": TableEvaluator(), "input_metrics": ["baseline_accuracy"]}):
            surrogate = GraphEnsembleEvaluator(**further).fit(
                every_cell[rows], {MONTH: values[rows]}
            )
            predicted = surrogate.evaluate(every_cell[others], [MONTH]).means[MONTH]
            taus.append(kendalltau(predicted, values[others]).statistic)
        gains.append(taus[1] - taus[0])
    assert np.mean(gains) > 0.005
    again = evaluator_from_definition(json.loads(json.dumps(definition_of(surrogate))), SPACE)
    assert again.identity() == surrogate.identity()
    np.testing.assert_array_equal(
        again.evaluate(every_cell[:50], [MONTH]).means[MONTH],
        surrogate.evaluate(every_cell[:50], [MONTH]).means[MONTH],
    )


def test_inputs_that_cannot_be_used(bench, every_cell):
    with pytest.raises(InvalidArgumentError, match="`input_metrics` a list of its metrics"):
        GraphEnsembleEvaluator(inputs=TableEvaluator())
    with pytest.raises(InvalidArgumentError, match="`inputs` must be an evaluator"):
        GraphEnsembleEvaluator(input_metrics=["avm"])
    with pytest.raises(UnknownNameError, match="Did you mean 'avm'"):
        GraphEnsembleEvaluator(inputs=TableEvaluator(), input_metrics=["avn"])
    with pytest.raises(InvalidArgumentError, match="about the space 'nasbench201'"):
        GraphEnsembleEvaluator(ResNetSpace(), inputs=TableEvaluator(), input_metrics=["avm"])
    unknown = evaluator_from(lambda cell: {"score": float("nan")}, SPACE, {"score": "max"})
    surrogate = GraphEnsembleEvaluator(inputs=unknown, input_metrics=["score"])
    with pytest.raises(InvalidArgumentError, match="'score' of .* is nan"):
        surrogate.fit(every_cell[::900], bench, MONTH)
