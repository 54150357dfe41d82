import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import OutOfSpaceError
from analognas.spaces.config import Choices, ContinuousInterval, IntegerInterval

finite = st.floats(-1e6, 1e6)


@given(finite, finite, st.integers(2, 40_000), st.data())
def test_grid_points_are_their_own_nearest(a, b, levels, data):
    low, high = sorted((a, b))
    if high - low < 1e-3 * max(1, abs(low), abs(high)):
        return
    entry = ContinuousInterval("x", low, high, levels=levels)
    index = data.draw(st.integers(0, levels - 1))
    assert entry.index(entry.value(index)) == index
    assert low <= entry.value(index) <= high
    assert (entry.value(0), entry.value(levels - 1)) == (pytest.approx(low), pytest.approx(high))


@given(st.floats(1e-9, 1e6), st.floats(1.01, 1e9), st.floats(0, 1))
def test_any_value_is_taken_as_the_nearest_grid_point(low, ratio, share):
    entry = ContinuousInterval("x", low, low * ratio, log=True)
    value = low * ratio**share
    taken = entry.value(entry.index(min(value, entry.max_value)))
    # Half a step of the logarithm, and the twelfth digit.
    assert abs(np.log(taken / value)) <= 0.5 * np.log(ratio) / 30_000 + 1e-10


def test_round_numbers_are_round():
    width = ContinuousInterval("widenfact", 0.5, 0.8)
    rate = ContinuousInterval("rate", 1e-4, 1e-1, log=True)
    for value in (0.5, 0.55, 0.6, 0.65, 0.7, 0.8):
        assert width.value(width.index(value)) == value
    for value in (0.0001, 0.001, 0.01, 0.1):
        assert rate.value(rate.index(value)) == value
    assert repr(rate) == "rate: a number from 0.0001 to 0.1 on a logarithmic scale"


@pytest.mark.parametrize("value", [0.49, 0.81, float("nan"), float("inf"), "0.6", None, True])
def test_values_outside_an_interval(value):
    with pytest.raises(OutOfSpaceError, match=r"`w` must be a number from 0.5 to 0.8, but got"):
        ContinuousInterval("w", 0.5, 0.8).index(value)


def test_integers_in_steps():
    entry = IntegerInterval("R", 1, 10, step=4)
    assert entry.values(range(entry.n_choices)).tolist() == [1, 5, 9]
    assert [entry.index(value) for value in (1, np.int64(5), 9.0)] == [0, 1, 2]
    for value in (2, 10, 13, -3, 1.5, "1", False):
        with pytest.raises(OutOfSpaceError, match="from 1 to 10 in steps of 4"):
            entry.index(value)
    assert IntegerInterval("seed", 0, 2**31 - 1).value(2**31 - 1) == 2**31 - 1


def test_choices_of_any_plain_kind():
    entry = Choices("x", [1, True, "1", 2.5, (16, 32), [16, 64]])
    for index, value in enumerate([1, True, "1", 2.5, (16, 32), (16, 64)]):
        assert entry.value(index) == value
        assert type(entry.value(index)) is type(value)
        assert entry.index(value) == index
    assert entry.index(np.float64(2.5)) == 3
    assert entry.index([16, 32]) == 4
    assert entry.values([4, 0]).tolist() == [(16, 32), 1]
    for value in (False, "2", (16,), None, {}):
        with pytest.raises(OutOfSpaceError, match="must be one of 1, True"):
            entry.index(value)


def test_long_lists_are_abridged():
    assert Choices("x", range(100)).range_text() == "one of 0, 1, 2, ..., 99"


def test_columns_from_the_table_equal_single_values():
    for log in (False, True):
        entry = ContinuousInterval("x", 1e-3, 2, log=log)
        indices = np.random.default_rng(0).integers(entry.n_choices, size=20_000)
        column = entry.values(indices)
        assert column[:200].tolist() == [entry.value(index) for index in indices[:200].tolist()]
        assert (np.diff(entry.values(np.arange(entry.n_choices))) > 0).all()
