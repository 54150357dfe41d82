"""Entry point: dispatches the commands and turns every expected error into one line and an exit code.

Exit codes: 0 done, and those of ``exits.py``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_command

from ..core import AnalogNASError
from ..core.errors import shortened
from ..core.user_code import import_code, import_named_code
from ..quick_start import without_collection
from ..version import version_text
from .completion import prepare_completion
from .exits import EXIT_BAD_INPUT, EXIT_INTERRUPTED, SearchInterruptedError
from .help import use_help

# The base of all usage errors; typer names only leaves of it, and has vendored click since 0.26.
_ClickException = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)

app = typer.Typer(
    name="analognas",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = {
    "search": ("search", "Find networks that stay accurate."),
    "train": ("train", "Train a network: digital, quantized, hardware-aware."),
    "drift": ("drift", "Measure accuracy over a year on simulated chips."),
    "cost": ("cost", "Count latency, energy and area on an analog chip."),
    "report": ("report", "Write a result as one HTML page."),
    "sensitivity": ("drift:sensitivity", "Measure which layer loses most accuracy."),
    "map": ("map:map_layers", "Choose the layers that stay digital."),
    "analyze": ("analyze", "Find what makes the networks of a table robust."),
    "reproduce": ("reproduce", "Make a published table again."),
    "query": ("query", "Look up one architecture in a measured table."),
    "verify": ("verify", "Repeat a sample of the results in a folder."),
    "info": ("info", "Show spaces, optimizers, metrics and tables."),
    "doctor": ("doctor", "Check the installation."),
    "schema": ("schema", "Print the JSON schema of a settings file."),
    "completion": ("completion", "Print a script that completes commands in your shell."),
    "bench": ("bench:bench_app", "Build tables of measured networks."),
    "data": ("data:data_app", "Add downloaded tables."),
    "device": ("device:device_app", "Show, list and fit memory devices."),
    "trials": ("trials:trials_app", "List, show and export the trials of searches."),
}
"""Module of each command, with the function or app if its name differs, and what ``--help`` says."""


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported when it is used: importing all takes longer than most of them."""

    def __getitem__(self, name: str) -> Any:
        if name not in _COMMANDS:
            raise KeyError(name)
        return _made(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


@cache
def _made(name: str) -> Any:
    """Return a command or a group of commands as typer makes it."""
    home, text = _COMMANDS[name]
    module, _, attribute = home.partition(":")
    with without_collection():
        found = getattr(import_module(f".{module}", __package__), attribute or module)
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        if isinstance(found, typer.Typer):
            alone.add_typer(found, short_help=text)
        else:
            alone.command(name, short_help=text)(found)
        use_help(alone)
        made: Any = get_command(alone)
    return getattr(made, "commands", {}).get(name, made)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"analognas {version_text()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = None,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            metavar="MODULE",
            help="Import your own module first (spaces, networks, data sets).",
        ),
    ] = None,
) -> None:
    """Neural networks that stay accurate on analog in-memory computing chips.

    \b
    Find one:              analognas search
    Train it, see a year:  analognas train --from-search analognas-runs/search-001
                           analognas drift analognas-runs/train-001
    Count what it costs:   analognas cost wrn-16-4
    """  # noqa: D301
    for module in modules or []:
        import_code(module)
    import_named_code()
    if context.invoked_subcommand is None:
        print(context.get_help())


@cache
def _command() -> Any:
    """Return the command line."""
    group: Any = get_command(app)
    group.commands = _Commands()
    return group


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words of the command; those of the process by default.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    _prepare_streams()
    prepare_completion()
    try:
        code = _command()(words, prog_name="analognas", standalone_mode=False)
        sys.stdout.flush()
        if code == EXIT_INTERRUPTED:  # what typer makes of Ctrl-C
            raise SearchInterruptedError
        return code if isinstance(code, int) else 0
    except AnalogNASError as error:
        return _fail(str(error))
    except (KeyboardInterrupt, SearchInterruptedError) as error:
        print("; ".join(filter(None, ("interrupted", str(error)))), file=sys.stderr)
        return EXIT_INTERRUPTED
    except SystemExit as stop:
        # typer exits with 1 where the reader has gone, as in `analognas info | head -n 1`.
        return 0 if stop.code == 1 else int(stop.code or 0)
    except OSError as error:
        _drop_unwritable_output()
        if isinstance(error, BrokenPipeError):
            return 0
        return _fail(
            f"{error.strerror or error}{f': {error.filename!r}' if error.filename else ''}."
        )
    except Exception as error:
        if isinstance(error, _ClickException):
            return _fail(error.format_message())  # type: ignore[attr-defined]
        raise


def _drop_unwritable_output() -> None:
    """Discard output that cannot be written (closed pipe, full disk); otherwise Python complains at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _prepare_streams() -> None:
    """Make output safe: closed streams discard it, and characters outside the encoding are replaced."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  stays open with the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _fail(message: str) -> int:
    print(f"error: {shortened(' '.join(message.split()))}", file=sys.stderr)
    return EXIT_BAD_INPUT
