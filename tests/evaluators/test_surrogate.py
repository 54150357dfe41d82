import json

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, NotFittedError, OutOfSpaceError, UnknownNameError
from analognas.evaluators import GraphEnsembleEvaluator, XGBoostEvaluator
from analognas.spaces import ResNetSpace, Space

DAY = "analog_drift_86400"
KINDS = [GraphEnsembleEvaluator, XGBoostEvaluator]


class Toy(Space):
    def __init__(self):
        super().__init__("toy", (5, 4, 3))

    def encode(self, arch):
        return np.asarray(arch, dtype=np.int8)

    def decode(self, row):
        return tuple(np.asarray(row).tolist())

    def describe(self, row):
        return {"architecture": list(self.decode(row))}

    def build(self, arch, input_shape=(3, 32, 32), n_classes=10):
        raise NotImplementedError


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(kind, bench, every_cell):
    rows = np.random.default_rng(0).permutation(len(every_cell))[:200]
    return kind().fit(every_cell[rows], bench, [DAY, "avm"])


def toy_data(n=40):
    space = Toy()
    rows = space.sample(n, generator=np.random.default_rng(0), unique=True)
    return space, rows, {DAY: 50.0 + rows.sum(axis=1) * 5, "avm": 10.0 - rows[:, 0]}


def test_evaluation_of_a_population(fitted, bench, every_cell):
    rows = every_cell[::71]
    evaluation = fitted.evaluate(rows, ["params", DAY, "avm", "macs"])
    assert list(evaluation.means) == ["params", DAY, "avm", "macs"]
    assert len(evaluation) == len(rows)
    np.testing.assert_array_equal(evaluation.means["params"], bench.space.params(rows))
    np.testing.assert_array_equal(evaluation.means["macs"], bench.space.macs(rows))
    assert set(evaluation.sems) == set(fitted.metrics_with_sem)
    # Far better than knowing the median only.
    measured = bench.query(rows, DAY)[DAY]
    error = np.abs(evaluation.means[DAY] - measured)
    assert error.mean() < 0.6 * np.abs(measured - np.median(measured)).mean()
    assert (evaluation.means[DAY] >= 0).all()
    assert (evaluation.means[DAY] <= 100).all()


def test_a_row_scores_alike_alone_and_in_a_population(fitted, every_cell):
    rows = every_cell[[3, 3, 9000, 77]]
    together = fitted.evaluate(rows, [DAY])
    for position in range(len(rows)):
        alone = fitted.evaluate(rows[[position]], [DAY])
        # Products of matrices round otherwise at other sizes, in float32.
        assert together.means[DAY][position] == pytest.approx(alone.means[DAY][0], rel=1e-4)
        if alone.sems:
            assert together.sems[DAY][position] == pytest.approx(alone.sems[DAY][0], rel=1e-2)


def test_isomorphic_cells_score_alike(fitted, bench):
    members = bench.isomorphic((2, 2, 0, 4, 2, 1))
    assert len(members) > 1
    assert np.ptp(fitted.evaluate(members, [DAY]).means[DAY]) == 0


def test_report_and_identity_are_json(fitted, every_cell):
    report = json.loads(json.dumps(fitted.report(every_cell[5])))
    assert list(report["metrics"]) == fitted.metrics == [DAY, "avm", "params", "macs"]
    assert report["predicted"] == [DAY, "avm"]
    assert set(report.get("standard_errors", {})) == set(fitted.metrics_with_sem)
    assert json.loads(json.dumps(fitted.identity())) == fitted.identity()


def test_identity_follows_the_training_data(kind):
    space, rows, values = toy_data()
    one = kind(space).fit(rows, values).identity()
    assert one == kind(space).fit(rows, values).identity()
    assert one != kind(space).fit(rows, {**values, "avm": values["avm"] + rows[:, 1]}).identity()
    assert one != kind(space).fit(rows[::-1], values).identity()


def test_any_space_can_be_learnt(kind):
    space, rows, values = toy_data()
    surrogate = kind(space).fit(rows[:30], {name: column[:30] for name, column in values.items()})
    assert surrogate.encoding == "one_hot"
    assert surrogate.metrics == [DAY, "avm"]
    predicted = surrogate.evaluate(rows[30:], [DAY]).means[DAY]
    assert np.corrcoef(predicted, values[DAY][30:])[0, 1] > 0.7


