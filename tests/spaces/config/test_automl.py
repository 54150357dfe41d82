"""The JSON of the ConfigSpace package; compared with that package where it is installed."""

import json

import pytest

from analognas.core import InvalidArgumentError
from analognas.spaces import ConfigSpace

# The parts that both have, as version 1.2.0 of the package writes them.
PAYLOAD = {
    "name": "pipeline",
    "hyperparameters": [
        {"type": "categorical", "name": "optimizer", "choices": ["sgd", "adam"], "weights": None, "default_value": "sgd", "meta": None},
        {"type": "constant", "name": "epochs", "value": 40, "meta": None},
        {"type": "ordinal", "name": "tile", "sequence": [128, 256, 512], "default_value": 128, "meta": None},
        {"type": "uniform_int", "name": "depth", "lower": 1, "upper": 16, "default_value": 8, "log": False, "meta": None},
        {"type": "uniform_float", "name": "rate", "lower": 0.0001, "upper": 0.1, "default_value": 0.0031622776602, "log": True, "meta": {"note": 1}},
    ],
    "conditions": [
        {"type": "EQ", "child": "depth", "parent": "optimizer", "value": "adam"},
        {"type": "AND", "child": "rate", "conditions": [
            {"type": "IN", "child": "rate", "parent": "optimizer", "values": ["sgd", "adam"]},
            {"type": "GT", "child": "rate", "parent": "tile", "value": 128},
            {"type": "NEQ", "child": "rate", "parent": "tile", "value": 512},
        ]},
    ],
    "forbiddens": [
        {"type": "AND", "clauses": [
            {"type": "EQUALS", "name": "optimizer", "value": "sgd"},
            {"type": "IN", "name": "tile", "values": [256, 512]},
        ]},
        {"type": "EQUALS", "name": "depth", "value": 13},
    ],
    "python_module_version": "1.2.0",
    "format_version": 0.4,
}  # fmt: skip


def test_import():
    space = ConfigSpace.from_automl(json.dumps(PAYLOAD))
    assert space.definition() == {
        "name": "pipeline",
        "hyperparameters": {
            "optimizer": {"type": "categorical", "range": ["sgd", "adam"]},
            "epochs": {"type": "categorical", "range": [40]},
            "tile": {"type": "discrete", "range": [128, 256, 512]},
            "depth": {"type": "discrete", "min_value": 1, "max_value": 16, "when": [["optimizer", "==", "adam"]]},
            "rate": {"type": "continuous", "min_value": 0.0001, "max_value": 0.1, "log": True, "when": [["optimizer", "in", ["sgd", "adam"]], ["tile", ">", 128], ["tile", "!=", 512]]},
        },
        "forbidden": [{"optimizer": ["sgd"], "tile": [256, 512]}, {"depth": [13]}],
    }  # fmt: skip
    # sgd with a tile of 128 only, without a rate; adam with 15 depths, and a rate where the tile is 256.
    assert space.size == 1 + 15 * (2 + 30_001)


def test_export_and_import_keep_the_architectures(config):
    payload = json.loads(json.dumps(config.to_automl()))
    again = ConfigSpace.from_automl(payload)
    assert set(again.decode_all(again.every())) == set(config.decode_all(config.every()))
    assert ConfigSpace.from_automl(again.to_automl()).definition() == again.definition()


def test_distributions_are_dropped_with_a_warning():
    for change in (
        {"type": "normal_int", "mu": 3, "sigma": 2},
        {"type": "beta_int", "alpha": 2, "beta": 2},
        {"log": True},
    ):
        payload = json.loads(json.dumps(PAYLOAD))
        payload["hyperparameters"][3].update(change)
        with pytest.warns(UserWarning, match="Ignoring the .* of 'depth'"):
            space = ConfigSpace.from_automl(payload)
        assert space.size == ConfigSpace.from_automl(PAYLOAD).size
    payload["hyperparameters"][3]["log"] = False
    payload["hyperparameters"][0]["weights"] = [1, 2]
    with pytest.warns(UserWarning, match="weights of 'optimizer'"):
        ConfigSpace.from_automl(payload)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("{", "is not sound JSON"),
        ('{"hyperparameters": [], "hyperparameters": []}', "'hyperparameters' is in one mapping twice"),
        ("[" * 10**5, "nested 100,000 deep; the limit is 100"),
        ([], "must be a mapping with `hyperparameters`, but got list"),
        ({"hyperparameters": [{"type": "constant"}]}, "is incomplete: 'name'"),
        ({"hyperparameters": [{"name": "a", "type": "gamma_int", "lower": 1, "upper": 2}]}, "has the type 'gamma_int'"),
        ({**PAYLOAD, "conditions": [{"type": "OR", "child": "depth", "conditions": []}]}, "is of type 'OR'"),
        ({**PAYLOAD, "conditions": [{"type": "EQ", "child": "?", "parent": "tile", "value": 1}]}, "is incomplete"),
        ({**PAYLOAD, "forbiddens": [{"type": "RELATION_GT", "left": "depth", "right": "tile"}]}, "'RELATION_GT'"),
    ],
)  # fmt: skip
def test_what_has_no_place_here(payload, message):
    with pytest.raises(InvalidArgumentError, match=message):
        ConfigSpace.from_automl(payload)


