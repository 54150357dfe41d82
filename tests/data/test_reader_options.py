"""Options of readers are checked by the reader's signature before a file is opened."""

from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.data.reader_options import checked_options


def load(
    root,
    *,
    size: Annotated[int, Field(ge=8)] = 32,
    augment: bool = False,
    labels: Literal["fine", "coarse"] | None = None,
    weights: np.ndarray | None = None,
    copy=None,
):
    """A reader with options of many types, one called like a method of settings."""


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"size": 7}, InvalidArgumentError),
        ({"size": "8"}, InvalidArgumentError),
        ({"size": True}, InvalidArgumentError),
        ({"augment": "maybe"}, InvalidArgumentError),
        ({"augment": 1}, InvalidArgumentError),
        ({"labels": "medium"}, UnknownNameError),
        ({"sise": 8}, UnknownNameError),
    ],
)
def test_wrong_options(options, error):
    with pytest.raises(error) as caught:
        checked_options("mine", load, options)
    assert caught.value.parameter == next(iter(options))


def test_options_as_they_are_given():
    weights = np.ones(3)
    given = {"size": np.int64(9), "weights": weights, "copy": [1], "labels": None}
    found = checked_options("mine", load, given)
    assert type(found["size"]) is int
    assert found["weights"] is weights
    assert list(found) == list(given)  # defaults are left to the reader


def test_readers_that_take_anything_and_options_that_must_be_given():
    assert checked_options("mine", lambda root, **others: None, {"x": 1}) == {"x": 1}
    with pytest.raises(InvalidArgumentError, match="`size` must be given"):
        checked_options("mine", lambda root, *, size: None, {})
