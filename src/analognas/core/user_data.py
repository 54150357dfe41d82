"""The folder for a user's data: tables that were added once and are found by name."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .folders import make_folder

__all__ = ["DATA_VARIABLE", "make_user_data_folder", "user_data_folder"]

DATA_VARIABLE = "ANALOGNAS_DATA"
"""Environment variable: the user's data folder."""


def user_data_folder() -> Path:
    """Return the folder of ``ANALOGNAS_DATA``, or else the standard folder of the operating system.

    That is ``%LOCALAPPDATA%`` on Windows, ``~/Library/Application Support`` on macOS, ``XDG_DATA_HOME`` or
    ``~/.local/share`` elsewhere, and in it ``analognas``. It need not exist.

    Example:
        >>> user_data_folder().is_absolute()
        True
    """
    if chosen := os.environ.get(DATA_VARIABLE):
        return Path(chosen).absolute()
    home = Path.home()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(home / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_DATA_HOME") or str(home / ".local" / "share")
    return Path(base) / "analognas"


def make_user_data_folder(name: str) -> Path:
    """Return the folder ``name`` in the user's data folder; create it if necessary.

    Raises:
        OutputFolderError: If it cannot be created; names the variable to set.
    """
    advice = f"set {DATA_VARIABLE} to a folder of yours"
    return make_folder(user_data_folder() / name, advice=advice)
