"""Folders of results, each used by one process at a time.

A command locks its folder before it writes there, and holds the lock until it ends. The lock is on the folder
itself, and the operating system releases it when the process ends, even if it is killed. Where folders cannot
be locked (Windows, some network file systems), a file replaces the lock.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias

from .errors import OutputFolderError
from .files import remove_stale_temporaries
from .locks import try_lock

__all__ = [
    "DEFAULT_PARENT",
    "claim_folder",
    "claim_output",
    "hold_folder",
    "make_folder",
    "occupants",
    "remove_empty",
]

DEFAULT_PARENT = Path("analognas-runs")
"""Default parent of new folders."""

LOCK_FILE = ".analognas.lock"
"""File that marks a folder as used where folders cannot be locked."""

_MOST_VANISHED = 100
"""Largest number of attempts to create and lock a folder that another process removes."""
_PAUSE = 0.02

Release: TypeAlias = Callable[[bool], None]
"""Function that unlocks a folder, and removes it if it is empty and its argument is True."""

# Folders that threads of this process hold; a command and the functions it calls may claim the same one.
_held: set[tuple[int, str]] = set()
_handles: set[int] = set()


@contextmanager
def claim_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Hold a new or empty folder while the block lasts.

    A missing folder is created, and removed again if the block leaves it empty. Blocks of one thread may be
    nested.

    Args:
        path: The folder.

    Raises:
        OutputFolderError: If it is a file, is not empty, is used by another process, or cannot be created or
            written to.

    Example:
        >>> with claim_folder("results") as folder:
        ...     _ = (folder / "accuracy.txt").write_text("93.2")
    """
    with hold_folder(path, make=True) as folder:
        if occupants(folder):
            raise OutputFolderError(
                f"The folder {str(folder)!r} is not empty; give a new one, or continue what is in it with "
                "--resume."
            )
        yield folder


@contextmanager
def claim_output(path: str | os.PathLike[str] | None, prefix: str) -> Iterator[Path]:
    """Claim the given folder, or the next free one by default.

    Args:
        path: The folder; None: the first of ``analognas-runs/<prefix>-001``, ``-002``, … that does not exist.
        prefix: Beginning of the name.

    Raises:
        OutputFolderError: If it cannot be used, see :func:`claim_folder`.

    Example:
        >>> with claim_output(None, "experiment") as folder:
        ...     print(folder.as_posix())
        analognas-runs/experiment-001
    """
    with ExitStack() as stack:
        if path is not None:
            yield stack.enter_context(claim_folder(path))
        else:
            yield _claim_next(stack, prefix)


def _claim_next(stack: ExitStack, prefix: str) -> Path:
    if DEFAULT_PARENT.exists() and not DEFAULT_PARENT.is_dir():
        raise OutputFolderError(
            f"{str(DEFAULT_PARENT)!r} is a file here; name a folder with --out."
        )
    numbered = (DEFAULT_PARENT / f"{prefix}-{number:03d}" for number in itertools.count(1))
    for folder in numbered:
        if folder.exists():
            continue
        try:
            return stack.enter_context(claim_folder(folder))
        except OutputFolderError:
            if not folder.exists():  # else another process claimed it
                raise
    raise AssertionError("numbers have no end")


@contextmanager
def hold_folder(
    path: str | os.PathLike[str], *, make: bool = False, wait: float = 0.0
) -> Iterator[Path]:
    """Hold a folder while the block lasts, to continue the work in it.

    Blocks of one thread may be nested. A missing folder is not held unless ``make`` is True.

    Args:
        path: The folder.
        make: Whether to create a missing folder; it is removed again if the block leaves it empty.
        wait: Longest wait for another process that holds it, s.

    Raises:
        OutputFolderError: If another process holds it, it is a file, or it cannot be created or written to.

    Example:
        >>> with hold_folder("my-search") as folder:
        ...     print(folder.name)
        my-search
    """
    folder = Path(path)
    key = (threading.get_ident(), os.path.realpath(folder))
    if key in _held or not (make or folder.is_dir()):
        yield folder
        return
    made, release = _locked(folder, make, time.monotonic() + wait)
    _held.add(key)
    try:
        remove_stale_temporaries(folder)
        yield folder
    finally:
        _held.discard(key)
        release(made)


