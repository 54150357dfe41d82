"""Options that several commands share, and settings from a file, options and ``--set``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ..core.settings import Settings
from .completion import names_of

__all__ = ["Analog", "Config", "Json", "Out", "Seed", "read_settings"]

Analog = Annotated[
    str | None,
    typer.Option(
        help="Hardware for networks that are mapped as they are: a preset or a file.",
        autocompletion=names_of("nn:PRESETS"),
    ),
]
Config = Annotated[Path | None, typer.Option(help="Settings file; other options change it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Out = Annotated[Path | None, typer.Option(help="New or empty folder. [default: in analognas-runs]")]
Seed = Annotated[int | None, typer.Option(help="Everything random follows from it. [default: 0]")]

_Settings = TypeVar("_Settings", bound=Settings)


def read_settings(
    cls: type[_Settings],
    config: Path | None,
    typed: Mapping[str, Any],
    texts: Sequence[str] | None,
) -> _Settings:
    """Return settings from a file, then options, then ``--set``.

    Args:
        cls: Class of the settings.
        config: The file, or None.
        typed: Options by the name of their setting; None if an option was not given.
        texts: Texts of ``--set``.

    Raises:
        AnalogNASError: If the file or a value is wrong; one line.
    """
    entries = {} if config is None else cls.load(config).to_dict()
    entries |= {name: value for name, value in typed.items() if value is not None}
    return cls.from_dict(entries).with_settings(texts or [])
