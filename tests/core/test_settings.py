import json
import pickle
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field, SerializeAsAny, field_validator

from analognas.core import AnalogNASError, InvalidArgumentError, UnknownNameError
from analognas.core.settings import Options, Settings


class Moves(Settings):
    lr: float = Field(0.1, gt=0)
    mode: Literal["sgd", "adamw"] = "sgd"


class Study(Settings):
    settings_name = "study"

    data: str
    epochs: int = Field(3, ge=1, le=10, description="Times that all examples are seen.")
    times: tuple[float, ...] = Field((60.0,), json_schema_extra={"unit": "s"})
    pairs: tuple[tuple[int, ...], ...] = ()
    moves: Moves = Moves()
    other: Moves | None = None
    options: Options = Field(default_factory=dict)
    size: Annotated[int, Field(ge=4)] | None = None
    either: int | str = 1
    flag: bool = False


FULL = Study(data="x", times=[1, 2.5], pairs=[[1, 2]], other=Moves(lr=2.0), options={"a": [1]})


def test_lists_become_tuples_and_numbers_of_numpy_plain_ones():
    made = Study(data="x", epochs=np.int64(4), times=[np.float64(1.5)], pairs=[[1, 2], [3]])
    assert made.epochs == 4
    assert type(made.epochs) is int
    assert made.times == (1.5,)
    assert made.pairs == ((1, 2), (3,))


def test_plain_values_and_back():
    payload = FULL.to_dict()
    assert json.loads(json.dumps(payload)) == payload
    assert Study.from_dict(payload) == FULL
    assert pickle.loads(pickle.dumps(FULL)) == FULL


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.json"])
def test_files_and_back(tmp_path, name):
    FULL.save(tmp_path / name)
    assert Study.load(tmp_path / name) == FULL


@pytest.mark.parametrize(
    ("entries", "error", "words"),
    [
        ({}, InvalidArgumentError, ["`data`", "missing"]),
        ({"data": 3}, InvalidArgumentError, ["`data`", "a text", "3"]),
        ({"data": "x", "epochs": 0}, InvalidArgumentError, ["`epochs`", "[1, 10]", "got 0"]),
        ({"data": "x", "epochs": "3"}, InvalidArgumentError, ["`epochs`", "an integer", "'3'"]),
        ({"data": "x", "epochs": True}, InvalidArgumentError, ["`epochs`", "True"]),
        ({"data": "x", "epochs": 2.0}, InvalidArgumentError, ["`epochs`", "2.0"]),
        ({"data": "x", "epoch": 3}, UnknownNameError, ["study entry", "'epoch'", "'epochs'"]),
        ({"data": "x", "moves": {"l": 1}}, UnknownNameError, ["`moves` entry", "'lr'"]),
        ({"data": "x", "moves": {"lr": 0}}, InvalidArgumentError, ["`moves.lr`", "than 0"]),
        ({"data": "x", "moves": {"lr": float("nan")}}, InvalidArgumentError, ["`moves.lr`", "nan"]),
        ({"data": "x", "moves": None}, InvalidArgumentError, ["`moves`", "mapping", "None"]),
        ({"data": "x", "other": {"mode": "adam"}}, UnknownNameError, ["`other.mode`", "'adamw'"]),
        ({"data": "x", "other": 4}, InvalidArgumentError, ["`other`", "null", "4"]),
        ({"data": "x", "times": [1, "a"]}, InvalidArgumentError, ["`times[1]`", "'a'"]),
        ({"data": "x", "times": 3}, InvalidArgumentError, ["`times`", "a list", "(s)", "3"]),
        ({"data": "x", "pairs": [[1], [0.5]]}, InvalidArgumentError, ["`pairs[1][0]`", "0.5"]),
        ({"data": "x", "size": 3}, InvalidArgumentError, ["`size`", "at least 4", "or null"]),
        ({"data": "x", "either": []}, InvalidArgumentError, ["`either`", "integer or a text"]),
        ({"data": "x", "flag": 1}, InvalidArgumentError, ["`flag`", "true or false"]),
        ({"data": "x", "options": {"a": float("inf")}}, InvalidArgumentError, ["`options`", "inf"]),
        ({"data": "x", "options": {1: 2}}, InvalidArgumentError, ["`options"]),
        ({"data": 1, "flag": 1, "size": 1}, InvalidArgumentError, ["Another 2"]),
        ({"epochs": 1, "dta": "x"}, UnknownNameError, ["'dta'", "'data'"]),
    ],
)
@pytest.mark.parametrize("make", [lambda entries: Study(**entries), Study.from_dict])
def test_one_line_says_what_is_wrong(entries, error, words, make):
    with pytest.raises(error) as caught:
        make(entries)
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_an_error_inside_options_names_the_line_of_what_it_speaks_of(tmp_path):
    class Outer(Settings):
        inner: Options

        @field_validator("inner")
        @classmethod
        def check(cls, values):
            raise UnknownNameError("Unknown option 'width'.")

    (tmp_path / "a.yaml").write_text("inner:\n  depth: 3\n  width: 4\n")
    with pytest.raises(UnknownNameError, match=r"line 3 of"):
        Outer.load(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("name", "text", "line", "error"),
    [
        ("a.yaml", "data: x\nmoves:\n  mode: sgd\n  lr: no\n", 4, InvalidArgumentError),
        ("a.yaml", "data: x\nmoves:\n  mode: sgd\n  lrate: 3\n", 4, UnknownNameError),
        ("a.yaml", "data: x\ntimes:\n- 60\n- sixty\n", 4, InvalidArgumentError),
        ("a.json", '{"data": "x",\n "times": [3,\n\t"x"]}', 3, InvalidArgumentError),
        ("a.yaml", "data: x\nmoves: {lr: 1,\n  mode: adam}\n", 3, UnknownNameError),
    ],
)
def test_errors_of_a_file_name_the_line(tmp_path, name, text, line, error):
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=rf"line {line} of '.*{name}'"):
        Study.load(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["- 1\n", "", "data: x\ndata: y\n", "data: [\n", "options: &x {a: *x}\n"]
)
def test_a_file_of_something_else_is_one_error(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InvalidArgumentError):
        Study.load(tmp_path / "a.yaml")


