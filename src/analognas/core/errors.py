"""The error tree.

Every error that analognas raises on purpose inherits :class:`AnalogNASError`, so one ``except`` catches
them all; each leaf also inherits the builtin that a caller would expect. Messages have one form: what was
given, what was expected, how to fix it. However long what was given is, a message is not.
"""

from __future__ import annotations

import re
from typing import Any

LONGEST_MESSAGE = 2000
"""Characters of a message."""

_HEAD, _TAIL = 700, 300
_LONGEST_PART, _SHOWN = 200, 100
# A quoted text, or a word; each matches in linear time.
_PARTS = re.compile(
    rf"'[^']{{{_LONGEST_PART},}}'?|\"[^\"]{{{_LONGEST_PART},}}\"?|[^\s'\"]{{{_LONGEST_PART},}}"
)


def shortened(message: str) -> str:
    """Return a message with its longest parts cut, so that it is no longer than :data:`LONGEST_MESSAGE`.

    Example:
        >>> shortened(f"`name` must be a text of a few letters, but got {'x' * 10_000!r}.")[-40:]
        'xxxxxxxxxxxxxxxxxx… (10,002 characters).'
    """
    if len(message) <= LONGEST_MESSAGE:
        return message
    cut = _PARTS.sub(_cut, message)
    if len(cut) <= LONGEST_MESSAGE:
        return cut
    return f"{cut[:_HEAD]} … ({len(message):,} characters) … {cut[-_TAIL:]}"


def _cut(part: re.Match[str]) -> str:
    end = "." if part[0].endswith(".") else ""
    return f"{part[0][:_SHOWN]}… ({len(part[0]):,} characters){end}"


class AnalogNASError(Exception):
    """Root of all errors raised by analognas.

    Attributes:
        parameter: Name of the wrong argument or entry; empty if the error is not about one.
        value: Its value.
    """

    parameter: str = ""
    value: Any = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*(shortened(one) if isinstance(one, str) else one for one in arguments))


class InvalidArgumentError(AnalogNASError, ValueError):
    """An argument has the wrong type or lies outside its range."""


class UnknownNameError(AnalogNASError, ValueError):
    """A metric, optimizer, space, device or other name is not known; the message lists the choices."""


class OutOfSpaceError(AnalogNASError, ValueError):
    """An architecture does not belong to the search space it was used with."""


class PhysicalRangeError(AnalogNASError, ValueError):
    """A physical quantity lies outside the range in which its model is valid."""


class NotFittedError(AnalogNASError, RuntimeError):
    """A predictor was asked for a prediction before it was fitted."""


class NotProgrammedError(AnalogNASError, RuntimeError):
    """An analog tile was asked for what only a programmed one has."""


class TableIntegrityError(AnalogNASError, ValueError):
    """A data file is damaged, truncated, or not the kind of file that was expected."""


class DataNotFoundError(AnalogNASError, FileNotFoundError):
    """Files of a data set are not where they were looked for; the message says which archive to get."""


class OutputFolderError(AnalogNASError, OSError):
    """Results cannot be written where they were asked for."""


class EvaluationError(AnalogNASError, RuntimeError):
    """An evaluator fails whatever the architecture is, or its workers cannot be started."""


class ArchitectureError(AnalogNASError, RuntimeError):
    """One architecture cannot be evaluated; a search records it with the reason and goes on."""


class ResumeError(AnalogNASError, ValueError):
    """A trial log does not belong to the search that wants to continue it."""


class CheckpointMismatchError(AnalogNASError, ValueError):
    """A checkpoint belongs to another model, recipe or data set than it is used with."""


class DivergedError(AnalogNASError, ArithmeticError):
    """Training broke down: a loss or a weight is NaN or infinite."""


class NotFiniteError(DivergedError, InvalidArgumentError):
    """What a network returns, or what its layers are given, is NaN or infinite; the message says where."""
