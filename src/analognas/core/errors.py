"""The error tree.

Every error that analognas raises on purpose inherits :class:`AnalogNASError`, so one ``except`` catches
them all; each leaf also inherits the builtin that a caller would expect. Messages have one form: what was
given, what was expected, how to mend it.
"""

from __future__ import annotations


class AnalogNASError(Exception):
    """Root of all errors raised by analognas."""


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
