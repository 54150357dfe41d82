import numpy as np
import pytest

from analognas.core import InvalidArgumentError, Metric, UnknownNameError
from analognas.evaluators import Evaluation, Problem

KNOWN = ["analog_accuracy", "noisy_drift_60", "avm", "params"]


def test_reading_a_problem():
    problem = Problem.of("baseline_drift_60", ["params<=5", "avm<1"], KNOWN)
    assert problem.objectives == ("noisy_drift_60",)
    assert problem.metrics == ["noisy_drift_60", "params", "avm"]
    assert Problem.of(["avm"], "avm<=1", KNOWN).metrics == ["avm"]


def test_scores_turn_minimised_metrics():
    problem = Problem.of(["analog_accuracy", "avm"], "params<=5", KNOWN)
    evaluation = Evaluation(
        {
            "analog_accuracy": np.array([1.0, 2]),
            "avm": np.array([3.0, 4]),
            "params": np.array([5.0, 10]),
        }
    )
    np.testing.assert_array_equal(problem.scores(evaluation), [[1, -3], [2, -4]])
    np.testing.assert_array_equal(problem.violation(evaluation), [0, 1])


@pytest.mark.parametrize(
    ("objectives", "constraints", "error"),
    [
        ("nope", (), UnknownNameError),
        ("avm", "nope<=1", UnknownNameError),
        ("avm", "avm=1", InvalidArgumentError),
        ([], (), InvalidArgumentError),
    ],
)
def test_bad_problems(objectives, constraints, error):
    with pytest.raises(error):
        Problem.of(objectives, constraints, KNOWN)


def test_evaluation_take():
    evaluation = Evaluation({"a": np.arange(4.0)}, {"a": np.arange(4.0) / 10})
    part = evaluation.take([2, 0])
    assert len(part) == 2
    np.testing.assert_array_equal(part.means["a"], [2, 0])
    np.testing.assert_array_equal(part.sems["a"], [0.2, 0])


def test_definitions_come_before_the_vocabulary():
    declared = [Metric("naswot", "", True), Metric("params", "M", True)]
    problem = Problem.of(["naswot", "avm"], "params<=5", [*KNOWN, "naswot"], definitions=declared)
    assert problem.metric("params") == declared[1]
    assert problem.metric("avm").unit == "pp"
    assert problem.sign == 1.0
    costs = problem.costs(Evaluation({"naswot": np.array([2.0]), "avm": np.array([3.0])}))
    np.testing.assert_array_equal(costs, [[-2.0, 3.0]])
    with pytest.raises(UnknownNameError):
        problem.metric("latency_us")


@pytest.mark.parametrize(("bound", "better"), [("naswot>=0.5", True), ("naswot<1", False)])
def test_a_bound_tells_the_better_side(bound, better):
    problem = Problem.of("avm", bound, [*KNOWN, "naswot"])
    assert problem.metric("naswot").higher_is_better is better
    with pytest.raises(InvalidArgumentError, match="direction"):
        Problem.of("naswot", bound, [*KNOWN, "naswot"])


def test_a_bound_on_parameters_that_nobody_counts_says_what_is_missing():
    with pytest.raises(UnknownNameError, match=r"method counts\(\)"):
        Problem.of("avm", "params<=1e5", ["avm"])
    with pytest.raises(UnknownNameError) as error:
        Problem.of("avm", "parms<=1e5", ["avm"])
    assert "counts()" not in str(error.value)
