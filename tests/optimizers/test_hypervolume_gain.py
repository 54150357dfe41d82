import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analognas.evaluators import REFERENCE, Scale, hypervolume
from analognas.optimizers.hypervolume_gain import FreeBoxes


@st.composite
def fronts(draw):
    k = draw(st.integers(1, 4))
    n, m = draw(st.integers(0, 10)), draw(st.integers(1, 6))
    values = st.integers(0, 6).map(lambda x: x / 5)
    return draw(arrays(np.float64, (n, k), elements=values)), draw(
        arrays(np.float64, (m, k), elements=values)
    )


@given(fronts())
def test_gains_are_differences_of_hypervolumes(case):
    front, points = case
    k = points.shape[1]
    unit = Scale(np.zeros(k), np.ones(k))
    boxes = FreeBoxes(front, np.full(k, REFERENCE), np.full(k, -1.0))
    before = hypervolume(front, unit)
    expected = [hypervolume(np.vstack([front, point]), unit) - before for point in points]
    np.testing.assert_allclose(boxes.gains(points), expected, atol=1e-12)


@given(fronts())
def test_boxes_fill_what_the_front_leaves_free(case):
    front, _ = case
    k = front.shape[1]
    boxes = FreeBoxes(front, np.full(k, REFERENCE), np.full(k, -1.0))
    free = np.prod(boxes.high - boxes.low, axis=1).sum()
    taken = hypervolume(front, Scale(np.zeros(k), np.ones(k)))
    assert free + taken == pytest.approx((REFERENCE + 1) ** k, rel=1e-12)


def test_better_than_the_floor_counts_as_the_floor():
    boxes = FreeBoxes(np.array([[0.5, 0.5]]), np.ones(2), np.zeros(2))
    assert boxes.gains(np.array([[-9.0, -9.0], [0.0, 0.0]])).tolist() == [0.75, 0.75]


def test_many_points_are_done_in_parts(monkeypatch):
    from analognas.optimizers import hypervolume_gain

    generator = np.random.default_rng(0)
    front, points = generator.random((20, 3)), generator.random((500, 3))
    boxes = FreeBoxes(front, np.ones(3), np.zeros(3))
    whole = boxes.gains(points)
    monkeypatch.setattr(hypervolume_gain, "_CHUNK", 700)
    np.testing.assert_array_equal(boxes.gains(points), whole)
