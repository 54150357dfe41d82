"""Settings that come with the package: a folder of YAML files, found by their names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from .errors import UnknownNameError
from .settings import Settings

__all__ = ["find_settings", "shipped_names"]

_Settings = TypeVar("_Settings", bound=Settings)


def shipped_names(folder: Path) -> list[str]:
    """Return the names of the YAML files in a folder of the package."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def find_settings(kind: type[_Settings], folder: Path, name: str | os.PathLike[str]) -> _Settings:
    """Return settings by the name of a file of the package, or from a file of one's own.

    Args:
        kind: Their class.
        folder: Folder of the package's files.
        name: A name without ending, or the path of a YAML or JSON file.

    Raises:
        UnknownNameError: If it is neither; lists the names.
        InvalidArgumentError: If the file cannot be read or an entry is wrong; names its line.
    """
    known = shipped_names(folder)
    if str(name) in known:
        return kind.load(folder / f"{name}.yaml")
    if Path(name).suffix:
        return kind.load(name)
    raise UnknownNameError(
        f"Unknown {kind.settings_name} {str(name)!r}. Give a YAML file, or one of: {', '.join(known)}."
    )