def make_folder(
    path: str | os.PathLike[str], *, advice: str = "give one that can be written to"
) -> Path:
    """Create a missing folder inside a claimed one.

    Args:
        path: The folder.
        advice: What to do if it cannot be made, for the error.

    Raises:
        OutputFolderError: If it cannot be created.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputFolderError(
            f"Cannot use the folder {str(folder)!r}: {error.strerror}; {advice}."
        ) from None
    return folder


def remove_empty(path: str | os.PathLike[str]) -> None:
    """Remove a folder and its subfolders if they contain no files."""
    for folder, _, _ in os.walk(path, topdown=False):
        with suppress(OSError):
            os.rmdir(folder)


def occupants(folder: Path) -> list[str]:
    """Return the sorted names of a folder's entries, without the mark of its claim."""
    return sorted(name for name in os.listdir(folder) if name != LOCK_FILE)


def _locked(folder: Path, make: bool, end: float) -> tuple[bool, Release]:
    """Create and lock a folder; return whether it was created, and a function that unlocks it."""
    made, n_vanished = False, 0
    while True:
        try:
            if make:
                made |= _made(folder)
            release = _try_to_lock(folder)
        except FileNotFoundError as error:
            n_vanished += 1
            if make and n_vanished < _MOST_VANISHED:  # removed by the process that had made it
                continue
            if make:  # a file system without folders of users, such as /proc
                raise OutputFolderError(
                    f"Cannot use the folder {str(folder)!r}: {error.strerror}; give one that can be written to."
                ) from None
            raise OutputFolderError(f"The folder {str(folder)!r} no longer exists.") from None
        except FileExistsError:
            raise OutputFolderError(
                f"{str(folder)!r} is a file; give a folder that is new or empty."
            ) from None
        except OSError as error:
            if made:
                with suppress(OSError):
                    folder.rmdir()
            if isinstance(error, OutputFolderError):
                raise
            raise OutputFolderError(
                f"Cannot use the folder {str(folder)!r}: {error.strerror}; give one that can be written to."
            ) from None
        if release is not None:
            return made, release
        if time.monotonic() >= end:
            raise _taken(folder)
        time.sleep(_PAUSE)


def _made(folder: Path) -> bool:
    """Create a missing folder; return whether it was created.

    Raises:
        FileExistsError: If it is a file.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return False
    return True


def _try_to_lock(folder: Path) -> Release | None:
    """Lock a folder; return a function that unlocks it, or None if another process holds the lock.

    Raises:
        FileNotFoundError: If it has been removed.
        OutputFolderError: If it cannot be written to.
    """
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise OutputFolderError(
            f"Cannot write to the folder {str(folder)!r}; give one that can be written to."
        )
    if os.name == "nt":
        return _mark(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    state = try_lock(handle)
    if state and os.path.samestat(os.stat(folder), os.fstat(handle)):
        _handles.add(handle)
        return partial(_unlock, folder, handle)
    os.close(handle)
    if state is None:
        return _mark(folder)
    if state:
        raise FileNotFoundError(folder)  # another one has its name by now
    return None


def _unlock(folder: Path, handle: int, remove: bool) -> None:
    if remove:  # before unlocking, so that no process can lock it in between
        with suppress(OSError):
            folder.rmdir()
    _handles.discard(handle)
    os.close(handle)


def _mark(folder: Path) -> Release | None:
    """Mark a folder as used by a file; return a function that removes the file, or None if it exists."""
    try:
        os.close(os.open(folder / LOCK_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return None
    return partial(_unmark, folder)


def _unmark(folder: Path, remove: bool) -> None:
    (folder / LOCK_FILE).unlink(missing_ok=True)
    if remove:
        with suppress(OSError):
            folder.rmdir()


def _taken(folder: Path) -> OutputFolderError:
    mark = folder / LOCK_FILE
    way_out = f", or delete {str(mark)!r} if it was killed" if mark.exists() else ""
    return OutputFolderError(
        f"Another process is at work in the folder {str(folder)!r}; give another folder, or wait until it has "
        f"ended{way_out}."
    )


def _let_go_in_child() -> None:
    """Forget the folders of the parent process after a fork."""
    for handle in _handles:
        with suppress(OSError):
            os.close(handle)
    _handles.clear()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)