def test_changes_by_text():
    made = FULL.with_settings(
        ["moves.lr=1e-3", "times=[3, 4]", "options.b.c=[x]", "size=null", "other.mode=adamw"]
    )
    assert made.moves.lr == 0.001
    assert made.times == (3.0, 4.0)
    assert made.options == {"a": [1], "b": {"c": ["x"]}}
    assert made.other == Moves(lr=2.0, mode="adamw")
    assert Study(data="x").with_settings(["other.lr=2"]).other == Moves(lr=2.0)


@pytest.mark.parametrize(
    "text", ["moves.lr", "=3", "moves..lr=3", "data.x=3", "times=[3", "epoch=3", "moves.lr=-1"]
)
def test_wrong_changes_by_text_are_one_error(text):
    with pytest.raises(AnalogNASError):
        FULL.with_settings([text])


def test_replace_checks_again():
    assert FULL.replace(moves={"lr": 3.0}).moves == Moves(lr=3.0)
    assert FULL.replace(moves=Moves(lr=3.0)).data == "x"
    with pytest.raises(InvalidArgumentError, match="epochs"):
        FULL.replace(epochs=99)
    with pytest.raises(UnknownNameError, match="'epochs'"):
        FULL.replace(epoch=9)


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        FULL.epochs = 3


def test_the_schema_has_bounds_units_and_meanings():
    schema = Study.json_schema()
    epochs = schema["properties"]["epochs"]
    assert (epochs["minimum"], epochs["maximum"]) == (1, 10)
    assert "seen" in epochs["description"]
    assert schema["properties"]["times"]["unit"] == "s"
    assert schema["additionalProperties"] is False


class Shape(Settings):
    settings_name = "shape"
    kind: str

    @classmethod
    def class_for(cls, entries):
        return {"square": Square, "circle": Circle}[entries["kind"]] if cls is Shape else cls


class Square(Shape):
    kind: Literal["square"] = "square"
    side: float = Field(1.0, gt=0)


class Circle(Shape):
    kind: Literal["circle"] = "circle"
    radius: float = Field(1.0, gt=0)


class Drawing(Settings):
    shape: SerializeAsAny[Shape] = Square()


def test_a_base_of_several_classes_reads_and_writes_the_right_one():
    drawing = Drawing(shape={"kind": "circle", "radius": 2.0})
    assert drawing.shape == Circle(radius=2.0)
    assert Drawing.from_dict(drawing.to_dict()) == drawing
    assert drawing.with_settings(["shape.radius=3"]).shape.radius == 3.0
    assert Shape.from_dict({"kind": "square"}) == Square()


def test_errors_name_entries_of_the_right_class():
    with pytest.raises(InvalidArgumentError) as found:
        Drawing(shape={"kind": "circle", "radius": 0})
    assert str(found.value) == "`shape.radius` must be a finite number greater than 0, but got 0."
    with pytest.raises(UnknownNameError) as found:
        Drawing(shape={"kind": "circle", "radus": 1})
    assert "Did you mean 'radius'" in str(found.value)
