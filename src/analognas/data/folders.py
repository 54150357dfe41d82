"""What is in a folder for a person who looks at it: no hidden files, in the order of names."""

from __future__ import annotations

from pathlib import Path

_FOREIGN = "__MACOSX"
"""What macOS packs beside the files of an archive."""


def visible_folders(folder: Path) -> list[Path]:
    """Return the folders directly in ``folder``, without hidden ones."""
    return sorted(path for path in folder.iterdir() if _is_visible(path.name) and path.is_dir())


def visible_files(folder: Path, *, deep: bool = True) -> list[Path]:
    """Return the files in ``folder`` and, if ``deep``, in the folders inside, without what is hidden.

    Hidden is what begins with a dot, such as ``.ipynb_checkpoints`` and the ``._x.png`` of macOS.
    """
    found = folder.rglob("*") if deep else folder.iterdir()
    return sorted(
        path
        for path in found
        if all(map(_is_visible, path.relative_to(folder).parts)) and path.is_file()
    )


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name != _FOREIGN
