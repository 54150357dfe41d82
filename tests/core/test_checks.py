import numpy as np
import pytest

from analognas.core import (
    InvalidArgumentError,
    UnknownNameError,
    check_choice,
    check_float,
    check_int,
)


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
def test_check_int_returns_plain_int(value):
    result = check_int("n", value, minimum=3, maximum=3)
    assert result == 3
    assert type(result) is int


@pytest.mark.parametrize("value", [3.0, "3", None, True, np.float64(3), [3]])
def test_check_int_refuses_what_is_no_integer(value):
    with pytest.raises(InvalidArgumentError, match=r"`n` must be an integer, but got"):
        check_int("n", value)


@pytest.mark.parametrize("value", [0, 11])
def test_check_int_names_range(value):
    with pytest.raises(InvalidArgumentError, match=rf"in \[1, 10\], but got {value}"):
        check_int("n", value, minimum=1, maximum=10)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**400, "x", "0.5", b"1", None, True, -0.5, 2.5]
)
def test_check_float_refuses(value):
    with pytest.raises(
        InvalidArgumentError, match=r"`rate` must be a finite number in \[0, 1\] uS"
    ):
        check_float("rate", value, minimum=0, maximum=1, unit="uS")


def test_check_float_accepts_bounds():
    assert check_float("rate", np.float32(1), minimum=0, maximum=1) == 1.0


def test_check_choice_lists_choices_and_nearest():
    with pytest.raises(UnknownNameError) as caught:
        check_choice("optimizer", "evoluton", ["random_search", "regularized_evolution"])
    assert str(caught.value) == (
        "Unknown optimizer 'evoluton'. Did you mean 'regularized_evolution'? "
        "Choices: random_search, regularized_evolution."
    )
