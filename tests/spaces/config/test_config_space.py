import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import AnalogNASError, InvalidArgumentError, OutOfSpaceError, UnknownNameError
from analognas.spaces import Architecture, ConfigSpace
from analognas.spaces.config import counting

seeds = st.integers(0, 2**32 - 1)


def test_size_counts_every_architecture_once(config):
    rows = config.every()
    assert config.size == config.compute_cs_size() == len(config) == len(rows)
    assert len(set(config.decode_all(rows))) == len(rows)
    # By hand: 2 channels, and per number of blocks (3 x 4) to the power of it.
    if config.name == "resnet-like":
        assert config.size == 2 * (12 + 12**2 + 12**3)


def test_only_active_hyperparameters_are_shown():
    space = ConfigSpace()
    space.add_hyperparameter("M", "discrete", 1, 3)
    space.add_hyperparameter("R2", "discrete", 4, 6, when=("M", ">", 1), inactive=0)
    space.add_hyperparameter("width", "continuous", 0, 1, when=("M", ">=", 3))
    assert space.decode(np.array([0, 0, 0])) == {"M": 1, "R2": 0}
    assert space.decode(np.array([1, 2, 0])) == {"M": 2, "R2": 6}
    assert space.decode(np.array([2, 1, 15_000])) == {"M": 3, "R2": 5, "width": 0.5}


def test_equal_architectures_have_equal_genotypes(config):
    rows = config.from_codes(np.arange(config.n_genotypes))
    canonical = config.canonical(rows)
    shown = config.decode_all(canonical)
    assert config.decode_all(rows) == shown
    assert len(np.unique(config.codes(canonical))) == len(set(shown))


def test_what_is_said_of_inactive_hyperparameters_is_ignored():
    space = ConfigSpace()
    space.add_hyperparameter("M", "discrete", 1, 2)
    space.add_hyperparameter("R2", "discrete", 1, 9, when=("M", ">", 1))
    forms = [{"M": 1}, {"M": 1, "R2": 5}, {"M": 1, "R2": 0}, {"R2": None, "M": 1.0}, (0, 7), np.array([0, 3])]  # fmt: skip
    assert {tuple(space.encode(form)) for form in forms} == {(0, 0)}


@given(seeds)
def test_mutation_reaches_what_the_conditions_open(seed):
    space = ConfigSpace()
    space.add_hyperparameter("M", "discrete", 1, 2)
    space.add_hyperparameter("R2", "discrete", 1, 9, when=("M", ">", 1))
    parents = np.zeros((400, 2), dtype=np.int8)
    children = space.mutate(parents, generator=np.random.default_rng(seed))
    assert (children[:, 0] == 1).all()  # R2 is inactive, so only M can change
    # Of nine equally likely values one fails to come up with probability (8/9)^400 = 3e-21.
    assert set(children[:, 1].tolist()) == set(range(9))


def test_a_continuous_gene_moves_by_a_fifth_of_its_range():
    space = ConfigSpace()
    space.add_hyperparameter("rate", "continuous", 0, 1)
    n = 40_000
    parents = np.full((n, 1), 15_000, dtype=np.int16)
    children = space.mutate(parents, generator=np.random.default_rng(0))
    steps = (children[:, 0] - 15_000) / 30_000
    assert (steps != 0).all()
    # Reflected at +-2.5 standard deviations: E min(|x|, 1 - |x|)^2 of a normal of 0.2, by quadrature.
    grid = np.linspace(-1.5, 1.5, 300_001)
    density = np.exp(-0.5 * (grid / 0.2) ** 2)
    folded = np.where(np.abs(grid) > 0.5, 1 - np.abs(grid), np.abs(grid))
    expected = (folded**2 * density).sum() / density.sum()
    error = 5 * (steps**2).std() / np.sqrt(n)
    assert abs((steps**2).mean() - expected) < error
    assert abs((steps**2).mean() - 1.1 * expected) > error


def test_sampling_is_uniform_gene_by_gene_and_evenly_by_architecture(config):
    n, rows = 60_000, config.every()
    generator = np.random.default_rng(0)

    def counts(drawn):
        return np.array([(config.codes(drawn) == code).sum() for code in config.codes(rows[:40])])

    evenly = counts(config.sample_evenly(n, generator=generator))
    p = 1 / config.size
    assert np.abs(evenly - n * p).max() < 5 * np.sqrt(n * p) + 5
    by_gene = config.sample(n, generator=generator)
    free = config.canonical(rows) if config.name == "resnet-like" else None
    if free is not None:
        share = (by_gene[:, 1] == 0).mean()
        error = 5 * np.sqrt((1 / 3) * (2 / 3) / n)
        assert abs(share - 1 / 3) < error
        assert abs(share - 1.1 / 3) > error
        # Evenly, a single block is as rare as its share of the architectures.
        one = (config.sample_evenly(n, generator=generator)[:, 1] == 0).mean()
        q = 24 / config.size
        assert abs(one - q) < 5 * np.sqrt(q / n)