def test_long_lists_in_steps_have_no_place_there():
    space = ConfigSpace()
    space.add_hyperparameter("a", "discrete", 0, 10_000, step=2)
    with pytest.raises(InvalidArgumentError, match="5001 values in steps"):
        space.to_automl()


def test_the_package_itself_reads_what_we_write(config):
    package = pytest.importorskip("ConfigSpace")
    theirs = package.ConfigurationSpace.from_serialized_dict(config.to_automl())
    theirs.seed(0)
    # Their continuous values lie between grid points, so the grid must be fine for conditions to agree.
    fine = ConfigSpace.from_automl(
        json.loads(
            json.dumps(theirs.to_serialized_dict()).replace('"levels": 4', '"levels": 30001')
        )
    )
    for one in theirs.sample_configuration(300):
        arch = {
            name: getattr(value, "item", lambda value=value: value)()
            for name, value in dict(one).items()
        }
        shown = {n: v for n, v in fine.decode(fine.encode(arch)).items() if n in arch}
        assert set(shown) == set(arch)
        for name, value in shown.items():
            near = (
                pytest.approx(arch[name], rel=3e-4, abs=2e-5)
                if isinstance(value, float)
                else arch[name]
            )
            assert value == near
        assert len(arch) == fine.active(fine.encode(arch)[None]).sum()
    assert ConfigSpace.from_automl(theirs.to_serialized_dict()).size == config.size


@pytest.mark.parametrize(
    ("comparison", "expected"), [(">", 500), (">=", 501), ("<", 500), ("<=", 501), ("==", 1), ("!=", 1000)]
)  # fmt: skip
def test_comparisons_with_long_intervals(comparison, expected):
    package = pytest.importorskip("ConfigSpace")
    ours = ConfigSpace(name="long")
    ours.add_hyperparameter("n", "discrete", 0, 1000)
    ours.add_hyperparameter("child", "discrete", 0, 1, when=("n", comparison, 500))
    theirs = package.ConfigurationSpace.from_serialized_dict(ours.to_automl())
    read = ConfigSpace.from_automl(theirs.to_serialized_dict())
    assert read.size == ours.size == 1001 + expected


def space_of(*hyperparameters, conditions=()):
    return ConfigSpace.from_automl(
        {"name": "x", "hyperparameters": [*hyperparameters], "conditions": [*conditions]}
    )


