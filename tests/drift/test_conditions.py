import numpy as np
import pytest

from analognas.core import METRICS, InvalidArgumentError
from analognas.drift import (
    DriftEvaluator,
    difference_of,
    direct_mapping,
    evaluate_conditions,
)
from analognas.nn import analog_layers


def test_conditions_have_the_table_s_names(digital, analog, problem):
    evaluator = DriftEvaluator((60.0, 2592000.0), chips=3)
    found = evaluate_conditions(
        digital, analog, problem, evaluator=evaluator, calibration=[problem[0]], ptq=digital
    )
    assert evaluator.times == (60.0, 2592000.0)
    metrics = found.metrics
    assert set(metrics) <= set(METRICS)
    assert {"baseline_accuracy", "ptq_accuracy", "noisy_accuracy", "analog_drift_60_std"} <= set(
        metrics
    )
    assert metrics["ptq_accuracy"] == metrics["baseline_accuracy"]
    expected = metrics["analog_drift_60"] - metrics["analog_drift_2592000"]
    assert metrics["avm"] == pytest.approx(expected)
    # This "hardware-aware" network is the digital one on the same tiles: equal chips, equal numbers.
    assert metrics["noisy_drift_60"] == metrics["analog_drift_60"]
    order = {(high, low): step for high, low, step in found.order()}
    assert order["baseline", "analog"].value == pytest.approx(
        metrics["baseline_accuracy"] - metrics["analog_accuracy"]
    )
    assert order["analog_drift_60", "noisy_drift_60"].value == 0.0
    assert order["noisy_drift_0", "noisy_drift_60"].value == pytest.approx(
        metrics["noisy_accuracy"] - metrics["noisy_drift_60"]
    )


def test_difference_of_two_networks_is_welch_s(analog, problem):
    from scipy import stats

    a = DriftEvaluator((1.0, 86400.0), chips=4).evaluate(analog, problem)
    b = DriftEvaluator((1.0, 86400.0), chips=5, seed=1).evaluate(analog, problem)
    found = difference_of(a, b, 86400.0)
    x, y = a.chips_at(86400.0), b.chips_at(86400.0)
    interval = stats.ttest_ind(x, y, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-7)
    assert found.value == pytest.approx(np.mean(x) - np.mean(y))


def test_direct_mapping_with_and_without_compensation(digital, problem):
    kept = direct_mapping(digital, [problem[0]])
    bare = direct_mapping(digital, [problem[0]], compensation=False)
    kinds = [next(iter(analog_layers(m)))[1].config.compensation.kind for m in (kept, bare)]
    assert kinds == ["global", "none"]
    year = 31536000.0
    with_it, without = (
        DriftEvaluator((year,), chips=6).evaluate(model, problem) for model in (kept, bare)
    )
    assert with_it.at(year).value > without.at(year).value - without.at(year).half_width
    with pytest.raises(InvalidArgumentError, match="must be digital"):
        direct_mapping(kept, [problem[0]])
    with pytest.raises(InvalidArgumentError, match="one pair of inputs and labels"):
        direct_mapping(digital, problem)