def test_forbidden_combinations_never_appear(config):
    generator = np.random.default_rng(0)
    rows = config.sample(3000, generator=generator)
    for moved in (
        rows,
        config.mutate(rows, generator=generator),
        config.crossover(rows, rows[::-1], generator=generator),
    ):
        for arch in config.decode_all(moved):
            assert not (arch.get("optimizer") == "sgd" and arch["tile"] > 128)
            assert not (arch.get("bits") == 8 and arch["tile"] == 128)


def test_where_all_neighbours_are_forbidden_mutation_still_changes():
    space = ConfigSpace()
    space.add_hyperparameter("a", "discrete", 0, 1)
    space.add_hyperparameter("b", "discrete", 0, 1)
    space.add_forbidden({"a": 0, "b": 1})
    space.add_forbidden({"a": 1, "b": 0})
    rows = space.sample(50, generator=np.random.default_rng(0))
    assert len(space.neighbours(rows[0])) == 0
    children = space.mutate(rows, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(children, 1 - rows)
    np.testing.assert_array_equal(
        space.crossover(rows, 1 - rows, generator=np.random.default_rng(1)).sum(axis=1) % 2, 0
    )


def test_architectures_are_hashable_and_frozen():
    arch = Architecture(width=8)
    assert {arch: 1}[Architecture({"width": 8})] == 1
    assert json.loads(json.dumps(arch)) == {"width": 8}
    assert copy.deepcopy([arch]) == copy.copy([arch]) == [arch]
    for change in (
        lambda: arch.update(width=9),
        lambda: arch.pop("width"),
        lambda: arch.__setitem__("width", 9),
        lambda: arch.clear(),
    ):
        with pytest.raises(TypeError, match="is immutable"):
            change()


def test_published_names(capsys):
    space = ConfigSpace()
    space.add_hyperparameter("M", "discrete", min_value=1, max_value=5)
    space.add_hyperparameter_range("out_channel0", "discrete", range=[8, 12, 16])
    space.add_hyperparameter("groups", "discrete", 1, 9, step=2)
    assert space.get_hyperparameters() == ["M", "out_channel0", "groups"]
    assert space.compute_cs_size() == 75
    space.remove_hyperparameter("groups")
    assert space.compute_cs_size() == 15
    arch = space.sample_arch()
    arch["note"] = "a plain dictionary of one's own"
    archs = space.sample_arch_uniformly(20)
    assert len(archs) == 20
    assert all(set(one) == {"M", "out_channel0"} for one in archs)
    print(space)
    assert "15 architectures" in capsys.readouterr().out


def test_both_ends_belong_to_an_interval():
    space = ConfigSpace()
    space.add_hyperparameter("B", "discrete", 1, 4)
    space.add_hyperparameter("x", "continuous", 0.5, 0.8, 0.1)
    values = {(arch["B"], arch["x"]) for arch in space.decode_all(space.every())}
    space.add_hyperparameter("y", "continuous", 0, 4, step=1)
    assert space.hyperparameter("y").values(range(5)).tolist() == [0, 1, 2, 3, 4]
    assert space.size == 16 * 5
    assert values == {(b, x) for b in (1, 2, 3, 4) for x in (0.5, 0.6, 0.7, 0.8)}


def test_build_calls_the_network():
    space = ConfigSpace(network=lambda arch, shape, n: (dict(arch), shape, n))
    space.add_hyperparameter("width", "discrete", 1, 4)
    assert space.build({"width": 2}, (1, 8, 8), 5) == ({"width": 2}, (1, 8, 8), 5)
    bare = ConfigSpace()
    bare.add_hyperparameter("width", "discrete", 1, 4)
    with pytest.raises(InvalidArgumentError, match="builds no networks"):
        bare.build({"width": 2})


def test_print_is_a_table(config):
    lines = str(config).splitlines()
    assert f"{config.size:,} architectures" in lines[0]
    assert [
        line.split()[0] for line in lines[2 : 2 + config.n_genes]
    ] == config.get_hyperparameters()
    assert sum("forbidden" in line for line in lines) == (2 if config.name == "training" else 0)


def base():
    space = ConfigSpace(name="base")
    space.add_hyperparameter("M", "discrete", 1, 5)
    space.add_hyperparameter_range("kind", "categorical", ["a", "b"])
    space.add_hyperparameter("R2", "discrete", 1, 16, when=("M", ">=", 2))
    return space


MISTAKES = [
    (lambda s: s.add_hyperparameter("M", "discrete", 1, 2), "already a hyperparameter 'M'"),
    (lambda s: s.add_hyperparameter_range("kind", "discrete", [1]), "already a hyperparameter 'kind'"),
    (lambda s: s.add_hyperparameter("x", "discrete", 5, 4), "`max_value` of 'x' must be at least `min_value`, 5, but got 4"),
    (lambda s: s.add_hyperparameter("x", "continuous", 5, 4), "`max_value` of 'x' must be at least"),
    (lambda s: s.add_hyperparameter("x", "continuous", 5, 5), "must be above `min_value`"),
    (lambda s: s.add_hyperparameter("x", "continuous", 0, 1, log=True), "must be positive on a logarithmic scale"),
    (lambda s: s.add_hyperparameter("x", "continuous", 0, float("nan")), "finite number"),
    (lambda s: s.add_hyperparameter("x", "continuous", 0, 1, levels=1), "`levels of 'x'` must be an integer in"),
    (lambda s: s.add_hyperparameter("x", "continuous", 1, 1 + 1e-10), "`levels` of 'x' must leave grid points"),
    (lambda s: s.add_hyperparameter("x", "continuous", 0, 1, 0.3), "divide 0.0 to 1.0 evenly"),
    (lambda s: s.add_hyperparameter("x", "continuous", 0, 1, 0), "divide 0.0 to 1.0 evenly"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, step=0), "`step of 'x'` must be an integer of at least 1, but got 0"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, step=-1), "at least 1, but got -1"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4.5), "`max_value of 'x'` must be an integer"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, log=True), "are for continuous intervals"),
    (lambda s: s.add_hyperparameter("x", "continuous", 1, 4, 1, log=True), "either `step`, or `log` and `levels`"),
    (lambda s: s.add_hyperparameter("x", "continuous", 1, 4, 1, levels=7), "either `step`, or `log` and `levels`"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, levels=30_001), "are for continuous intervals"),
    (lambda s: s.add_hyperparameter("x", "discret", 1, 4), "Did you mean 'discrete'"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 2**40), "values, but at most 2\\^31 are possible"),
    (lambda s: s.add_hyperparameter("", "discrete", 1, 4), "`name` must be a non-empty string"),
    (lambda s: s.add_hyperparameter(3, "discrete", 1, 4), "`name` must be a non-empty string"),
    (lambda s: s.add_hyperparameter_range("x", "discrete", []), "a list of at least one value, but got \\[\\]"),
    (lambda s: s.add_hyperparameter_range("x", "discrete", {"b", "a"}), "a list of at least one value"),
    (lambda s: s.add_hyperparameter_range("x", "discrete", "abc"), "a list of at least one value"),
    (lambda s: s.add_hyperparameter_range("x", "discrete", [1, 2, 1.0]), "contains 1.0 twice"),
    (lambda s: s.add_hyperparameter_range("x", "discrete", [1, None]), "numbers, strings or booleans, but got None"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when=("Q", "==", 1)), "The condition `Q == 1` of 'x' is invalid: Unknown hyperparameter 'Q'. Choices: M, kind, R2, x"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when=("M", "=", 1)), "Unknown comparison '='"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when="M == 1"), "such as \\('M', '>=', 2\\)"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when=("M", "==")), "but got \\('M', '=='\\)"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when=("M", "==", 7)), "In M == 7: `M` must be an integer from 1 to 5, but got 7"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when=("kind", ">", 1)), "needs an order"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when=("M", ">", 5)), "could never be active: 'x' needs M > 5"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when=[("M", ">", 3), ("M", "<", 3)]), "are contradictory, so 'x' could never be active: 'x' needs M > 3 and M < 3"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when=[("M", "==", 1), ("R2", ">", 1)]), "'x' needs M == 1 and R2 > 1; 'R2' needs M >= 2"),
    (lambda s: s.add_condition("R2", "M", "==", 1), "'R2' needs M >= 2 and M == 1"),
    (lambda s: s.add_hyperparameter("x", "discrete", 1, 4, when=("x", "==", 1)), "cycle"),
    (lambda s: s.add_condition("M", "R2", "==", 3), "must not form a cycle, but those of M, R2 do"),
    (lambda s: s.add_condition("Q", "M", "==", 3), "Unknown hyperparameter 'Q'"),
    (lambda s: s.add_forbidden({}), "must be {name: value"),
    (lambda s: s.add_forbidden([1]), "must be {name: value"),
    (lambda s: s.add_forbidden({"Q": 1}), "The forbidden combination `Q == 1` is invalid: Unknown hyperparameter 'Q'"),
    (lambda s: s.add_forbidden({"M": 9}), "In forbidden combination `M == 9`: `M` must be"),
    (lambda s: s.add_forbidden({"M": [1, 2, 3, 4, 5]}), "would leave no architecture"),
    (lambda s: s.remove_hyperparameter("Q"), "Unknown hyperparameter 'Q'"),
    (lambda s: s.remove_hyperparameter("M"), "cannot be removed while constraints name it: R2"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_mistakes_get_one_error_and_change_nothing(mistake, message):
    space = base()
    before = space.definition()
    with pytest.raises(AnalogNASError, match=message) as caught:
        mistake(space)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert space.definition() == before
    assert space.size == base().size


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ({"M": 9, "kind": "a"}, "`M` must be an integer from 1 to 5, but got 9"),
        ({"M": "1", "kind": "a"}, "`M` must be an integer"),
        ({"M": True, "kind": "a"}, "`M` must be an integer"),
        ({"M": 1.5, "kind": "a"}, "`M` must be an integer"),
        ({"M": 1, "kind": "c"}, "`kind` must be one of 'a', 'b', but got 'c'"),
        ({"M": 1}, "'kind' is missing"),
        ({"M": 2, "kind": "a"}, "'R2' is missing"),
        ({"M": 1, "kind": "a", "width": 3}, "no hyperparameter 'width'; there are M, kind, R2"),
        ({"M": 3, "kind": "b", "R2": 16}, "is a forbidden combination"),
        ((0, 0), "the 3 indices of a genotype"),
        ((0, 0, 16), r"index of 'R2' must be in \[0, 15\], but got 16"),
        ((0, -1, 1), r"index of 'kind' must be in \[0, 1\], but got -1"),
        ((2, 1, 15), "is a forbidden combination"),
        ((0.5, 0, 0), "the 3 indices of a genotype"),
        ([[1], 2, 3], "the 3 indices of a genotype"),
        ("abc", "a mapping from names to values"),
        (None, "a mapping from names to values"),
    ],
)
def test_impossible_architectures(arch, message):
    space = base()
    space.add_forbidden({"kind": "b", "R2": [15, 16]})
    with pytest.raises(OutOfSpaceError, match=message):
        space.encode(arch)
    with pytest.raises(OutOfSpaceError):
        space.population([arch])


