import pickle
import time

import numpy as np
import pytest

from analognas.core import (
    DataNotFoundError,
    EvaluationError,
    InvalidArgumentError,
    OutputFolderError,
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


HUGE = 10**5000


LONG = {
    "integer": HUGE,
    "negative": -HUGE,
    "list": [HUGE],
    "mapping": {"a": HUGE},
    "text": "x" * 2_000_000,
    "texts": ["x"] * 500_000,
}


@pytest.mark.parametrize("name", LONG)
def test_messages_have_a_line_whatever_was_given(name):
    """Python does not write integers of more than 4,300 digits; texts of 2 MB made errors of 2 MB."""
    value = LONG[name]
    for check in (
        lambda: check_int("n", value, maximum=10),
        lambda: check_float("x", value),
        lambda: check_choice("metric", value, ["avm", "params"]),
    ):
        with pytest.raises((InvalidArgumentError, UnknownNameError)) as caught:
            check()
        assert len(str(caught.value)) < 600


def test_integers_of_any_argument_can_be_written():
    with pytest.raises(
        InvalidArgumentError,
        match="`seed` must be an integer of at least 0, but got an integer of 16,610 bits",
    ):
        check_int("seed", HUGE, minimum=0)
    assert check_int("n", 2**1000) == 2**1000


@pytest.mark.parametrize(
    "error", [InvalidArgumentError, OutputFolderError, DataNotFoundError, EvaluationError]
)
@pytest.mark.parametrize("value", ["x", "x y ", "[1], ", '"', "'", "''"], ids=range(6))
def test_every_error_is_bounded(error, value):
    value *= 10**6 // len(value)
    start = time.monotonic()
    made = error(f"`name` must be a text, but got {value!r}; give another.")
    assert time.monotonic() - start < 1
    assert len(str(made)) <= 2000
    assert str(made).startswith("`name` must be a text, but got ")
    assert str(made).endswith("give another.")
    assert str(pickle.loads(pickle.dumps(made))) == str(made)


def test_errors_that_are_short_stay_as_they_are():
    text = "`a` must be one of " + ", ".join(f"'choice_{n}'" for n in range(120)) + "."
    assert str(UnknownNameError(text)) == text
