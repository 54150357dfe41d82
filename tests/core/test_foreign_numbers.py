"""Numbers from outside: what cannot be a measurement is missing or an error, and casts keep values."""

import time
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from analognas.core import InvalidArgumentError, Metric, TableIntegrityError
from analognas.core.foreign_numbers import as_floats, as_integers, measured, metric_range

TIME, TOP1 = Metric("board_time", "us", False), Metric("board_top1", "%", True)


@pytest.mark.parametrize(
    "values",
    [
        [3, -1, 2.5],
        (3.0, None, 2.5),
        np.array([3, -1, 2.5], np.float32),
        np.ma.masked_array([3.0, 9.0, 2.5], [False, True, False]),
        np.array([Fraction(3), None, 2.5], dtype=object),
        pd.Series([3, None, 2.5], dtype="Float64"),
    ],
)
def test_marks_of_missing_costs(values):
    np.testing.assert_array_equal(measured("edgetpu_latency", values), [3.0, np.nan, 2.5])
    with pytest.raises(
        InvalidArgumentError, match=r"(got nan|mark -1 of a missing one) at position 1; leave"
    ):
        measured("edgetpu_latency", values, missing=False)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("edgegpu_latency", -2, "positive"),
        ("cifar10/raspi4_latency", 0.0, "positive"),
        ("eyeriss_energy", -0.5, "positive"),
        ("aimc_area", 0, "positive"),
        ("eyeriss_arithmetic_intensity", -1.5, "positive"),
        ("mine_latency", -3, "positive"),
        ("board_area", -3, "positive"),
        (TIME, -3, "positive"),
        ("analog_accuracy", 100.1, "percentages from 0 to 100"),
        ("analog_accuracy", -1, "percentages from 0 to 100"),
        ("baseline_drift_60", 116.68, "percentages from 0 to 100"),
        ("analog_drift_60_std", -0.1, "from 0 to 100"),
        ("avm", -101, "from -100 to 100"),
        ("params", -1, "at least 0"),
        (TOP1, 100.5, "percentages"),
        ("avm", np.inf, "finite, but got inf"),
        ("naswot", np.inf, "finite"),
    ],
)
def test_what_cannot_be_measured(name, value, expected):
    with pytest.raises(InvalidArgumentError, match=rf"{expected}.* at position 1"):
        measured(name, [50.0, value])


def test_what_can_be_measured():
    assert measured("fpga_energy", [0.0, 1.0], zero=True).tolist() == [0.0, 1.0]
    assert measured("avm", [-2.5, 0.0]).tolist() == [-2.5, 0.0]
    assert measured("naswot", [-2000.0, 3.0]).tolist() == [-2000.0, 3.0]
    assert metric_range("analog_drift_60_std").minimum == 0


@pytest.mark.parametrize("values", [[0.91, 0.93], [1.0, 0.0], [np.nan, 0.5], [[0.2, 0.3]]])
def test_fractions_are_refused_with_the_remedy(values):
    for name in ("analog_accuracy", "cifar100/test_accuracy_200", TOP1):
        with pytest.raises(TableIntegrityError, match=r"as fractions do; multiply them by 100\.$"):
            measured(name, values, error=TableIntegrityError)
    assert measured("analog_accuracy", [0.83], whole=False).tolist() == [0.83]
    assert measured("avm", values).shape == np.shape(values)


@pytest.mark.parametrize("values", [[0.5, 1.5], [0.0, 0.0], [], [np.nan]])
def test_percentages_may_be_low(values):
    np.testing.assert_array_equal(measured("analog_accuracy", values), values)


def test_errors_name_source_and_line():
    with pytest.raises(InvalidArgumentError, match=r"'mine\.csv' must .* but got -3 in line 7\."):
        measured("a_energy", [1.0, -3.0], where="'mine.csv'", lines=[4, 7])


@pytest.mark.parametrize(
    "values",
    [["1", "2"], [True, False], [1j], [1.0, "x"], [[1.0], [2.0, 3.0]], [10**400], [object()]],
)
def test_what_is_no_number_is_not_cast(values):
    with pytest.raises(InvalidArgumentError, match=r"^x must be numbers"):
        as_floats("x", values)


def test_floats_are_a_copy():
    given = np.array([-1.0, 2.0])
    measured("a_latency", given)
    assert given.tolist() == [-1.0, 2.0]


@pytest.mark.parametrize(
    "values",
    [[1.7], [1.0], ["1"], [True], [2**64], [None], [[1], [2, 3]], np.ma.array([1], mask=[1])],
)
def test_what_is_no_integer_is_not_cast(values):
    with pytest.raises(TableIntegrityError, match=r"^token ids must be integers, but"):
        as_integers("token ids", values)


@pytest.mark.parametrize("ending", ["std", "sem"])
def test_spreads_are_no_values_of_the_metric(ending):
    """Standard errors of accuracies are below 1 point, as fractions are, and those of costs may be zero."""
    small = [0.3] * 20
    assert measured(f"top_accuracy_{ending}", small).tolist() == small
    assert measured(f"board_latency_{ending}", [0.0, 0.2]).tolist() == [0.0, 0.2]
    for name in (f"top_accuracy_{ending}", f"avm_{ending}", f"board_latency_{ending}"):
        with pytest.raises(InvalidArgumentError, match="but got -2"):
            measured(name, [0.1, -2.0])


def test_labels_may_be_floats_and_truth_values():
    assert as_integers("y", [1.0, 0.0], labels=True).tolist() == [1, 0]
    assert as_integers("y", [True, False], labels=True).dtype == np.int64
    for value in (0.5, np.nan, np.inf, 2.0**54):
        with pytest.raises(
            TableIntegrityError, match="^y must be whole numbers, but got .* at position 1"
        ):
            as_integers("y", [1.0, value], labels=True)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ([1, 1_099_511_627_779], "1099511627779 at position 1"),
        (np.array([2**63], np.uint64), f"{2**63} at position 0"),
        ([[0, 1], [2, -1]], r"-1 at position \(1, 1\)"),
    ],
)
def test_integers_are_in_range_before_they_are_cast(values, place):
    with pytest.raises(TableIntegrityError, match=f"from 0 to 99, but got {place}"):
        as_integers("token ids", values, minimum=0, maximum=99)
    assert as_integers("x", np.arange(3, dtype=np.uint64)).tolist() == [0, 1, 2]
    assert as_integers("x", np.empty(0, np.uint8)).dtype == np.int64


def test_lists_of_the_same_lists():
    """A few hundred bytes of a pickle that are more entries than memory holds."""
    twice, deep, endless = [1], [1], []
    for _ in range(40):
        twice = [twice, twice]
    for _ in range(100_000):
        deep = [deep]
    endless.append(endless)
    for values in (twice, endless):
        start = time.monotonic()
        with pytest.raises(InvalidArgumentError, match="x must be"):
            as_floats("x", values)
        with pytest.raises(TableIntegrityError, match="x must be"):
            as_integers("x", values)
        assert time.monotonic() - start < 1
    np.testing.assert_array_equal(as_integers("x", [[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    shared = [1.0, 2.0]
    np.testing.assert_array_equal(as_floats("x", [shared] * 3), [[1, 2]] * 3)