def test_a_matrix_is_checked_and_made_canonical():
    space = base()
    space.add_forbidden({"kind": "b", "R2": 16})
    rows = space.population(np.array([[0, 1, 15], [1, 1, 14]]))
    assert rows.tolist() == [[0, 1, 0], [1, 1, 14]]
    with pytest.raises(OutOfSpaceError, match="forbidden combination"):
        space.population(np.array([[1, 0, 0], [1, 1, 15]]))


def test_unknown_data_set():
    with pytest.raises(UnknownNameError, match=r"Unknown data set 'CIFAR-1000'.*Did you mean"):
        ConfigSpace("CIFAR-1000")


def test_the_notebooks_ways_to_name_a_space():
    for space in (
        ConfigSpace("resnet-like", "CIFAR-10"),
        ConfigSpace("resnet-like", dataset="cifar10"),
        ConfigSpace(search_space="resnet-like", dataset="CIFAR-10"),
        ConfigSpace(dataset="CIFAR-10"),
    ):
        assert space.definition() == ConfigSpace("CIFAR-10").definition()
        assert type(space).__name__ == "ResNetSpace"
    with pytest.raises(
        UnknownNameError, match=r"search space 'resnet_likie'. Did you mean 'resnet-like'"
    ):
        ConfigSpace("resnet_likie", "CIFAR-10")
    with pytest.raises(
        UnknownNameError, match=r"Unknown data set 'resnet-like'. Choices: CIFAR-10"
    ):
        ConfigSpace("resnet-like")
    assert copy.deepcopy(base()).definition() == base().definition()