def test_a_space_given_with_the_fit(kind):
    space, rows, values = toy_data()
    surrogate = kind().fit(rows, values, space=space)
    assert surrogate.space is space
    assert surrogate.evaluate(rows, [DAY]).means[DAY].shape == (40,)


def test_one_metric_by_name(kind):
    space, rows, values = toy_data()
    assert kind(space).fit(rows, values, "avm").metrics == ["avm"]


def test_unfitted(kind):
    surrogate = kind(Toy())
    with pytest.raises(
        NotFittedError, match=r"was not fitted for the space 'toy' yet; first call fit\("
    ):
        surrogate.evaluate(np.zeros((1, 3), dtype=np.int8), [DAY])
    with pytest.raises(NotFittedError, match="call fit"):
        surrogate.report(np.zeros(3, dtype=np.int8))


def test_a_failed_fit_leaves_what_was_learnt(kind):
    space, rows, values = toy_data()
    surrogate = kind(space).fit(rows, values)
    before = surrogate.identity()
    with pytest.raises(InvalidArgumentError):
        surrogate.fit(rows, {DAY: values[DAY][:3]})
    assert surrogate.identity() == before


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda v: {DAY: v[DAY][:5]}, InvalidArgumentError, "one for each of the 40 architectures"),
        (lambda v: {DAY: np.append(v[DAY][1:], np.nan)}, InvalidArgumentError, "must be finite, but got nan at position 39"),
        (lambda v: {DAY: ["a"] * 40}, InvalidArgumentError, "must be numbers"),
        (lambda v: {"speed": v[DAY]}, UnknownNameError, "Unknown metric 'speed'"),
        (lambda v: {}, InvalidArgumentError, "at least one metric"),
        (lambda v: 5, InvalidArgumentError, "`values` must map metric names"),
    ],
)  # fmt: skip
def test_bad_values(kind, change, error, message):
    space, rows, values = toy_data()
    with pytest.raises(error, match=message):
        kind(space).fit(rows, change(values))


def test_bad_arguments(kind, fitted, every_cell):
    space, rows, values = toy_data()
    with pytest.raises(UnknownNameError, match="Unknown metric 'qat_accuracy'"):
        fitted.evaluate(every_cell[:2], ["qat_accuracy"])
    with pytest.raises(UnknownNameError, match="Unknown metric"):
        kind(space).fit(rows, values, ["analog_accuracy"])
    with pytest.raises(InvalidArgumentError, match="at least 4 architectures, but got 2"):
        kind(space).fit(rows[:2], {DAY: [1, 2]})
    with pytest.raises(OutOfSpaceError):
        fitted.evaluate(np.full((1, 6), 9), [DAY])
    with pytest.raises(UnknownNameError, match="'toy' has no encoding 'canonical'"):
        kind(space, encoding="canonical")
    with pytest.raises(UnknownNameError, match="Unknown space"):
        kind("nasbench")
    with pytest.raises(InvalidArgumentError, match="`space` must be a space"):
        kind(3)
    with pytest.raises(InvalidArgumentError, match="`seed` must be an integer of at least 0"):
        kind(seed=-1)


def test_networks_of_other_spaces(kind):
    space = ResNetSpace()
    with pytest.raises(NotFittedError, match="'resnet' yet; first call fit"):
        kind(space, encoding="one_hot").evaluate(
            space.sample(2, generator=np.random.default_rng(0)), [DAY]
        )
    rows = space.sample(150, generator=np.random.default_rng(0))
    values = {DAY: 30 + 5 * np.log10(space.macs(rows)), "avm": 1.0 + rows[:, 0]}
    surrogate = kind("resnet").fit(rows[:100], {name: v[:100] for name, v in values.items()})
    assert surrogate.encoding == "structure+one_hot"
    assert surrogate.metrics == [DAY, "avm", "params", "macs"]
    evaluation = surrogate.evaluate(rows[100:], [DAY, "macs"])
    assert np.corrcoef(evaluation.means[DAY], values[DAY][100:])[0, 1] > 0.9
    np.testing.assert_array_equal(evaluation.means["macs"], space.macs(rows[100:]))
