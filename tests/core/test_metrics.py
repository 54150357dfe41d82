import pytest

from analognas.core import METRICS, UnknownNameError, current_metric_name, get_metric


def test_directions():
    smaller = {name for name, metric in METRICS.items() if not metric.higher_is_better}
    assert smaller == {"avm", "params", "macs"} | {
        name for name in METRICS if name.endswith("_std")
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("baseline_drift_60", "noisy_drift_60"),
        ("baseline_drift_2592000_std", "noisy_drift_2592000_std"),
        ("baseline_accuracy", "baseline_accuracy"),
        ("baseline_drift_x", "baseline_drift_x"),
    ],
)
def test_old_names(old, new):
    assert current_metric_name(old) == new


def test_unknown_metric():
    with pytest.raises(UnknownNameError, match="Did you mean 'analog_accuracy'"):
        get_metric("analog_acuracy")
