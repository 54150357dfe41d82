"""Settings of one of several classes."""

from abc import ABC, abstractmethod

import pytest
from pydantic import Field, SerializeAsAny

from analognas.core import InvalidArgumentError, Registry, UnknownNameError
from analognas.core.named_settings import NamedSettings
from analognas.core.settings import Settings


class Shape(NamedSettings, ABC):
    settings_name = "shape"
    classes = Registry("shape model", {})

    @abstractmethod
    def area(self):
        """Return the area."""


class Square(Shape):
    side: float = Field(1.0, gt=0.0, description="Length of a side.")

    def area(self):
        return self.side**2


class Cube(Square):
    pass


class Disc(Shape):
    radius: float = 1.0

    def area(self):
        return 3.0 * self.radius**2


class Unregistered(Shape):
    def area(self):
        return 0.0


for shape in (Square, Cube, Disc):
    Shape.classes.add(shape.__name__, shape)


class Drawing(Settings):
    settings_name = "drawing"

    shape: SerializeAsAny[Shape] = Field(
        default_factory=Square, validation_alias="form", serialization_alias="form"
    )


@pytest.mark.parametrize("shape", [Square(side=2.0), Cube(), Disc(radius=3.0)])
def test_round_trip_alone_and_inside(shape):
    assert Shape.from_dict(shape.to_dict()) == shape
    assert shape.to_dict()["model"] == type(shape).__name__
    drawing = Drawing(shape=shape)
    assert type(Drawing.from_dict(drawing.to_dict()).shape) is type(shape)
    assert drawing.to_dict() == {"form": shape.to_dict()}


def test_either_name_of_an_entry_is_read():
    assert Drawing.from_dict({"shape": {"model": "Disc"}}) == Drawing.from_dict(
        {"form": {"model": "Disc"}}
    )
    assert Drawing().replace(shape=Disc()).shape == Disc()
    assert Drawing().with_settings(["form={model: Disc, radius: 2}"]).shape == Disc(radius=2.0)


@pytest.mark.parametrize(
    ("payload", "error", "parameter"),
    [
        ({"side": 2.0}, InvalidArgumentError, ""),
        ({"model": "Squre"}, UnknownNameError, ""),
        ({"model": "Square", "side": 0.0}, InvalidArgumentError, "side"),
        ({"model": "Square", "radius": 1.0}, UnknownNameError, "radius"),
    ],
)
def test_errors(payload, error, parameter):
    with pytest.raises(error) as caught:
        Shape.from_dict(payload)
    assert caught.value.parameter == parameter
    with pytest.raises(error) as caught:
        Drawing.from_dict({"form": payload})
    assert caught.value.parameter == ".".join(filter(None, ["form", parameter]))


def test_a_class_reads_its_subclasses_only():
    assert Square.from_dict({"model": "Cube"}) == Cube()
    with pytest.raises(InvalidArgumentError, match="`model` must be 'Square', but got 'Disc'"):
        Square.from_dict({"model": "Disc"})


def test_what_cannot_be_read_is_not_written():
    with pytest.raises(UnknownNameError, match="Unknown shape model 'Unregistered'"):
        Unregistered().to_dict()
    with pytest.raises(UnknownNameError, match="Unknown shape model 'Unregistered'"):
        Drawing(shape=Unregistered()).to_dict()
