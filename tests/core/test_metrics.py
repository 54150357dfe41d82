import pytest

from analognas.core import (
    DRIFT_TIMES,
    METRICS,
    InvalidArgumentError,
    Metric,
    UnknownNameError,
    current_metric_name,
    drift_metric,
    get_metric,
    register_metric,
)


def test_directions():
    smaller = {name for name, metric in METRICS.items() if not metric.higher_is_better}
    costs = ("_std", "_latency", "_energy", "_area", "_tiles")
    assert smaller == {"avm", "params", "macs", "average_hw_metric"} | {
        name for name in METRICS if name.endswith(costs)
    }


def test_units_of_costs():
    units = {"_latency": "ms", "_energy": "mJ", "_area": "mm2"}
    for name, metric in METRICS.items():
        for ending, unit in units.items():
            assert not name.endswith(ending) or metric.unit == unit


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("baseline_drift_60", "noisy_drift_60"),
        ("baseline_drift_2592000_std", "noisy_drift_2592000_std"),
        ("baseline_accuracy", "baseline_accuracy"),
        ("baseline_drift_x", "baseline_drift_x"),
        ("analog_drift_1month", "analog_drift_2592000"),
        ("analog_drift_1_month_std", "analog_drift_2592000_std"),
        ("noisy_drift_7days", "noisy_drift_604800"),
        ("baseline_drift_1h", "noisy_drift_3600"),
        ("analog_drift_60s", "analog_drift_60"),
        ("analog_drift_60_std", "analog_drift_60_std"),
        ("analog_drift_1parsec", "analog_drift_1parsec"),
    ],
)
def test_old_names(old, new):
    assert current_metric_name(old) == new


def test_unknown_metric():
    with pytest.raises(UnknownNameError, match="Did you mean 'analog_accuracy'"):
        get_metric("analog_acuracy")


def test_register_metric(monkeypatch):
    monkeypatch.setattr("analognas.core.metrics.METRICS", dict(METRICS))
    mine = Metric("board_latency", "ms", False, "measured on my board")
    register_metric(mine)
    register_metric(mine)  # again is no harm
    assert get_metric("board_latency") == mine
    with pytest.raises(InvalidArgumentError, match="exists already"):
        register_metric(Metric("avm", "ms", True, "another"))
    with pytest.raises(InvalidArgumentError, match="must be an identifier"):
        register_metric(Metric("my latency", "ms", False, ""))


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        (("my latency", "ms", False), "identifier"),
        ((3, "ms", False), "identifier"),
        (("speed_sem", "ms", False), "_sem"),
        (("speed", None, False), "`unit`"),
        (("speed", "ms", 1), "`higher_is_better`"),
        (("speed", "ms", False, None), "`description`"),
    ],
)
def test_bad_metrics(fields, match):
    with pytest.raises(InvalidArgumentError, match=match):
        Metric(*fields)


@pytest.mark.parametrize(
    "payload",
    [
        {"name": "a", "unit": ""},
        {"name": "a", "unit": "", "higher_is_better": True, "colour": "red"},
        {"name": "a", "unit": "", "higher_is_better": "yes"},
        ["a", "", True],
        None,
    ],
)
def test_bad_payloads(payload):
    with pytest.raises(InvalidArgumentError):
        Metric.from_dict(payload)


def test_metrics_as_json_types():
    for metric in METRICS.values():
        assert Metric.from_dict(metric.to_dict()) == metric


@pytest.mark.parametrize("kind", ["noisy", "analog"])
def test_drift_metrics_of_any_time(kind):
    for time in DRIFT_TIMES:
        for spread in (False, True):
            metric = drift_metric(kind, time, spread=spread)
            assert METRICS[metric.name] == metric
    assert drift_metric(kind, 7).description.endswith("7 s after programming")
    with pytest.raises(UnknownNameError):
        drift_metric("digital", 60)
