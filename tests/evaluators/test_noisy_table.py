import numpy as np
import pytest

from analognas.core import InvalidArgumentError, OutOfSpaceError, UnknownNameError
from analognas.evaluators import NoisyTableEvaluator, reading_seeds

NAME = "analog_drift_2592000"
N = 20_000


@pytest.fixture
def evaluator(bench):
    return NoisyTableEvaluator(bench)


def readings(evaluator, code, metrics, n=N):
    rows = evaluator.space.from_codes(np.full(n, code))
    seeds = reading_seeds(3, 1, rows, range(n))
    return evaluator.measure(rows, metrics, seeds=seeds)


def scatter_agrees(values, mean, std):
    """Mean and spread within five standard errors of what they should be."""
    n = len(values)
    return (
        abs(values.mean() - mean) < 5 * std / n**0.5
        and abs(values.std() - std) < 5 * std / (2 * n) ** 0.5
    )


@pytest.mark.parametrize("n_readings", [1, 4])
@pytest.mark.parametrize("metric", [NAME, "noisy_drift_60"])
def test_readings_scatter_about_the_table(bench, n_readings, metric):
    evaluator = NoisyTableEvaluator(bench, n_readings=n_readings)
    truth = bench.query_metric(bench.space.decode(bench.space.from_codes([77])[0]), metric)
    evaluation = readings(evaluator, 77, [metric])
    sem = truth.std / n_readings**0.5
    np.testing.assert_allclose(evaluation.sems[metric], sem, rtol=1e-12)
    assert scatter_agrees(evaluation.means[metric], float(truth), sem)
    for share in (0.95, 1.05):  # a spread that is wrong by 5 % would be seen
        assert not scatter_agrees(evaluation.means[metric], float(truth), share * sem)


def test_avm_is_the_difference_of_its_readings(bench, evaluator):
    names = ["avm", "analog_drift_60", NAME]
    evaluation = readings(evaluator, 77, names, n=100)
    early, late = (evaluation.means[name] for name in names[1:])
    np.testing.assert_array_equal(evaluation.means["avm"], early - late)
    errors = [evaluation.sems[name] for name in names[1:]]
    np.testing.assert_allclose(evaluation.sems["avm"], np.hypot(*errors), rtol=1e-12)
    alone = readings(evaluator, 77, ["avm"], n=100)
    np.testing.assert_array_equal(alone.means["avm"], evaluation.means["avm"])


def test_what_has_no_spread_is_exact(bench, evaluator):
    rows = bench.space.from_codes(np.arange(200))
    names = ["baseline_accuracy", "analog_accuracy", "params", "macs"]
    evaluation = evaluator.evaluate(rows, names)
    assert not evaluation.sems
    for name, values in bench.query(rows, names).items():
        np.testing.assert_array_equal(evaluation.means[name], values)


def test_a_reading_does_not_depend_on_others(evaluator):
    rows = evaluator.space.from_codes(np.arange(30) % 7)
    seeds = reading_seeds(0, 0, rows, (np.arange(30) // 7).tolist())
    whole = evaluator.measure(rows, [NAME], seeds=seeds).means[NAME]
    order = np.random.default_rng(0).permutation(30)
    np.testing.assert_array_equal(
        evaluator.measure(rows[order], [NAME], seeds=seeds[order]).means[NAME], whole[order]
    )
    alone = [
        evaluator.measure(rows[i : i + 1], [NAME], seeds=seeds[i : i + 1]).means[NAME][0]
        for i in range(30)
    ]
    assert alone == whole.tolist()
    # Unasked for seeds, repeats are further readings.
    np.testing.assert_array_equal(evaluator.evaluate(rows, [NAME]).means[NAME], whole)


def test_report_keeps_truth_apart(bench, evaluator):
    row = bench.space.from_codes([77])[0]
    report = evaluator.report(row)
    assert set(report["metrics"]) & set(report["truth"]) == set()
    assert NAME not in report["metrics"]
    assert report["truth"][NAME] == float(bench.query_metric(row, NAME))
    assert set(report["truth"]) == set(evaluator.metrics_with_sem)
    assert evaluator.identity()["n_readings"] == 1


def test_bad_input(bench, evaluator):
    with pytest.raises(InvalidArgumentError, match="`n_readings` must be an integer of at least 1"):
        NoisyTableEvaluator(bench, n_readings=0)
    with pytest.raises(OutOfSpaceError):
        evaluator.evaluate(np.full((1, 6), 7), [NAME])
    for name in ("nope", f"{NAME}_nope"):
        with pytest.raises(UnknownNameError):
            evaluator.evaluate(np.zeros((1, 6), dtype=np.int8), [name])
