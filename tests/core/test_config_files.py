import json
import os
import time
from itertools import pairwise

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError, OutputFolderError, UnknownNameError, yaml_texts
from analognas.core.config_files import (
    CONFIG_ENDINGS,
    Line,
    check_keys,
    check_mapping,
    entry_lines,
    is_config_file,
    parse_value,
    parse_yaml,
    read_mapping,
    write_mapping,
    yaml_text,
)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
LOOK_LIKE_OTHERS = [
    "", "1e-6", "1E6", ".5", "1.", "017", "0o17", "0x1F", "1_000", "1:30", "null", "~", "true", "no", "on",
    "y", "<<", "=", "2026-01-01", ".inf", ".nan", "- a", "a: b", "#", "é", "\n", "\x85", "\u2028", "\ttab ", "'", '"', "!!int",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("ending", CONFIG_ENDINGS)
@given(payload=st.dictionaries(st.text(), PLAIN, max_size=4))
@example(payload={text: [text] for text in LOOK_LIKE_OTHERS})
def test_round_trip(payload, ending, folder):
    path = folder / f"a{ending}"
    write_mapping(path, payload, "recipe")
    read = read_mapping(path, "recipe")
    assert read == payload
    assert list(read) == list(payload)
    assert repr(read) == repr(payload)  # 1, 1.0 and True are equal and not the same


@given(
    payload=st.dictionaries(st.sampled_from(LOOK_LIKE_OTHERS), st.sampled_from(LOOK_LIKE_OTHERS))
)
@example(payload={text: text for text in LOOK_LIKE_OTHERS})
def test_written_yaml_means_the_same_to_other_readers(payload, folder):
    write_mapping(folder / "b.yaml", payload, "recipe")
    assert yaml.safe_load((folder / "b.yaml").read_text()) == payload


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6), ("-1E+3", -1e3), ("2.5e-7", 2.5e-7), ("1.", 1.0), ("-.5", -0.5), (".inf", float("inf")),
        ("12", 12), ("+12", 12), ("017", 17), ("0o17", 15), ("0x1F", 31), ("true", True), ("False", False),
        ("null", None), ("~", None), ("", None), ("no", "no"), ("on", "on"), ("1:30", "1:30"),
        ("1_000", "1_000"), ("2026-01-01", "2026-01-01"), ("'1e-6'", "1e-6"), ("1e", "1e"), ("1e-6s", "1e-6s"),
    ],
)  # fmt: skip
def test_what_people_write_in_yaml(text, value, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(f"a: {text}\nb: [{text}]\n")
    assert repr(read_mapping(path, "recipe")["a"]) == repr(value)
    if text:
        assert read_mapping(path, "recipe")["b"] == [value]


def test_anchors_and_merged_mappings(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: &x {bits: 8, noise: 0}\nb: {<<: *x, noise: 1e-3}\n")
    assert read_mapping(path, "recipe")["b"] == {"bits": 8, "noise": 1e-3}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.yaml", "a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n",
         "the key 'c' is in one mapping twice, first in line 3 (line 5)."),
        ("a.yml", "{a: 1, a: 2}", "the key 'a' is in one mapping twice, first in line 1 (line 1)."),
        ("a.json", '{"a": {"b": 1, "b": 1}}', "the key 'b' is in one mapping twice."),
        ("a.yaml", "a: 1\nb: {\n", "expected the node content, but found '<stream end>' (line 3)."),
        ("a.yaml", "a: 1\n---\nb: 2\n", "expected a single document in the stream, but found another"),
        ("a.yaml", "a: *b\n", "found undefined alias 'b' (line 1)."),
        ("a.yaml", "? [1]\n: 2\n", "found unhashable key (line 1)."),
        ("a.yaml", "!!python/object/apply:os.getcwd []\n", "could not determine a constructor for the tag"),
        ("a.yaml", "a: !!bool maybe\n", "a value does not have the form that its tag asks for."),
        ("a.yaml", "a: \0\n", "special characters are not allowed"),
        ("a.yaml", "[" * 500, "more than 100 open brackets, the limit."),
        ("a.yaml", "- " * 500, "it is nested too deeply."),
        ("a.yaml", "- " * 150, "it is nested 150 deep; the limit is 100"),
        ("a.json", "[" * 200_000, "it is nested 200,000 deep; the limit is 100."),
        ("a.json", "{", "Expecting property name enclosed in double quotes: line 1 column 2"),
        ("a.json", "", "Expecting value"),
        ("a.json", "[" + "1" * 5000 + "]", "an integer of more than 4,300 digits."),
        ("a.yaml", "a: " + "1" * 5000, "an integer has 5,000 digits; the limit is 400 (line 1)."),
        ("a.yaml", "b: 1\na: 0x" + "f" * 5000, "an integer has 5,002 digits; the limit is 400 (line 2)."),
        ("a.yaml", "a: &x [*x]", "an alias contains itself (line 1)."),
        ("a.yaml", "a: &x {b: {c: *x}}", "an alias contains itself (line 1)."),
        ("a.yaml", "a: &x\n  <<: *x\n", "an alias contains itself"),
        ("a.yaml", "# " + "x" * 2**18, "longer than 256 KiB, the limit"),
    ],
)  # fmt: skip
def test_broken_files_say_where_in_one_line(name, text, reason, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidArgumentError) as caught:
        read_mapping(path, "recipe")
    message = str(caught.value)
    assert message.startswith(f"Cannot read a recipe from {str(path)!r}: ")
    assert reason in message
    assert "\n" not in message


