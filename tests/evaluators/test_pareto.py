import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analognas.core import InvalidArgumentError
from analognas.evaluators import Scale, hypervolume, igd_plus, non_dominated, quality_curve

# Few values, so that ties and repeated rows are common.
COSTS = st.integers(1, 4).flatmap(
    lambda k: st.integers(1, 12).flatmap(
        lambda n: arrays(np.float64, (n, k), elements=st.integers(0, 5).map(float))
    )
)


def unit(k):
    return Scale(np.zeros(k), np.full(k, 5.0))


def by_hand(costs):
    """Whether no other row dominates each row, by the definition."""
    return [
        not any((other <= row).all() and (other < row).any() for other in costs) for row in costs
    ]


def volume_by_cells(costs):
    """Hypervolume up to the reference, summed over the cells of a grid through all coordinates."""
    points = costs / 5.0
    ends = [np.unique(np.append(points[:, j], 1.1)) for j in range(points.shape[1])]
    total = 0.0
    for cell in np.ndindex(*[len(end) - 1 for end in ends]):
        low = np.array([end[i] for end, i in zip(ends, cell, strict=True)])
        high = np.array([end[i + 1] for end, i in zip(ends, cell, strict=True)])
        if (points <= low).all(axis=1).any():
            total += np.prod(high - low)
    return total


@given(COSTS)
def test_the_front_is_the_non_dominated_set(costs):
    assert non_dominated(costs).tolist() == by_hand(costs)


@given(COSTS, st.data())
def test_only_feasible_and_measured_rows_take_part(costs, data):
    feasible = data.draw(arrays(bool, len(costs)))
    gone = data.draw(arrays(bool, len(costs)))
    holed = costs.copy()
    holed[gone, 0] = np.nan
    part = feasible & ~gone
    front = non_dominated(holed, feasible)
    assert not front[~part].any()
    assert front[part].tolist() == by_hand(costs[part])


@given(COSTS)
def test_hypervolume_is_the_dominated_volume(costs):
    # Coordinates of a cell are exact to a few units in the last place; there are at most 6^4 of them.
    assert hypervolume(costs, unit(costs.shape[1])) == pytest.approx(
        volume_by_cells(costs), abs=1e-12
    )


@given(COSTS, st.randoms())
def test_hypervolume_does_not_depend_on_order_and_never_falls(costs, random):
    scale = unit(costs.shape[1])
    order = list(range(len(costs)))
    random.shuffle(order)
    whole = hypervolume(costs, scale)
    assert hypervolume(costs[order], scale) == pytest.approx(whole, abs=1e-12)
    assert hypervolume(costs[:-1], scale) <= whole + 1e-12
    assert hypervolume(costs[non_dominated(costs)], scale) == pytest.approx(whole, abs=1e-12)


@given(COSTS, st.data())
def test_curve_is_the_quality_of_every_prefix(costs, data):
    feasible = data.draw(arrays(bool, len(costs)))
    scale = unit(costs.shape[1])
    curve = quality_curve(costs, feasible, lambda front: hypervolume(front, scale), 0.0)
    expected = [hypervolume(costs[: n + 1][feasible[: n + 1]], scale) for n in range(len(costs))]
    np.testing.assert_allclose(curve, expected, atol=1e-12)
    assert (np.diff(curve) >= 0).all()


def test_a_dominated_row_planted_into_a_front_is_found():
    costs = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1e-9]])
    assert non_dominated(costs).tolist() == [True, True, False]


def test_nothing_beyond_the_reference_counts():
    scale = unit(2)
    assert hypervolume(np.array([[5.5, 0.0], [0.0, 6.0]]), scale) == 0.0
    assert hypervolume(np.empty((0, 2)), scale) == 0.0
    assert hypervolume(np.array([[0.0, 0.0]]), scale) == pytest.approx(1.21)


def test_scale_is_that_of_the_front():
    scale = Scale.of(np.array([[0.0, 4.0], [2.0, 1.0], [9.0, 9.0]]))
    assert (scale.ideal.tolist(), scale.nadir.tolist()) == ([0.0, 1.0], [2.0, 4.0])
    np.testing.assert_array_equal(scale.normalised([[1.0, 2.5]]), [[0.5, 0.5]])
    flat = Scale.of(np.array([[3.0, 4.0]]))
    np.testing.assert_array_equal(flat.normalised([[4.0, 4.0]]), [[1.0, 0.0]])
    with pytest.raises(InvalidArgumentError, match="at least one feasible point"):
        Scale.of(np.full((2, 2), np.nan))


def test_igd_plus():
    front = np.array([[0.0, 1.0], [1.0, 0.0]])
    scale = Scale.of(front)
    assert igd_plus(front, front, scale) == 0.0
    # Only what is worse counts: (0.5, 0.5) is half a unit worse than either in one objective.
    assert igd_plus(np.array([[0.5, 0.5]]), front, scale) == pytest.approx(0.5)
    assert igd_plus(front + 0.25, front, scale) == pytest.approx(np.hypot(0.25, 0.25))
