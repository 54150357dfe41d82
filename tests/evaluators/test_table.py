import json

import numpy as np
import pytest

from analognas.core import OutOfSpaceError, UnknownNameError
from analognas.evaluators import TableEvaluator


@pytest.fixture(scope="module")
def evaluator(bench):
    return TableEvaluator(bench)


def test_means_and_standard_errors(evaluator, bench, every_cell):
    rows = every_cell[::501]
    evaluation = evaluator.evaluate(rows, ["analog_drift_60", "params"])
    for position, row in enumerate(rows):
        reading = bench.query_metric(row, "analog_drift_60")
        assert evaluation.means["analog_drift_60"][position] == reading
        # 25 readings behind each mean.
        assert evaluation.sems["analog_drift_60"][position] == pytest.approx(reading.std / 5)
        assert evaluation.means["params"][position] == bench.query_metric(row, "params")
    assert set(evaluation.sems) == {"analog_drift_60"}
    assert set(evaluator.metrics_with_sem) == {
        name for name in bench.metrics if f"{name}_std" in bench.metrics
    }


def test_report_is_json_and_complete(evaluator, bench):
    cell = (2, 2, 0, 4, 2, 1)
    report = json.loads(json.dumps(evaluator.report(bench.space.encode(cell))))
    assert report["metrics"] == {name: bench.query_metric(cell, name) for name in bench.metrics}
    members = bench.isomorphic(cell)
    group = report["isomorphism_class"]
    assert group["members"] == len(members) > 1
    mean = np.mean(bench.query(members, "avm")["avm"])
    assert group["means"]["avm"] == pytest.approx(mean)


def test_identity_names_the_table(evaluator, bench):
    assert evaluator.identity() == {
        "table": "AnalogNAS-Bench",
        "checksum": f"sha256:{bench.checksum}",
    }


def test_bad_input(evaluator):
    with pytest.raises(OutOfSpaceError):
        evaluator.evaluate(np.full((1, 6), 7), ["avm"])
    with pytest.raises(UnknownNameError):
        evaluator.evaluate(np.zeros((1, 6), dtype=np.int8), ["nope"])
