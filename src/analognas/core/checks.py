"""Checks of arguments: each returns the value in its plain type, or raises an error of one line."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Iterable
from typing import Any

from .errors import InvalidArgumentError, UnknownNameError
from .limits import LONGEST_SHOWN, shown

# Low enough that `evoluton` finds `regularized_evolution`.
_NEAR = 0.45
_LONGEST_NAME = 200
_MOST_BITS = 1024


def check_int(
    name: str, value: Any, *, minimum: int | None = None, maximum: int | None = None
) -> int:
    """Return ``value`` as an ``int``; numpy integers are accepted, booleans and floats are not.

    Raises:
        InvalidArgumentError: If ``value`` is not an integer or lies outside ``[minimum, maximum]``.

    Example:
        >>> check_int("budget", 500, minimum=1)
        500
    """
    expected = "an integer" + _range_text(minimum, maximum)
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number.bit_length() > _MOST_BITS:
        raise InvalidArgumentError(f"`{name}` must be {expected}, but got {value_text(value)}.")
    if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
        raise InvalidArgumentError(f"`{name}` must be {expected}, but got {number}.")
    return number


def check_float(
    name: str,
    value: Any,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    unit: str = "",
) -> float:
    """Return ``value`` as a finite ``float``; numbers of numpy are accepted, booleans and texts are not.

    Raises:
        InvalidArgumentError: If ``value`` is not a finite number or lies outside ``[minimum, maximum]``.

    Example:
        >>> check_float("rate", 1)
        1.0
    """
    in_unit = f" {unit}" if unit else ""
    expected = "a finite number" + _range_text(minimum, maximum) + in_unit
    try:
        number = math.nan if isinstance(value, bool | str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgumentError(
            f"`{name}` must be {expected}, but got {value_text(value)}."
        ) from None
    outside = (minimum is not None and number < minimum) or (
        maximum is not None and number > maximum
    )
    if not math.isfinite(number) or outside:
        raise InvalidArgumentError(f"`{name}` must be {expected}, but got {value_text(value)}.")
    return number


def check_choice(kind: str, value: Any, choices: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``choices``.

    Raises:
        UnknownNameError: Otherwise; the message names the nearest choice and lists all of them.

    Example:
        >>> check_choice("optimizer", "random", ["random", "evolution"])
        'random'
    """
    known = list(choices)
    if value in known:
        return str(value)
    by_lower = {choice.lower(): choice for choice in known}
    word = value[:_LONGEST_NAME].lower() if isinstance(value, str) else value_text(value)
    near = difflib.get_close_matches(word, by_lower, n=1, cutoff=_NEAR)
    hint = f"Did you mean {by_lower[near[0]]!r}? " if near else ""
    raise UnknownNameError(
        f"Unknown {kind} {value_text(value)}. {hint}Choices: {', '.join(known) or 'none'}."
    )


def value_text(value: Any) -> str:
    """Return the ``repr`` of any value for a message, cut to the length of a line.

    Example:
        >>> value_text("x"), value_text(10**5000)
        ("'x'", 'an integer of 16,610 bits')
    """
    try:
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            return f"an integer of {value.bit_length():,} bits"
        text = repr(value)
    except Exception as error:
        # Python does not convert integers of more than 4,300 digits to text.
        return f"a {type(value).__name__} that cannot be written ({type(error).__name__})"
    return text if len(text) <= LONGEST_SHOWN else shown(text)


def _range_text(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f" in [{minimum}, {maximum}]"
    if minimum is not None:
        return f" of at least {minimum}"
    if maximum is not None:
        return f" of at most {maximum}"
    return ""
