"""Exit codes of the command line."""

from __future__ import annotations

from pathlib import Path

from ..core.user_code import named_modules

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


def to_continue(command: str, folder: Path) -> SearchInterruptedError:
    """Return what is raised on Ctrl-C: it names the command that continues, and the modules of the user's code.

    Args:
        command: The command with the option that continues, such as ``drift --resume``.
        folder: The folder.
    """
    code = "".join(f"--import {name} " for name in named_modules())
    return SearchInterruptedError(f"continue with: analognas {code}{command} {folder}")