@pytest.mark.parametrize("kind", ["uniform", "normal", "beta"])
@pytest.mark.parametrize(
    ("number", "low", "high", "q", "values"),
    [
        ("int", 128, 768, 128, [128, 256, 384, 512, 640, 768]),
        ("int", 1, 7, 3, [1, 4, 7]),
        ("int", 0, 3, 1, [0, 1, 2, 3]),
        ("int", 0, 2, None, [0, 1, 2]),
        ("float", 0, 0.5, 0.1, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        ("float", -1.0, 1.0, 0.5, [-1.0, -0.5, 0.0, 0.5, 1.0]),
    ],
)
@pytest.mark.filterwarnings("ignore:Ignoring the (normal|beta) distribution")
def test_steps_of_older_files(kind, number, low, high, q, values):
    space = space_of(
        {"type": f"{kind}_{number}", "name": "w", "lower": low, "upper": high, "log": False, "q": q}
    )
    entry = space.hyperparameter("w")
    assert [entry.value(k) for k in range(entry.n_choices)] == values
    assert space.size == len(values)
    assert ConfigSpace.from_automl(space.to_automl()).size == len(values)


def test_steps_on_a_logarithmic_scale_keep_the_step():
    for number in ("int", "float"):
        row = {
            "type": f"uniform_{number}",
            "name": "w",
            "lower": 1,
            "upper": 9,
            "log": True,
            "q": 2,
        }
        with pytest.warns(
            UserWarning, match="Ignoring the logarithmic scale of values in steps of 'w'"
        ):
            assert space_of(row).size == 5


@pytest.mark.parametrize("q", [0, -1, 3, 2.5, "2", True, [1], 1e300])
@pytest.mark.parametrize("number", ["int", "float"])
def test_steps_that_are_none(number, q):
    row = {"type": f"uniform_{number}", "name": "w", "lower": 0, "upper": 8, "log": False, "q": q}
    with pytest.raises(InvalidArgumentError, match="`q of 'w'` must be"):
        space_of(row)


def test_probabilities_are_the_older_name_of_weights():
    row = {"type": "categorical", "name": "a", "choices": ["x", "y"]}
    with pytest.warns(UserWarning, match="Ignoring the probabilities of 'a'"):
        space_of({**row, "probabilities": [0.2, 0.8]})
    # Equal ones are uniform as they are.
    assert space_of({**row, "probabilities": [0.5, 0.5], "weights": None}).size == 2


@pytest.mark.parametrize("kind", ["normal_float", "normal_int", "uniform_int", "beta_float"])
@pytest.mark.parametrize("bounds", [{}, {"lower": None, "upper": None}, {"lower": 1}])
def test_intervals_without_bounds_are_named(kind, bounds):
    row = {"type": kind, "name": "learning_rate", "mu": 0, "sigma": 1, "log": False, **bounds}
    with pytest.raises(
        InvalidArgumentError, match="'learning_rate' of type .* must have the bounds `lower`"
    ):
        space_of(row)


@pytest.mark.parametrize(
    ("sequence", "comparison", "value", "chosen"),
    [
        (["low", "mid", "high"], "GT", "low", ["mid", "high"]),
        (["low", "mid", "high"], "LT", "high", ["low", "mid"]),
        ([16, 8, 4], "GT", 16, [8, 4]),
        (["1", "2", "10"], "GT", "2", ["10"]),
    ],
)
def test_conditions_on_ordinals_compare_places(sequence, comparison, value, chosen):
    parent = {"type": "ordinal", "name": "s", "sequence": sequence}
    child = {"type": "uniform_int", "name": "c", "lower": 1, "upper": 10}
    condition = {"type": comparison, "child": "c", "parent": "s", "value": value}
    space = space_of(parent, child, conditions=[condition])
    assert {one["s"] for one in space.decode_all(space.every()) if "c" in one} == {*chosen}
    assert space.size == len(sequence) + 9 * len(chosen)
    assert ConfigSpace.from_automl(space.to_automl()).size == space.size
    with pytest.raises(
        InvalidArgumentError, match="condition of 'c' must compare 's' with one of its values"
    ):
        space_of(parent, child, conditions=[{**condition, "value": "other"}])


def test_ordered_texts_compare_places_in_own_definitions():
    for comparison, n in ((">", 1), (">=", 2), ("<", 1), ("<=", 2)):
        space = ConfigSpace()
        space.add_hyperparameter_range("s", "discrete", ["low", "mid", "high"])
        space.add_hyperparameter("c", "discrete", 1, 10, when=("s", comparison, "mid"))
        assert space.size == 3 + 9 * n
        assert ConfigSpace.from_automl(space.to_automl()).size == space.size


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"type": "categorical", "name": "a", "choices": "abc"}],
            "`choices` of 'a' must be a list",
        ),
        ([{"type": "ordinal", "name": "a", "sequence": 3}], "`sequence` of 'a' must be a list"),
        ([{"type": "constant", "name": "a", "value": 1}] * 2, "'a' occurs 2 times"),
        ([{"type": "constant", "name": "a", "value": 1, "meta": 7}], "incomplete"),
        (["a"], "incomplete"),
    ],
)
def test_rows_of_another_kind(rows, message):
    with pytest.raises(InvalidArgumentError, match=message):
        space_of(*rows)
