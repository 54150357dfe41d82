import numpy as np
import pytest

from analognas.core import Constraint, InvalidArgumentError, parse_constraints, total_violation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("params<=1e6", Constraint("params", "<=", 1e6)),
        ("  avm < 2.5 ", Constraint("avm", "<", 2.5)),
        ("analog_accuracy>=-3", Constraint("analog_accuracy", ">=", -3.0)),
        ("baseline_drift_60>10", Constraint("noisy_drift_60", ">", 10.0)),
    ],
)
def test_parse(text, expected):
    assert Constraint.parse(text) == expected
    assert Constraint.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "params",
        "params=5",
        "params==5",
        "<=5",
        "params<=",
        "params<=x",
        "a<=1<=2",
        "a<=nan",
        "a<=inf",
        5,
    ],
)
def test_parse_refuses(text):
    with pytest.raises(InvalidArgumentError, match="Cannot read the constraint"):
        Constraint.parse(text)


@pytest.mark.parametrize(
    ("relation", "expected"),
    [("<=", [0, 0, 0.5]), ("<", [0, 0, 0.5]), (">=", [0.5, 0, 0]), (">", [0.5, 0, 0])],
)
def test_violation(relation, expected):
    constraint = Constraint("params", relation, 10.0)
    values = np.array([5.0, 10.0, 15.0])
    violation = constraint.violation(values)
    np.testing.assert_allclose(violation, expected, atol=1e-300)
    assert ((violation == 0) == constraint.satisfied(values)).all()


def test_nan_breaks_every_bound():
    assert Constraint("a", "<=", 1.0).violation(np.array([np.nan])) == np.inf


def test_total_violation_adds_up():
    bounds = parse_constraints(["a<=1", "b>=2"])
    values = {"a": np.array([0.0, 2.0, 3.0]), "b": np.array([2.0, 2.0, 1.0])}
    np.testing.assert_allclose(total_violation(bounds, values, 3), [0, 1, 2.5])
    np.testing.assert_array_equal(total_violation((), {}, 2), [0, 0])
