import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.spaces import ConfigSpace, NASBench201Space, latin_hypercube, sobol


@pytest.fixture
def space():
    made = ConfigSpace()
    made.add_hyperparameter("M", "discrete", 1, 4)
    made.add_hyperparameter("rate", "continuous", 0, 1)
    made.add_hyperparameter("R", "discrete", 1, 8, when=("M", ">", 2))
    return made


@pytest.mark.parametrize("plan", [latin_hypercube, sobol])
def test_genes_run_through_their_choices_evenly(space, plan):
    rows = plan(space, 64, generator=np.random.default_rng(0))
    assert np.bincount(rows[:, 0]).tolist() == [16] * 4
    # A continuous gene has one point in each 64th of its range.
    strata = ((rows[:, 1] + 0.5) * 64 / 30_001).astype(int)
    assert sorted(strata.tolist()) == list(range(64))
    assert (rows[rows[:, 0] < 2, 2] == 0).all()
    again = plan(space, 64, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(rows, again)
    random = space.sample(64, generator=np.random.default_rng(0))
    assert np.bincount(random[:, 0]).tolist() != [16] * 4


@pytest.mark.parametrize("n", [1, 2, 3, 100, 257])
@pytest.mark.parametrize("plan", [latin_hypercube, sobol])
def test_any_number_of_points(space, plan, n):
    assert plan(space, n, generator=np.random.default_rng(0)).shape == (n, 3)


def test_latin_hypercube_is_even_for_any_number(space):
    counts = np.bincount(latin_hypercube(space, 30, generator=np.random.default_rng(0))[:, 0])
    assert sorted(counts.tolist()) in ([7, 7, 8, 8], [7, 8, 7, 8], [7, 7, 8, 8])


def test_sobol_covers_pairs_of_genes():
    cells = NASBench201Space()
    pairs = np.zeros((2, 64, 64), dtype=int)
    for number, plan in enumerate([sobol, latin_hypercube]):
        made = ConfigSpace()
        made.add_hyperparameter("a", "discrete", 0, 63)
        made.add_hyperparameter("b", "discrete", 0, 63)
        rows = plan(made, 64, generator=np.random.default_rng(0))
        np.add.at(pairs[number], (rows[:, 0], rows[:, 1]), 1)
    blocks = pairs.reshape(2, 8, 8, 8, 8).sum(axis=(2, 4))
    assert (blocks[0] == 1).all()
    assert (blocks[1] != 1).any()
    assert len(sobol(cells, 100, generator=np.random.default_rng(0))) == 100


def test_forbidden_rows_are_replaced(space):
    space.add_forbidden({"M": [1, 2, 3]})
    for plan in (latin_hypercube, sobol):
        assert (plan(space, 40, generator=np.random.default_rng(0))[:, 0] == 3).all()


def test_bad_requests(space):
    generator = np.random.default_rng(0)
    for plan in (latin_hypercube, sobol):
        with pytest.raises(InvalidArgumentError, match="`n` must be an integer of at least 1"):
            plan(space, 0, generator=generator)