def laughs(first, later):
    """Aliases of aliases, ten of each in the next."""
    lines = [
        first,
        *(later.format(name=b, parts=", ".join(["*" + a] * 10)) for a, b in pairwise("abcdefghij")),
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        laughs("a: &a [x, x]", "{name}: &{name} [{parts}]"),
        laughs("a: &a {x: 1}", "{name}: &{name} {{<<: [{parts}]}}"),
        laughs("a: &a {x: 1}", "{name}: &{name} {{y: [{parts}]}}"),
    ],
)
def test_aliases_that_stand_for_millions_of_entries(text):
    """600 bytes took 20 s, and more memory than there is."""
    start = time.monotonic()
    with pytest.raises(InvalidArgumentError, match="aliases expand to more than 100,000 entries"):
        parse_yaml(text, "recipe")
    assert entry_lines(text) == {}
    assert time.monotonic() - start < 2


def test_the_lines_of_a_long_text_are_not_looked_for():
    start = time.process_time()
    assert entry_lines(json.dumps({"a": list(range(200_000))})) == {}
    assert time.process_time() - start < 1


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no such device")
def test_a_link_to_a_file_that_never_ends(tmp_path):
    for name in ("a.yaml", "a.json"):
        (tmp_path / name).symlink_to("/dev/zero")
        with pytest.raises(InvalidArgumentError, match="it is longer than .* [KM]iB, the limit"):
            read_mapping(tmp_path / name, "recipe")


