import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError
from analognas.data.splits import check_classes, stratified_indices, without


@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    part=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
def test_proportions_hold_to_one_example(counts, part, seed):
    targets = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    size = round(part * len(targets))
    chosen = stratified_indices(targets, size, seed=seed, stream="x")
    assert len(set(chosen.tolist())) == size
    found = torch.bincount(targets[chosen], minlength=len(counts))
    if size >= len(counts):
        assert (found >= 1).all()
        # One example of each class comes first; those that are left share in proportion.
        assert ((found - size * torch.tensor(counts) / len(targets)).abs() <= len(counts)).all()


def test_equal_classes_are_shared_equally():
    targets = torch.arange(1000) % 10
    chosen = stratified_indices(targets, 130, seed=0, stream="x")
    assert torch.bincount(targets[chosen]).tolist() == [13] * 10


def test_the_choice_is_random_within_a_class():
    # All in one class: the mean index of m of n without repetition has the standard error below.
    n, m = 10_000, 1000
    chosen = stratified_indices(torch.zeros(n, dtype=torch.int64), m, seed=0, stream="x")
    error = ((n * n - 1) / 12 / m * (n - m) / (n - 1)) ** 0.5
    assert abs(chosen.double().mean() - (n - 1) / 2) < 5 * error
    assert (
        abs(torch.arange(m).double().mean() - (n - 1) / 2) > 5 * error
    )  # the first m would not do


def test_streams_are_independent():
    targets = torch.arange(100) % 2
    one, other = (stratified_indices(targets, 20, seed=0, stream=name) for name in ("a", "b"))
    assert not torch.equal(one, other)


@given(st.sets(st.integers(0, 19)))
def test_without(chosen):
    rest = without(torch.tensor(sorted(chosen), dtype=torch.int64), 20)
    assert rest.tolist() == sorted(set(range(20)) - chosen)


def test_many_missing_classes_are_shortened():
    with pytest.raises(InvalidArgumentError, match="none of 1, 2, 3, 4, 5 and 4 more"):
        check_classes("x", torch.zeros(3, dtype=torch.int64), 10, complete=True)
    with pytest.raises(InvalidArgumentError, match="none of dog"):
        check_classes(
            "x", torch.zeros(3, dtype=torch.int64), 2, complete=True, names=("cat", "dog")
        )