def test_growing_past_64_bits_and_back():
    space = ConfigSpace()
    for i in range(8):
        space.add_hyperparameter(f"x{i}", "continuous", 0, 1)
    rows = space.sample(4, generator=np.random.default_rng(0))
    assert space.codes(rows).dtype.kind == "S"
    assert space.dtype == np.int16
    for i in range(5):
        space.remove_hyperparameter(f"x{i}")
    assert space.codes(space.sample(4, generator=np.random.default_rng(0))).dtype == np.int64
    assert space.fingerprint() != base().fingerprint() == base().fingerprint()


def test_an_empty_space():
    space = ConfigSpace()
    assert (space.size, space.sample_arch(), space.get_hyperparameters()) == (1, {}, [])
    with pytest.raises(InvalidArgumentError, match="only one architecture"):
        space.mutate(np.zeros((3, 0), dtype=np.int8), generator=np.random.default_rng(0))


def test_the_steps_of_the_published_tutorial():
    space = ConfigSpace("Cifar-10")
    size, names = space.compute_cs_size(), space.get_hyperparameters()
    assert names[:3] == ["out_channel0", "M", "R1"]
    space.add_hyperparameter_range("learning_rate", "discrete", range=[0.1, 0.05, 0.01])
    space.add_hyperparameter("groups", "discrete", min_value=1, max_value=4)
    assert space.compute_cs_size() == 12 * size
    space.remove_hyperparameter("groups")
    assert space.compute_cs_size() == 3 * size
    for arch in [space.sample_arch(), *space.sample_arch_uniformly(20)]:
        assert set(arch) == {*names, "learning_rate"}
        for block in range(1, 6):
            shown = [arch[f"{name}{block}"] for name in ("R", "convblock", "widenfact", "B")]
            assert all(shown) if block <= arch["M"] else not any(shown)


