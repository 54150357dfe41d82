"""``analognas completion``: a script that completes commands, options and names in a shell.

The script asks the parser of the installed version, so it never goes out of date.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from importlib import import_module
from typing import Annotated, Any

import typer

__all__ = ["Shell", "completion", "names_of", "prepare_completion"]

_VARIABLE = "_ANALOGNAS_COMPLETE"


class Shell(str, Enum):
    """Shells that have a script."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(help="Your shell.")],
) -> None:
    """Print a script that completes commands, options and names. Load it when your shell starts.

    bash: add to ~/.bashrc what the example says; zsh: the same in ~/.zshrc, after compinit; fish: `analognas
    completion fish > ~/.config/fish/completions/analognas.fish`.

    Example: eval "$(analognas completion bash)"
    """
    make_script = _typer_completion().get_completion_script
    # `shell` names a script; nothing is run.
    script = make_script(prog_name="analognas", complete_var=_VARIABLE, shell=shell.value)  # nosec B604
    print(script)


def prepare_completion() -> None:
    """Make the parser answer the script of a shell, where it is the script that asks."""
    if os.environ.get(_VARIABLE):
        _typer_completion().completion_init()


def _typer_completion() -> Any:
    return import_module("typer.completion")  # whose stubs export nothing


def names_of(registry: str) -> Callable[[str], list[str]]:
    """Return a function that lists the names of a registry which begin with a text.

    Args:
        registry: ``module:name``, below the package; it is imported when a shell asks.

    Example:
        >>> names_of("spaces:SPACES")("nas")
        ['nasbench201']
    """

    def complete(incomplete: str) -> list[str]:
        module, _, name = registry.partition(":")
        found = getattr(import_module(f"..{module}", __package__), name)
        return [text for text in map(str, found) if text.startswith(incomplete)]

    return complete
