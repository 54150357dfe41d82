import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError
from analognas.spaces import ConfigSpace
from analognas.spaces.config import counting

seeds = st.integers(0, 2**32 - 1)


def random_space(seed):
    """Up to six hyperparameters of up to four values under random constraints."""
    draw = np.random.default_rng(seed)
    space = ConfigSpace(name="random")
    sizes = draw.integers(2, 5, size=draw.integers(2, 7)).tolist()
    for gene, size in enumerate(sizes):
        when = [
            (
                f"x{other}",
                str(draw.choice(["==", "!=", ">=", "<="])),
                int(draw.integers(sizes[other])),
            )
            for other in range(gene)
            if draw.random() < 0.4
        ]
        space.add_hyperparameter(f"x{gene}", "discrete", 0, size - 1, when=when)
    for _ in range(draw.integers(0, 4)):
        genes = draw.choice(len(sizes), size=min(2, len(sizes)), replace=False)
        clause = {
            f"x{gene}": draw.choice(
                sizes[gene], size=draw.integers(1, sizes[gene]), replace=False
            ).tolist()
            for gene in genes
        }
        try:
            space.add_forbidden(clause)
        except InvalidArgumentError as error:
            assert "would leave no architecture" in str(error)  # noqa: PT017
    return space


def by_hand(space):
    """Architectures found by trying every combination on the definition itself."""
    definition = space.definition()
    names = list(definition["hyperparameters"])
    compare = {"==": lambda a, b: a == b, "!=": lambda a, b: a != b, ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b}  # fmt: skip
    found = set()
    ranges = [range(entry["max_value"] + 1) for entry in definition["hyperparameters"].values()]
    for values in itertools.product(*ranges):
        arch = {}
        for name, value in zip(names, values, strict=True):
            when = definition["hyperparameters"][name].get("when", [])
            if all(
                parent in arch and compare[how](arch[parent], than) for parent, how, than in when
            ):
                arch[name] = value
        if not any(all(arch.get(n) in v for n, v in clause.items()) for clause in definition.get("forbidden", [])):  # fmt: skip
            found.add(tuple(sorted(arch.items())))
    return found


@given(seeds)
def test_counts_what_trying_everything_finds(seed):
    try:
        space = random_space(seed)
    except InvalidArgumentError as error:
        assert "are contradictory" in str(error)  # noqa: PT017
        return
    expected = by_hand(space)
    assert space.size == len(expected)
    if "forbidden" not in space.definition():
        # A space was only accepted if every hyperparameter can be active.
        assert {name for arch in expected for name, _ in arch} == set(space.get_hyperparameters())
    listed = {tuple(sorted(arch.items())) for arch in space.decode_all(space.every())}
    assert listed == expected
    drawn = space.sample_evenly(300, generator=np.random.default_rng(seed))
    assert (space.canonical(drawn) == drawn).all()
    assert {tuple(sorted(arch.items())) for arch in space.decode_all(drawn)} <= expected


def test_even_draws_are_even():
    space = ConfigSpace()
    space.add_hyperparameter("M", "discrete", 1, 2)
    space.add_hyperparameter("R", "discrete", 1, 9, when=("M", "==", 2))
    n = 100_000
    rows = space.sample_evenly(n, generator=np.random.default_rng(0))
    counts = np.unique(space.codes(rows), return_counts=True)[1]
    assert len(counts) == space.size == 10
    error = 5 * np.sqrt(n * 0.1 * 0.9)
    assert np.abs(counts - n / 10).max() < error
    assert np.abs(1.05 * counts - n / 10).max() > error


def test_large_counts_are_exact_integers():
    space = ConfigSpace()
    space.add_hyperparameter("M", "discrete", 1, 30)
    for block in range(2, 31):
        space.add_hyperparameter(f"R{block}", "discrete", 1, 1000, when=("M", ">=", block))
    assert space.size == sum(1000**k for k in range(30))
    rows = space.sample_evenly(2000, generator=np.random.default_rng(0))
    assert (rows[:, 0] == 29).mean() > 0.99


def test_values_that_no_constraint_tells_apart_cost_nothing(monkeypatch):
    monkeypatch.setattr(counting, "LARGEST_TABLE", 8)
    space = ConfigSpace()
    space.add_hyperparameter("rate", "continuous", 0, 1)
    space.add_hyperparameter("x", "discrete", 0, 9, when=("rate", ">", 0.5))
    space.add_forbidden({"x": [3, 4]})
    assert space.size == 15_001 + 15_000 * 8


def test_what_cannot_be_counted_says_so_and_works(monkeypatch):
    monkeypatch.setattr(counting, "LARGEST_TABLE", 100)
    space = ConfigSpace(name="coupled")
    names = [f"x{i}" for i in range(8)]
    for name in names:
        space.add_hyperparameter(name, "discrete", 0, 3)
    space.add_forbidden(dict.fromkeys(names, 0))
    with pytest.raises(InvalidArgumentError, match="couple so many hyperparameters"):
        space.compute_cs_size()
    assert "more architectures than can be counted" in str(space)
    generator = np.random.default_rng(0)
    rows = space.mutate(space.sample(100, generator=generator), generator=generator)
    assert space.allowed(rows).all()
    assert len(space.every()) == 4**8 - 1
