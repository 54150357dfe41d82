import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import (
    Constraint,
    InvalidArgumentError,
    merge_constraints,
    parse_constraints,
    total_violation,
)


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


@pytest.mark.parametrize("bound", [0.1 + 0.2, 1e6, 1 / 3, 102000.0, 1e-300])
def test_text_keeps_the_bound_exactly(bound):
    constraint = Constraint("params", "<=", bound)
    assert Constraint.parse(str(constraint)) == constraint


@pytest.mark.parametrize("value", [None, 5])
def test_constraints_that_are_none(value):
    with pytest.raises(InvalidArgumentError, match="`constraints` must be a bound such as"):
        parse_constraints(value)


BOUNDS = st.builds(
    Constraint,
    st.just("avm"),
    st.sampled_from(["<=", "<", ">=", ">"]),
    st.integers(-2, 2).map(float),
)


@given(one=BOUNDS, other=BOUNDS)
def test_merged_constraints_are_met_where_both_are(one, other):
    # Every relation of two bounds shows at the bounds, between them, or beyond.
    values = np.arange(-3.0, 3.5, 0.5)
    both = one.satisfied(values) & other.satisfied(values)
    if not both.any():
        with pytest.raises(InvalidArgumentError, match="No value meets both"):
            merge_constraints(one, other)
        return
    merged = merge_constraints(one, other)
    np.testing.assert_array_equal(np.all([c.satisfied(values) for c in merged], axis=0), both)
    assert merged[0] == one
    assert len(merged) == 1 + bool((one.satisfied(values) & ~other.satisfied(values)).any())
    assert merge_constraints(merged, other) == merged


def test_merged_constraints_of_several_metrics():
    merged = merge_constraints(["params<=5", "avm<2"], ["avm>=0", "params<9", "macs>1"], by="me")
    assert [str(bound) for bound in merged] == ["params<=5", "avm<2", "avm>=0", "macs>1"]
    with pytest.raises(InvalidArgumentError, match="'avm<2' and 'avm>=2', a limit of me; change"):
        merge_constraints("avm<2", "avm>=2", by="me")
