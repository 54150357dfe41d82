import numpy as np
import pytest
from scipy.stats import kendalltau

from analognas.tables.quality import label_noise


def test_report_on_the_shipped_table(bench):
    report = bench.quality()
    assert [row.nasbench201_index for row in report.impossible] == [1835, 11029]
    assert report.impossible[0].architecture == (0,) * 6
    assert len(report.rising) == 72
    assert report.zero_cells == 341
    assert (report.n_classes, report.n_repeated) == (6466, 1350)
    noise = {entry.metric: entry for entry in report.noise}
    # Published: 0.9-1.0 and 2.3-2.4 points; ceilings .807 .809 .805 .668 by a slightly different oracle.
    assert noise["analog_accuracy"].median_std == pytest.approx(0.9, abs=0.1)
    assert noise["analog_drift_2592000"].median_std == pytest.approx(2.35, abs=0.1)
    for name, ceiling in [
        ("analog_accuracy", 0.807),
        ("analog_drift_86400", 0.809),
        ("analog_drift_2592000", 0.805),
        ("avm", 0.668),
    ]:
        assert noise[name].ceiling_tau == pytest.approx(ceiling, abs=0.01)
    text = str(report)
    assert "No.1835" in text
    assert "341 cells" in text


def test_label_noise_recovers_a_known_spread():
    generator = np.random.default_rng(0)
    n_classes, members, sigma = 4000, 4, 2.0
    classes = np.repeat(np.arange(n_classes), members)
    truth = np.repeat(generator.normal(0, 5, n_classes), members)
    values = truth + generator.normal(0, sigma, classes.size)
    noise = label_noise("x", values, classes)
    # A pooled standard deviation with N degrees of freedom has relative error 1 / sqrt(2 N).
    assert abs(noise.pooled_std / sigma - 1) < 5 / np.sqrt(2 * n_classes * (members - 1))
    planted = label_noise("x", truth + 1.05 * (values - truth), classes)
    assert abs(planted.pooled_std / sigma - 1) > 5 / np.sqrt(2 * n_classes * (members - 1))
    # The ceiling lies below the correlation with the truth itself, which no noise blurs.
    assert noise.ceiling_tau < kendalltau(values, truth).statistic


def test_cells_alone_in_their_class_are_left_out():
    values = np.array([1.0, 3.0, 100.0, 2.0, 2.0])
    noise = label_noise("x", values, np.array([0, 0, 1, 2, 2]))
    # Variances within the two classes of several cells: 2 and 0.
    assert noise.median_std == pytest.approx(1.0)
    assert noise.pooled_std == pytest.approx(1.0)
