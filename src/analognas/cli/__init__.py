"""The command line: arguments, progress and exit codes; the work is done in the other rooms."""

from .main import main

__all__ = ["main"]
