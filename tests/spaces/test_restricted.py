"""Spaces of which only some architectures can be had: moves stay among them, everything else is that of the whole."""

import pickle

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, OutOfSpaceError
from analognas.spaces import (
    ConfigSpace,
    FBNetSpace,
    NASBench201Space,
    ResNetSpace,
    common_space,
    encode_features,
    encodings_of,
    latin_hypercube,
    restricted,
)


def mlp():
    space = ConfigSpace(name="mlp")
    space.add_hyperparameter("depth", "discrete", 1, 5)
    space.add_hyperparameter_range("width", "discrete", [16, 32, 64])
    space.add_hyperparameter("dropout", "continuous", 0.0, 0.5, when=("depth", ">", 1))
    return space


SPACES = {"cells": NASBench201Space, "resnet": ResNetSpace, "fbnet": FBNetSpace, "mlp": mlp}


@pytest.fixture(params=list(SPACES))
def pair(request):
    whole = SPACES[request.param]()
    rows = whole.sample(60, generator=np.random.default_rng(1), unique=True)
    return whole, rows, restricted(whole, rows)


def test_moves_stay_among_the_architectures(pair):
    whole, rows, space = pair
    generator = np.random.default_rng(0)
    known = set(whole.codes(rows).tolist())
    parents = space.sample(200, generator=generator)
    children = space.mutate(parents, generator=generator)
    crossed = space.crossover(parents, children, generator=generator)
    near = space.neighbours(parents[0])
    for population in (
        parents,
        children,
        crossed,
        near,
        space.every(),
        space.nearest(whole.sample(50, generator=generator)),
    ):
        assert set(whole.codes(population).tolist()) <= known
    assert (children != parents).any(axis=1).all()
    assert len(near) >= 8
    assert not (near == parents[0]).all(axis=1).any()
    assert space.allowed(latin_hypercube(space, 30, generator=generator)).all()


def test_repeated_mutation_reaches_every_architecture(pair):
    _, rows, space = pair
    generator = np.random.default_rng(0)
    population, seen = space.every()[:1].repeat(50, axis=0), set()
    for _ in range(60):
        population = space.mutate(population, generator=generator)
        seen.update(space.codes(population).tolist())
    assert len(seen) == len(rows)


def test_near_architectures_are_proposed_more_often(pair):
    _, _, space = pair
    here = space.every()[:1]
    children = space.mutate(here.repeat(4000, axis=0), generator=np.random.default_rng(0))
    counts = np.bincount(space.codes(children), minlength=space.size)
    order = space._near(np.arange(space.size))[0]
    assert counts[order[0]] > 1.5 * counts[order[10]] > 0
    expected = 4000 * (0.9 / 8 / (1 - (7 / 8) ** 32) + 0.1 / 59)
    assert counts[order[0]] == pytest.approx(expected, abs=5 * expected**0.5)


def test_neighbours_are_mutual(pair):
    _, _, space = pair
    for row in space.every()[:10]:
        for other in space.neighbours(row):
            assert (space.neighbours(other) == row).all(axis=1).any()


def test_mutation_of_some_genes_changes_one_of_them(pair):
    whole, _, space = pair
    genes = np.zeros(whole.n_genes, dtype=bool)
    genes[0] = True
    parents = space.sample(100, generator=np.random.default_rng(0))
    children = space.mutate(parents, generator=np.random.default_rng(0), genes=genes)
    moved = (children != parents).any(axis=1)
    assert moved.any()
    assert (children[moved, 0] != parents[moved, 0]).all()


def test_codes_number_the_architectures(pair):
    whole, rows, space = pair
    assert space.size == len(space) == space.n_genotypes == 60
    codes = space.codes(rows)
    assert sorted(codes.tolist()) == list(range(60))
    assert (space.from_codes(codes) == rows).all()
    assert (space.every() == rows[np.argsort(whole.codes(rows))]).all()
    assert space.is_architecture().all()


def test_everything_else_is_that_of_the_whole_space(pair):
    whole, rows, space = pair
    assert isinstance(space, type(whole))
    assert (space.name, space.fingerprint()) == (whole.name, whole.fingerprint())
    assert encodings_of(space) == encodings_of(whole)
    for encoding in encodings_of(whole):
        assert (
            encode_features(space, rows, encoding) == encode_features(whole, rows, encoding)
        ).all()
    if hasattr(whole, "params"):
        assert (space.params(rows) == whole.params(rows)).all()
    classes = whole.isomorphism_class(rows)
    if classes is None:
        assert space.isomorphism_class(rows) is None
    else:
        assert (space.isomorphism_class(rows) == classes).all()
    if hasattr(whole, "indices"):
        assert (space.indices(rows) == whole.indices(rows)).all()
    assert space.describe(rows[0]) == whole.describe(rows[0])
    assert space.decode(rows[0]) == whole.decode(rows[0])


def test_other_architectures_are_errors(pair):
    whole, rows, space = pair
    known = set(whole.codes(rows).tolist())
    drawn = whole.sample(200, generator=np.random.default_rng(2))
    other = next(row for row in drawn if whole.codes(row[None])[0] not in known)
    for ask in (
        lambda: space.encode(whole.decode(other)),
        lambda: space.population(other[None]),
        lambda: space.codes(other[None]),
    ):
        with pytest.raises(OutOfSpaceError, match="60 architectures"):
            ask()
    assert not space.allowed(other[None])[0]


def test_it_is_pickled_and_restricted_again(pair):
    whole, rows, space = pair
    again = pickle.loads(pickle.dumps(space))
    assert again.restriction == space.restriction
    assert (again.every() == space.every()).all()
    smaller = restricted(space, rows[:5])
    assert smaller.size == 5
    assert restricted(whole, rows[:5]).restriction == smaller.restriction
    with pytest.raises(OutOfSpaceError):
        restricted(smaller, rows)


def test_equal_generators_make_equal_moves(pair):
    _, _, space = pair
    parents = space.sample(20, generator=np.random.default_rng(3))
    one, two = (space.mutate(parents, generator=np.random.default_rng(4)) for _ in range(2))
    assert (one == two).all()


def test_the_common_space_is_the_smaller_one(pair):
    whole, rows, space = pair
    smaller = restricted(whole, rows[:10])
    assert common_space(whole, whole) is whole
    assert common_space(whole, space) is common_space(space, whole) is space
    assert common_space(space, smaller) is common_space(smaller, space) is smaller
    with pytest.raises(InvalidArgumentError, match="neither contains"):
        common_space(restricted(whole, rows[5:20]), smaller)


def test_one_architecture_is_no_space():
    with pytest.raises(InvalidArgumentError, match="at least 2"):
        restricted(NASBench201Space(), [5, 5])


def test_a_restricted_space_cannot_grow():
    space = restricted(mlp(), [{"depth": 1, "width": 16}, {"depth": 1, "width": 32}])
    with pytest.raises(InvalidArgumentError, match="restricted"):
        space.add_hyperparameter("lr", "discrete", 1, 3)
    assert (
        mlp().size
        == restricted(mlp(), mlp().sample(9, generator=np.random.default_rng(0)))._whole.size
    )
