import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError, OutOfSpaceError
from analognas.spaces import Space


class Toy(Space):
    """Genes of different sizes, one of them fixed."""

    def __init__(self, n_choices=(3, 1, 7, 2)):
        super().__init__("toy", n_choices)

    def encode(self, arch):
        row = np.array(arch, dtype=np.int64)
        if row.shape != (self.n_genes,) or (row < 0).any() or (row >= self.n_choices).any():
            raise OutOfSpaceError(f"not in toy: {arch!r}")
        return row.astype(self.dtype)

    def decode(self, row):
        return tuple(np.asarray(row).tolist())

    def describe(self, row):
        return {"architecture": list(self.decode(row))}

    def build(self, arch, input_shape=(3, 32, 32), n_classes=10):
        raise NotImplementedError


sizes = st.lists(st.integers(1, 9), min_size=1, max_size=7).filter(lambda s: max(s) > 1)
seeds = st.integers(0, 2**32 - 1)


@given(sizes, seeds)
def test_moves_stay_inside_and_do_what_they_say(n_choices, seed):
    space, generator = Toy(n_choices), np.random.default_rng(seed)
    parents = space.sample(50, generator=generator)
    children = space.mutate(parents, generator=generator)
    space.population(children)
    assert ((children != parents).sum(axis=1) == 1).all()
    fathers = space.sample(50, generator=generator)
    mixed = space.crossover(parents, fathers, generator=generator)
    assert ((mixed == parents) | (mixed == fathers)).all()


@given(sizes, seeds)
def test_codes_are_a_bijection_in_genotype_order(n_choices, seed):
    space = Toy(n_choices)
    codes = np.arange(min(space.size, 3000))
    population = space.from_codes(codes)
    np.testing.assert_array_equal(space.codes(population), codes)
    rows = [space.decode(row) for row in population]
    assert rows == sorted(rows)
    assert len(set(rows)) == len(rows)


@given(sizes, seeds)
def test_neighbours(n_choices, seed):
    space = Toy(n_choices)
    row = space.sample(1, generator=np.random.default_rng(seed))[0]
    around = space.neighbours(row)
    expected = (
        [
            other
            for other in map(space.decode, space.from_codes(np.arange(space.size)))
            if sum(a != b for a, b in zip(other, row, strict=True)) == 1
        ]
        if space.size <= 5000
        else None
    )
    if expected is not None:
        assert sorted(map(space.decode, around)) == expected
    for other in around[:5]:
        assert space.decode(row) in set(map(space.decode, space.neighbours(other)))


def test_sampling_and_mutation_are_uniform():
    space, n = Toy(), 40_000
    generator = np.random.default_rng(0)

    def off(observed, p):
        # A count of n trials has standard error sqrt(n p (1 - p)).
        return np.abs(observed - n * p) / np.sqrt(n * p * (1 - p))

    counts = np.bincount(space.codes(space.sample(n, generator=generator)), minlength=space.size)
    assert off(counts, 1 / space.size).max() < 5
    parent = np.zeros((n, 4), dtype=np.int8)
    children = space.mutate(parent, generator=generator)
    changed = (children != 0).sum(axis=0)
    assert changed[1] == 0
    assert off(changed[[0, 2, 3]], 1 / 3).max() < 5
    steps = np.bincount(children[:, 2], minlength=7)[1:]
    assert off(steps, 1 / 18).max() < 5
    assert off(steps * 1.1, 1 / 18).max() > 5  # a bias of 10 % would be seen


def test_crossover_draws_every_gene_by_itself():
    n, genes = 4000, 4
    mothers, fathers = np.zeros((n, genes), dtype=np.int8), np.ones((n, genes), dtype=np.int8)
    children = Toy().crossover(mothers, fathers, generator=np.random.default_rng(0))
    # Each of the 2^4 combinations is as likely as any other.
    counts = np.bincount(children @ (1 << np.arange(genes)), minlength=16)
    p = 1 / 16
    assert np.abs(counts - n * p).max() < 5 * np.sqrt(n * p * (1 - p))