def test_unique_draws_of_small_and_of_lopsided_spaces(config):
    generator = np.random.default_rng(0)
    drawn = config.sample(config.size, generator=generator, unique=True)
    assert len(set(config.decode_all(drawn))) == config.size
    with pytest.raises(InvalidArgumentError, match=f"at most {config.size}, the size of"):
        config.sample(config.size + 1, generator=generator, unique=True)
    chain = ConfigSpace()
    chain.add_hyperparameter("x0", "discrete", 0, 1)
    for i in range(1, 15):
        chain.add_hyperparameter(f"x{i}", "discrete", 0, 1, when=(f"x{i - 1}", "==", 1))
    # The last of them comes up once in 2^15 draws.
    assert chain.size == 16
    assert len(set(chain.codes(chain.sample(16, generator=generator, unique=True)).tolist())) == 16


def test_numbers_too_large_to_read_are_rounded():
    space = ConfigSpace()
    for i in range(80):
        space.add_hyperparameter(f"x{i}", "discrete", 0, 99_999)
    assert "1.000e+400 architectures" in str(space)
    assert space.compute_cs_size() == 10**400
    with pytest.raises(InvalidArgumentError, match=r"has 1.000e\+400; sample it"):
        space.every()


class Filled(ConfigSpace):
    def set_hyperparameters(self):
        self.add_hyperparameter("depth", "discrete", 1, 3)


def test_derived_classes_fill_themselves():
    space = Filled(name="filled")
    assert (space.name, space.size) == ("filled", 3)
    space.add_hyperparameter("width", "discrete", 1, 2)
    assert Filled.from_yaml(space.to_yaml()).definition() == space.definition()
    assert type(Filled.from_yaml(space.to_yaml())) is Filled


def test_spaces_where_hardly_anything_is_allowed():
    space = ConfigSpace(name="needles")
    for i in range(8):
        space.add_hyperparameter(f"x{i}", "discrete", 0, 9)
        space.add_forbidden({f"x{i}": list(range(9)) if i < 7 else 0})
    generator = np.random.default_rng(0)
    rows = space.sample(300, generator=generator)
    assert space.size == len(np.unique(space.codes(rows))) == 9
    children = space.mutate(rows, generator=generator)
    assert space.allowed(children).all()
    assert (children != rows).any(axis=1).all()


def test_spaces_where_hardly_anything_is_allowed_and_nothing_is_counted(monkeypatch):
    monkeypatch.setattr(counting, "LARGEST_TABLE", 100)
    space = ConfigSpace(name="needles")
    for i in range(9):
        space.add_hyperparameter(f"x{i}", "discrete", 0, 9)
        space.add_forbidden({f"x{i}": list(range(9))})
    space.add_forbidden({f"x{i}": [8, 9] for i in range(8)} | {"x8": [0]})
    with pytest.raises(InvalidArgumentError, match="only 0 are allowed"):
        space.sample(2, generator=np.random.default_rng(0))
