"""Spaces with very many values or conditions: neither memory nor time grows with the values, nor wildly at all."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError
from analognas.spaces import ConfigSpace
from analognas.spaces.config.index_sets import IndexSet

BIG = """
hyperparameters:
  p: {type: discrete, min_value: 0, max_value: 2147483647}
  q: {type: continuous, min_value: 0, max_value: 1, levels: 2147483648}
  a: {type: discrete, min_value: 1, max_value: 2, when: [[p, '>', 7]]}
  b: {type: discrete, min_value: 1, max_value: 2, when: [[p, '!=', 9], [p, '<=', 20]]}
  c: {type: discrete, min_value: 1, max_value: 2, when: [[p, in, [1, 2, 30000000]]]}
  d: {type: discrete, min_value: 1, max_value: 2, when: [[q, '<', 0.25]]}
forbidden: [{p: [4, 5], b: [1]}]
"""


def test_conditions_on_a_parent_of_2_to_the_31_values():
    """A mask over the values took 16 GiB."""
    tracemalloc.start()
    start = time.monotonic()
    space = ConfigSpace.from_yaml(BIG)
    rows = space.sample(500, generator=np.random.default_rng(0))
    space.sample_evenly(500, generator=np.random.default_rng(0))
    assert ConfigSpace.from_automl(space.to_automl()).get_hyperparameters() == list("pqabcd")
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert time.monotonic() - start < 2
    assert space.active(rows).all(axis=0)[:2].all()
    arch = space.decode(space.encode({"p": 1, "q": 0.125, "b": 2, "c": 1, "d": 2}))
    assert set(arch) == {"p", "q", "b", "c", "d"}
    assert set(space.decode(space.encode({"p": 9, "q": 0.25, "a": 1}))) == {"p", "q", "a"}


def test_counts_on_large_parents_are_exact():
    space = ConfigSpace()
    space.add_hyperparameter("p", "discrete", 0, 2**31 - 1)
    space.add_hyperparameter("a", "discrete", 1, 3, when=("p", ">", 7))
    assert space.size == 8 + 3 * (2**31 - 8)
    space.add_forbidden({"p": [7, 9, 10], "a": [1, 2]})
    assert space.size == 8 + 3 * (2**31 - 8) - 4  # a is not active at 7


def chain(n, extra=""):
    lines = [
        f"  h{i}: {{type: discrete, min_value: 1, max_value: 3"
        + (
            f", when: [[h{i - 1}, '==', 2]{extra.format(max(i - 2, 0)) if i > 1 else ''}]"
            if i
            else ""
        )
        + "}"
        for i in range(n)
    ]
    return "hyperparameters:\n" + "\n".join(lines)


@pytest.mark.parametrize("extra", ["", ", [h{}, in, [1, 2]]"])
def test_chains_of_800_conditions(extra):
    """Took 17 s to read."""
    start = time.process_time()
    space = ConfigSpace.from_yaml(chain(800, extra))
    assert time.process_time() - start < 8
    # Every hyperparameter but the first is active where the one before is 2: k values, then 2 others of the last.
    assert space.size == 2 * 800 + 1


def test_conditions_added_one_by_one():
    start = time.process_time()
    space = ConfigSpace()
    for i in range(400):
        space.add_hyperparameter(
            f"h{i}", "discrete", 1, 3, when=(f"h{i - 1}", "==", 2) if i else None
        )
    assert time.process_time() - start < 8
    assert space.size == 801


def test_many_conditions_on_one_parent():
    lines = [
        f"  h{i}: {{type: discrete, min_value: 1, max_value: 2, when: [[p, '>', {i}]]}}"
        for i in range(800)
    ]
    start = time.process_time()
    space = ConfigSpace.from_yaml(
        "hyperparameters:\n  p: {type: discrete, min_value: 0, max_value: 1000000}\n"
        + "\n".join(lines)
    )
    assert time.process_time() - start < 8
    assert space.size == sum(2**i for i in range(800)) + (10**6 + 1 - 800) * 2**800


def test_conditions_on_more_parents_than_an_array_has_axes():
    named = ", ".join(f"p{i}: {{type: discrete, min_value: 0, max_value: 1}}" for i in range(70))
    always = ", ".join(f"[p{i}, '>=', 0]" for i in range(70))
    space = ConfigSpace.from_yaml(
        f"hyperparameters: {{{named}, c: {{type: discrete, min_value: 0, max_value: 1, when: [{always}]}}}}"
    )
    assert "more architectures than can be counted" in str(space)
    assert space.active(space.sample(5, generator=np.random.default_rng(0))).all()


@pytest.mark.parametrize("value", ["[1, 2]", "{a: 1}", "null"])
def test_values_that_have_no_size(value):
    text = "hyperparameters: {p: {type: discrete, min_value: 0, max_value: 9}, a: {type: discrete, min_value: 0, "
    with pytest.raises(InvalidArgumentError):
        ConfigSpace.from_yaml(text + f"max_value: 9, when: [[p, '>', {value}]]}}}}")


masks = st.lists(st.booleans(), min_size=1, max_size=40)


@given(masks, st.data())
def test_sets_of_indices_are_masks(first, data):
    n = len(first)
    second = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    a, b = (IndexSet.of_mask(np.array(mask)) for mask in (first, second))
    wide = IndexSet(a.starts, a.stops, 2**31)  # looked up by its ranges
    np.testing.assert_array_equal(a[np.arange(n)], first)
    np.testing.assert_array_equal(wide[np.arange(n)], first)
    np.testing.assert_array_equal((a & b)[np.arange(n)], np.logical_and(first, second))
    np.testing.assert_array_equal(a.complement()[np.arange(n)], np.logical_not(first))
    np.testing.assert_array_equal(a.indices(), np.flatnonzero(first))
    assert (a.any(), a.all()) == (any(first), all(first))
    assert (a.key == b.key) == (first == second)
    assert not wide[2**31 - 1]


@pytest.mark.parametrize("comparison", ["<", "<=", ">", ">=", "==", "!=", "in"])
@pytest.mark.parametrize("levels", [500, 5001])
def test_ends_of_intervals_are_found_as_by_comparing_all(comparison, levels):
    space = ConfigSpace()
    space.add_hyperparameter("x", "continuous", 1e-3, 10.0, log=True, levels=levels)
    parent = space.hyperparameter("x")
    values = parent.values(np.arange(levels))
    compare = {
        "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
        "==": np.equal, "!=": np.not_equal, "in": np.equal,
    }[comparison]  # fmt: skip
    from analognas.spaces.config.conditions import Condition

    for index in (0, 1, levels // 2, levels - 1):
        value = parent.value(index)
        found = Condition("x", comparison, (value,) if comparison == "in" else value).holds(parent)
        np.testing.assert_array_equal(found[np.arange(levels)], compare(values, value))
    if comparison in ("<", ">", "<=", ">="):
        for value in (-1, 0.01234, 99, 10**400, float("1e-300")):
            found = Condition("x", comparison, value).holds(parent)
            np.testing.assert_array_equal(
                found[np.arange(levels)], compare(values, min(value, 1e300))
            )
