"""Exit codes of the command line."""

from __future__ import annotations

EXIT_INFEASIBLE = 1
"""No architecture met the constraints."""
EXIT_FAILED = 1
"""A check failed."""
EXIT_BAD_INPUT = 2
"""Bad input, or output that cannot be written."""
EXIT_INTERRUPTED = 130
"""Ctrl-C."""


class SearchInterruptedError(Exception):
    """Ctrl-C, with the command that continues."""
