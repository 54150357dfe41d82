"""Times in words: ``1 month`` for 2,592,000 s, in both directions."""

from __future__ import annotations

import re
from typing import Any

from .checks import value_text
from .errors import InvalidArgumentError

__all__ = ["duration", "parse_time", "seconds_in_words", "time_name"]

_UNITS = (
    (31536000.0, "year"),
    (2592000.0, "month"),
    (86400.0, "day"),
    (3600.0, "h"),
    (60.0, "min"),
)
_SECONDS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86400,
    "day": 86400,
    "week": 604800,
    "month": 2592000,
    "y": 31536000,
    "year": 31536000,
}
_TIME = re.compile(r"([-+]?\d+(?:\.\d*)?(?:e[+-]?\d+)?)[ _]*([a-z]*)", re.IGNORECASE)


def time_name(t: float) -> str:
    """Return a time in its largest whole unit.

    Args:
        t: Time, s.

    Example:
        >>> [time_name(t) for t in (1.0, 3600.0, 2592000.0, 90.0)]
        ['1 s', '1 h', '1 month', '90 s']
    """
    for seconds, name in _UNITS:
        number = t / seconds
        if number >= 1.0 and number == int(number):
            return f"{number:.0f} {name}" + ("s" if number > 1 and name not in ("h", "min") else "")
    return f"{t:g} s" if t < 1e6 else f"{t:,.0f} s"


def parse_time(given: Any) -> float:
    """Return a time in s: a number of seconds, or a number with a unit.

    Args:
        given: Such as ``60``, ``"60"``, ``"1 h"``, ``"30 days"``, ``"1month"``, ``"1 year"``. A month has 30
            days, a year 365.

    Raises:
        InvalidArgumentError: If it is neither.

    Example:
        >>> parse_time("1 month"), parse_time("7days"), parse_time("1e3"), parse_time(60)
        (2592000.0, 604800.0, 1000.0, 60.0)
    """
    match = _TIME.fullmatch(given.strip()) if isinstance(given, str) else None
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    seconds = _unit_seconds(match[2]) if match else None
    if match is None or seconds is None:
        raise InvalidArgumentError(
            "A time must be a number of seconds, or one with a unit such as 1h, 1day, 1month or 1year, but "
            f"got {value_text(given)}."
        )
    return float(match[1]) * seconds


def duration(seconds: float) -> str:
    """Return a duration in one or two units.

    Example:
        >>> duration(42), duration(90), duration(7300), duration(200_000)
        ('42 s', '2 min', '2 h 2 min', '2 d 7 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def seconds_in_words(number: str, unit: str) -> int | None:
    """Return whole seconds of a number and a unit; None if they are not a time.

    Example:
        >>> seconds_in_words("1", "month"), seconds_in_words("2", "cells")
        (2592000, None)
    """
    seconds = _unit_seconds(unit) if unit else None
    return None if seconds is None or not number.isdecimal() else int(number) * seconds


def _unit_seconds(unit: str) -> int | None:
    unit = unit.lower()
    if not unit:
        return 1
    return _SECONDS.get(unit) or _SECONDS.get(unit.removesuffix("s"))