def test_unique_sample():
    space = Toy()
    drawn = space.sample(space.size, generator=np.random.default_rng(0), unique=True)
    assert len(set(map(space.decode, drawn))) == space.size == len(space)
    with pytest.raises(InvalidArgumentError, match="`n` must be at most 42"):
        space.sample(43, generator=np.random.default_rng(0), unique=True)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 3), dtype=int),
        np.zeros((2, 4)),
        np.array([[0, 0, 0, 0], [0, 0, 7, 0]]),
        np.array([[0, 0, 0, -1]]),
        np.array([[0, 0, 256, 0]]),
        np.array([[0, 0, 2**40, 0]]),
        "0000",
        7,
    ],
)
def test_population_refuses(bad):
    with pytest.raises(OutOfSpaceError):
        Toy().population(bad)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_population_accepts_every_integer_type(dtype):
    rows = Toy().population(np.array([[2, 0, 6, 1]], dtype=dtype))
    assert rows.dtype == np.int8
    assert Toy().population([(2, 0, 6, 1)]).tolist() == rows.tolist()


def test_a_single_genotype_is_no_population():
    for form in ((2, 0, 6, 1), [2, 0, 6, 1], np.array([2, 0, 6, 1])):
        with pytest.raises(OutOfSpaceError, match="put a single architecture into a list"):
            Toy().population(form)


@pytest.mark.parametrize("n_choices", [[1, 1], [1]])
def test_spaces_without_moves_are_refused(n_choices):
    with pytest.raises(InvalidArgumentError, match="at least 2 genotypes, but 'toy' has 1"):
        Toy(n_choices)


@pytest.mark.parametrize("n_choices", [[3, 0], [3, 2**31 + 1], [3, 2.5]])
def test_bad_numbers_of_choices(n_choices):
    with pytest.raises(InvalidArgumentError, match="`n_choices`"):
        Toy(n_choices)


@pytest.mark.parametrize(
    ("largest", "dtype"),
    [(2, "int8"), (128, "int8"), (129, "int16"), (2**15, "int16"), (2**15 + 1, "int32"), (2**31, "int32")],
)  # fmt: skip
def test_dtype_holds_every_index(largest, dtype):
    space = Toy([3, largest])
    assert space.dtype == dtype
    row = space.population([(2, largest - 1)])
    assert row.dtype == dtype
    assert space.decode(row[0]) == (2, largest - 1)
    assert space.sample(3, generator=np.random.default_rng(0)).dtype == dtype
    with pytest.raises(OutOfSpaceError):
        space.population(np.array([[0, largest]]))


wide = st.lists(st.sampled_from([1, 2, 9, 127, 128, 129, 40_000, 2**31]), min_size=1, max_size=9).filter(lambda s: max(s) > 1)  # fmt: skip


@given(wide, seeds)
def test_keys_of_any_space_identify_and_sort_rows(n_choices, seed):
    space = Toy(n_choices)
    assert space.has_integer_codes == (space.size < 2**63)
    rows = space.sample(30, generator=np.random.default_rng(seed))
    rows = np.concatenate([rows, rows[:5], np.zeros_like(rows[:1]), space.n_choices[None] - 1])
    rows = rows.astype(space.dtype)
    codes = space.codes(rows)
    np.testing.assert_array_equal(space.from_codes(codes), rows)
    np.testing.assert_array_equal(space.from_codes(codes.tolist()), rows)
    by_code = [space.decode(rows[at]) for at in np.argsort(codes, kind="stable")]
    assert by_code == sorted(map(space.decode, rows))
    assert len(set(codes.tolist())) == len(set(map(space.decode, rows)))


def test_a_space_beyond_64_bits():
    space = Toy([9] * 22)
    assert space.size == 9**22 > 2**63
    assert space.codes(np.zeros((2, 22), dtype=np.int8)).dtype == "S22"
    drawn = space.sample(500, generator=np.random.default_rng(0), unique=True)
    assert len(set(space.codes(drawn).tolist())) == 500
    assert bool(space)
    with pytest.raises(InvalidArgumentError, match="genotypes can be listed"):
        space.every()


@pytest.mark.parametrize(
    ("n", "generator", "message"),
    [
        (-1, np.random.default_rng(0), "`n` must be an integer of at least 0, but got -1"),
        (2.5, np.random.default_rng(0), "`n` must be an integer"),
        (2, 3, r"`generator` must be a numpy.random.Generator, such as .* but got 3"),
        (2, np.random, "`generator` must be a numpy.random.Generator"),
    ],
)
@pytest.mark.parametrize("unique", [False, True])
def test_bad_draws(n, generator, message, unique):
    with pytest.raises(InvalidArgumentError, match=message):
        Toy([2, 3]).sample(n, generator=generator, unique=unique)


def test_largest_space():
    space = Toy([2] * 62)
    rows = space.sample(100, generator=np.random.default_rng(0))
    assert space.size == 2**62
    np.testing.assert_array_equal(space.from_codes(space.codes(rows)), rows)


def test_empty_population():
    assert Toy().population([]).shape == (0, 4)
