"""Entry point: dispatches the commands and turns every expected error into one line and an exit code.

Exit codes: 0 done; 1 no architecture met the constraints; 2 bad input; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Optional

import typer

from .. import __version__
from ..core import AnalogNASError
from .info import info
from .query import query
from .search import EXIT_INTERRUPTED, search

EXIT_BAD_INPUT = 2

# The base of all usage errors; typer names only leaves of it, and has vendored click since 0.26.
_ClickException = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)

app = typer.Typer(
    name="analognas",
    help="Find neural networks that stay accurate on analog in-memory computing chips.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(search)
app.command()(query)
app.command()(info)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"analognas {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        Optional[bool],  # noqa: UP045  typer reads annotations at run time on Python 3.10
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = None,
) -> None:
    """Find neural networks that stay accurate on analog in-memory computing chips."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words of the command; those of the process by default.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = app(words, prog_name="analognas", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except AnalogNASError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone, as in `analognas query … | head`; silence the final flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if isinstance(error, _ClickException):
            return _fail(error.format_message())  # type: ignore[attr-defined]
        if type(error).__name__ == "Abort":
            print("interrupted", file=sys.stderr)
            return EXIT_INTERRUPTED
        raise


def _fail(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return EXIT_BAD_INPUT