def test_files_that_are_not_there_or_no_texts(tmp_path):
    with pytest.raises(
        InvalidArgumentError, match="No such file or directory; give the path of a file"
    ):
        read_mapping(tmp_path / "a.yaml", "recipe")
    (tmp_path / "b.yaml").mkdir()
    with pytest.raises(InvalidArgumentError, match="Is a directory"):
        read_mapping(tmp_path / "b.yaml", "recipe")
    (tmp_path / "c.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidArgumentError, match="it is not UTF-8 at byte 0"):
        read_mapping(tmp_path / "c.json", "recipe")


@pytest.mark.parametrize(
    ("text", "got"),
    [("", "nothing"), ("# only a comment\n", "nothing"), ("- 1\n", "list"), ("7\n", "int"), ("1: 2", "the key 1")],
)  # fmt: skip
def test_something_else_than_a_mapping(text, got, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(
        InvalidArgumentError, match=f"must be a mapping of names to values, but got {got}"
    ):
        read_mapping(tmp_path / "a.yaml", "recipe")


@pytest.mark.parametrize("name", ["a.toml", "a", "yaml"])
def test_other_endings(name, tmp_path):
    text = r"Unknown recipe file ending .* Choices: \.yaml, \.yml, \.json\."
    with pytest.raises(UnknownNameError, match=text):
        read_mapping(tmp_path / name, "recipe")
    with pytest.raises(UnknownNameError, match=text):
        write_mapping(tmp_path / name, {}, "recipe")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", CONFIG_ENDINGS)
def test_a_write_that_fails_leaves_the_old_file(ending, tmp_path):
    path = tmp_path / f"a{ending}"
    write_mapping(path, {"a": 1}, "recipe")
    with pytest.raises((TypeError, yaml.YAMLError)):
        write_mapping(path, {"a": object()}, "recipe")
    assert read_mapping(path, "recipe") == {"a": 1}
    assert os.listdir(tmp_path) == [path.name]
    with pytest.raises(OutputFolderError, match="Cannot write"):
        write_mapping(tmp_path / "absent" / path.name, {"a": 1}, "recipe")


def test_files_read_well(tmp_path):
    payload = {"model": "PCM", "coeffs": [0.5, 1e-6], "tile": {"rows": 512}, "steps": [{"t": 1}]}
    write_mapping(tmp_path / "a.yaml", payload, "recipe")
    assert (tmp_path / "a.yaml").read_text() == (
        "model: PCM\ncoeffs: [0.5, 1.0e-06]\ntile:\n  rows: 512\nsteps:\n- t: 1\n"
    )
    write_mapping(tmp_path / "a.json", payload, "recipe")
    assert json.loads((tmp_path / "a.json").read_text()) == payload


def test_endings_in_any_case(tmp_path):
    write_mapping(tmp_path / "A.YAML", {"a": 1}, "recipe")
    assert read_mapping(tmp_path / "A.YAML", "recipe") == {"a": 1}
    assert is_config_file("A.YAML")
    assert not is_config_file("yaml")


def test_keys():
    check_keys("tile argument", {"rows": 1}, ["rows", "columns"])
    with pytest.raises(UnknownNameError) as caught:
        check_keys("tile argument", {"rows": 1, "column": 2}, ["rows", "columns"])
    assert str(caught.value) == (
        "Unknown tile argument 'column'. Did you mean 'columns'? Choices: rows, columns."
    )
    with pytest.raises(
        InvalidArgumentError, match="`tile` must be a mapping of names to values, but got int"
    ):
        check_mapping("tile", 512)


@given(st.dictionaries(st.text(), PLAIN))
def test_yaml_text_is_read_as_it_was_written(payload):
    text = yaml_text({"all": Line(payload)})
    assert parse_yaml(text, "space") == {"all": payload}


def test_what_is_no_text_of_a_mapping():
    for text, message in [
        (None, "A space must be given as YAML text, but got None"),
        ("a: [1", r"Cannot read a space: .* \(line 1\)"),
        ("a: 1\na: 2", "the key 'a' is in one mapping twice"),
        ("- 1", "`space` must be a mapping of names to values, but got list"),
    ]:
        with pytest.raises(InvalidArgumentError, match=message):
            parse_yaml(text, "space")
    assert yaml_text({"x": Line(a=list(range(100)))}).count("\n") == 1


def test_long_texts_are_read_by_libyaml_and_as_strictly():
    # PyYAML's own parser takes 25 microseconds a character of such a text; libyaml a tenth.
    parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    assert issubclass(yaml_texts._loader("x" * 20_000), parser)
    assert not issubclass(yaml_texts._loader("x"), parser)
    assert len(parse_value("[" + "1, no, 0o17, 1e-4," * 2_000 + "1]")) == 8_001
    assert entry_lines("a: 1\nb: " + "x" * 20_000)[("b",)] == 2
    filler = "x" * 20_000
    assert parse_value(f"[1e-4, no, 0o17, {filler}]")[:3] == [1e-4, "no", 15]
    for text, message in (
        (f"{{k: {filler}, k: 2}}", "the key 'k' is in one mapping twice"),
        (f"[&a [*a], {filler}]", "an alias"),
        (f"[{'1' * 500}, {filler}]", "500 digits"),
        (f"[{filler}", "flow sequence"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            parse_value(text)
