import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import (
    AnalogNASError,
    InvalidArgumentError,
    OutputFolderError,
    UnknownNameError,
)
from analognas.spaces import ConfigSpace

TEXT = """\
name: mlp
hyperparameters:
  depth: {type: discrete, min_value: 1, max_value: 3}
  width: {type: discrete, range: [16, 32, 64]}
  shape: {type: categorical, range: [[1, 2], [3, 4]]}
  dropout: {type: continuous, min_value: 0.0, max_value: 0.5, inactive: 0, when: [[depth, '>', 1], [width, in, [32, 64]]]}
forbidden:
- {depth: [3], width: [64]}
"""


def test_a_file_written_by_hand(tmp_path):
    space = ConfigSpace.from_yaml(TEXT)
    assert space.to_yaml() == TEXT
    levels = 30_001
    # (1; 16) one each, (1; 32, 64) inactive, (2, 3; 16) inactive, (2; 32), (2; 64), (3; 32) active; (3; 64) forbidden.
    assert space.size == 2 * (3 + 2 + 3 * levels)
    space.save(tmp_path / "space.yaml")
    again = ConfigSpace.load(tmp_path / "space.yaml", network=lambda *args: args)
    assert again.fingerprint() == space.fingerprint()
    assert again.build({"depth": 1, "width": 16, "shape": (1, 2)}, (1, 2, 3), 4)[1:] == (
        (1, 2, 3),
        4,
    )
    with pytest.raises(OutputFolderError):
        space.save(tmp_path / "absent" / "space.yaml")


@pytest.mark.parametrize("ending", [".yaml", ".yml", ".json", ".JSON"])
def test_what_is_saved_is_loaded(tmp_path, ending):
    """`save("s.json")` wrote YAML, which `load` could not read."""
    space = ConfigSpace.from_yaml(TEXT)
    space.save(tmp_path / f"s{ending}")
    assert ConfigSpace.load(tmp_path / f"s{ending}").fingerprint() == space.fingerprint()


def test_a_space_is_not_saved_where_it_could_not_be_loaded(tmp_path):
    with pytest.raises(UnknownNameError, match="file ending '.txt'"):
        ConfigSpace.from_yaml(TEXT).save(tmp_path / "s.txt")
    assert list(tmp_path.iterdir()) == []


def test_numbers_and_texts_by_the_core_schema(tmp_path):
    space = ConfigSpace.from_yaml("hyperparameters: {rate: {type: continuous, min_value: 1e-4, max_value: 1e-1, log: true}, kind: {type: categorical, range: [no, off]}}")  # fmt: skip
    assert space.hyperparameter("rate").min_value == 1e-4
    assert space.hyperparameter("kind").choices == ["no", "off"]
    with pytest.raises(InvalidArgumentError, match="absent.yaml': No such file"):
        ConfigSpace.load(tmp_path / "absent.yaml")


def test_round_trip(config):
    again = ConfigSpace.from_yaml(config.to_yaml())
    assert again.definition() == config.definition()
    rows = config.sample(50, generator=np.random.default_rng(0))
    assert again.decode_all(rows) == config.decode_all(rows)


names = st.text(min_size=1, max_size=6).filter(
    lambda text: text == text.strip() and text.isprintable()
)
plain = st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5), st.booleans())  # fmt: skip


@given(st.dictionaries(names, st.lists(plain, min_size=1, max_size=4, unique_by=lambda v: (isinstance(v, bool), v)), min_size=1, max_size=4))  # fmt: skip
def test_any_names_and_values_survive_yaml(ranges):
    space = ConfigSpace()
    for name, values in ranges.items():
        space.add_hyperparameter_range(name, "categorical", values)
    again = ConfigSpace.from_yaml(space.to_yaml())
    assert again.definition() == space.definition()
    first = np.zeros(space.n_genes, dtype=int)
    assert again.decode(first) == space.decode(first)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "Cannot read a definition of a space"),
        ("- 1", "must be a mapping"),
        ("{}: 1", "Cannot read a definition of a space"),
        ("hyperparameter: {}", "Did you mean 'hyperparameters'"),
        ("hyperparameters: [1]", "must map names to settings"),
        ("hyperparameters: {a: 3}", "hyperparameter 'a' must be a mapping"),
        ("hyperparameters: {a: {type: discrete}}", "must have `range`, or `min_value`"),
        ("hyperparameters: {a: {min_value: 1, max_value: 2}}", "Unknown type of interval None"),
        ("hyperparameters: {a: {type: discrete, min_value: 1, max_value: 2, stp: 2}}", "Did you mean 'step'"),
        ("hyperparameters: {a: {type: discrete, range: [1], step: 2}}", "either `range` or `step`"),
        ("hyperparameters: {a: {type: discrete, range: [1, 2]}}\nforbidden: [{a: [1, 2]}]", "leave no architecture"),
        ("hyperparameters: {a: {type: discrete, range: [1], when: [[b, ==, 1]]}}", "Unknown hyperparameter"),
        ("hyperparameters: {a: {type: discrete, range: [1, 2]}}\nforbidden: 3", "`forbidden` must be a list"),
        (3, "must be given as YAML text"),
        ("dataset: CIFAR-1000", "Unknown data set"),
        ("hyperparameters:\n  a: {type: discrete, range: [1, 2]}\n  a: {type: discrete, range: [3]}", "the key 'a' is in one mapping twice"),
        ("hyperparameters: {a: {type: discrete, range: [!!python/name:os.system x]}}", "Cannot read a definition of a space"),
    ],
)  # fmt: skip
def test_bad_files(text, message):
    with pytest.raises(AnalogNASError, match=message):
        ConfigSpace.from_yaml(text)
