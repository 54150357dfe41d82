"""Many architectures at once: read as one array, or one by one, they are the same."""

import re

import numpy as np
import pytest

from analognas.core import OutOfSpaceError


def forms(space, rows):
    """One population in every form that may be read as a whole."""
    indices = space.indices(rows)
    cells = rows.tolist()
    return {
        "matrix": rows,
        "vector": indices,
        "unsigned vector": indices.astype(np.uint16),
        "list of indices": indices.tolist(),
        "lists": cells,
        "tuples": [tuple(cell) for cell in cells],
        "both": [tuple(cell) if i % 2 else cell for i, cell in enumerate(cells)],
    }


def test_whole_arrays_are_read_as_architectures_one_by_one(space):
    rows = space.sample(200, generator=np.random.default_rng(0))
    for name, form in forms(space, rows).items():
        found = space.population(form)
        assert found.dtype == space.dtype, name
        np.testing.assert_array_equal(found, np.stack([space.encode(one) for one in form]), name)
        np.testing.assert_array_equal(found, rows, name)


def test_every_published_index(space):
    space.from_indices([0, 1])[:] = 0  # what comes back is the caller's own
    rows = space.population(np.arange(space.size))
    np.testing.assert_array_equal(rows, [space.encode(i) for i in range(space.size)])


@pytest.mark.parametrize(
    ("population", "message"),
    [
        (np.array([0, 15_625]), "lies in 0..15624, but got 15625"),
        (np.array([5, -1]), "lies in 0..15624, but got -1"),
        ([0, 15_625], "lies in 0..15624, but got 15625"),
        ([0, 2**70], f"but got {2**70}"),
        ([0, True], "but got True"),
        (np.array([1.0, 2.0]), "six operations"),
        (np.array([0, 1, 2, 3, 4, 0]), "put a single architecture into a list"),
        ([0, 1, 2, 3, 4, 0], "put a single architecture into a list"),
        ([[0] * 6, [0] * 5], "has 6 operations, but got 5"),
        ([[0] * 6, [0, 0, 0, 0, 0, 9]], "Unknown operation 9 at position 5"),
        (np.array([[0] * 6, [0, 0, 0, 0, 0, -1]]), r"Unknown operation -1 at position 5 .* of \(0, 0,"),
        ([[0] * 6, [0, 0, 0, 0, 0, 1.5]], "integers, but got 1.5"),
        ([[0] * 6, [0, 0, 0, 0, 0, "1"]], "integers, but got '1'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(space, population, message):
    with pytest.raises(OutOfSpaceError, match=message) as raised:
        space.population(population)
    assert not re.search(r"np\.|int64", str(raised.value))


@pytest.mark.parametrize(
    "empty", [[], (), np.empty((0, 6), dtype=np.int8), np.array([], dtype=int)]
)
def test_nobody(space, empty):
    assert space.population(empty).shape == (0, 6)
