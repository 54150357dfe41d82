"""Error classes.

All errors of analognas inherit from :class:`AnalogNASError`, so one ``except`` catches them all. Each class
also inherits from the builtin error that a caller would expect. Messages state the value, what was expected,
and how to fix it. Long values are shortened.
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

    Example:
        >>> issubclass(OutOfSpaceError, AnalogNASError)
        True
    """

    parameter: str = ""
    value: Any = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*(shortened(one) if isinstance(one, str) else one for one in arguments))


class InvalidArgumentError(AnalogNASError, ValueError):
    """An argument has the wrong type or lies outside its range.

    Example:
        >>> issubclass(InvalidArgumentError, ValueError)
        True
    """


class UnknownNameError(AnalogNASError, ValueError):
    """A metric, optimizer, space, device or other name is unknown; the message lists the choices.

    Example:
        >>> issubclass(UnknownNameError, ValueError)
        True
    """


class OutOfSpaceError(AnalogNASError, ValueError):
    """An architecture does not belong to the search space.

    Example:
        >>> issubclass(OutOfSpaceError, ValueError)
        True
    """


class PhysicalRangeError(AnalogNASError, ValueError):
    """A physical quantity lies outside the range in which its model is valid.

    Example:
        >>> issubclass(PhysicalRangeError, ValueError)
        True
    """


class NotFittedError(AnalogNASError, RuntimeError):
    """A predictor is used before it is fitted.

    Example:
        >>> issubclass(NotFittedError, RuntimeError)
        True
    """


class NotProgrammedError(AnalogNASError, RuntimeError):
    """An operation requires a programmed analog tile.

    Example:
        >>> issubclass(NotProgrammedError, RuntimeError)
        True
    """


class TableIntegrityError(AnalogNASError, ValueError):
    """A data file is damaged, truncated, or of another kind.

    Example:
        >>> issubclass(TableIntegrityError, ValueError)
        True
    """


class DataNotFoundError(AnalogNASError, FileNotFoundError):
    """Files of a data set are missing; the message names the archive to download.

    Example:
        >>> issubclass(DataNotFoundError, FileNotFoundError)
        True
    """


class OutputFolderError(AnalogNASError, OSError):
    """Results cannot be written to the given place.

    Example:
        >>> issubclass(OutputFolderError, OSError)
        True
    """


class EvaluationError(AnalogNASError, RuntimeError):
    """An evaluator fails for every architecture, or its workers cannot be started.

    Example:
        >>> issubclass(EvaluationError, RuntimeError)
        True
    """


class ArchitectureError(AnalogNASError, RuntimeError):
    """One architecture cannot be evaluated; a search records the reason and continues.

    Example:
        >>> issubclass(ArchitectureError, RuntimeError)
        True
    """


class ResumeError(AnalogNASError, ValueError):
    """A trial log does not belong to the search that continues it.

    Example:
        >>> issubclass(ResumeError, ValueError)
        True
    """


class CheckpointMismatchError(AnalogNASError, ValueError):
    """A checkpoint belongs to another model, recipe or data set.

    Example:
        >>> issubclass(CheckpointMismatchError, ValueError)
        True
    """


class DivergedError(AnalogNASError, ArithmeticError):
    """Training diverged: a loss or a weight is NaN or infinite.

    Example:
        >>> issubclass(DivergedError, ArithmeticError)
        True
    """


class NotFiniteError(DivergedError, InvalidArgumentError):
    """Outputs of a network or inputs of its layers are NaN or infinite; the message names the place.

    Example:
        >>> issubclass(NotFiniteError, ArithmeticError)
        True
    """
