"""The results folder of a search, and the log in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core import Metric, OutputFolderError, ResumeError
from ..spaces import Space
from .log.metrics import CHECKED_FIRST, check_unchanged, noted
from .log.schema import SPACE_DEFINITION
from .log.trial_log import FILE_NAME, TrialLog

RESULT_FILE = "best.json"
"""Result of a search, in its folder."""

LIMITS = ("runs", "budget", "max_cost", "max_seconds")
"""What a log notes of how much its search may do; a limit that it does not note is none."""

DEFAULT_PARENT = Path("analognas-runs")
"""Where folders are made when none is named."""


def make_folder(out: str | os.PathLike[str]) -> Path:
    """Make the folder ``out``, or take it if it is empty.

    Raises:
        OutputFolderError: If it is a file, holds anything, or cannot be made or written to.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except FileExistsError:
        raise OutputFolderError(
            f"{str(folder)!r} is a file; give a folder that is new or empty."
        ) from None
    except OSError as error:
        raise OutputFolderError(
            f"Cannot use the folder {str(folder)!r}: {error.strerror}; give one that can be written to."
        ) from None
    if occupied:
        raise OutputFolderError(
            f"The folder {str(folder)!r} is not empty; give a new one, or continue the search in it with "
            "--resume."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputFolderError(
            f"Cannot write to the folder {str(folder)!r}; give one that can be written to."
        )
    return folder


def next_folder(prefix: str = "search") -> Path:
    """Make the first folder ``analognas-runs/<prefix>-001``, ``-002``, … that does not exist yet.

    Raises:
        OutputFolderError: If none can be made here.
    """
    number = 1
    while True:
        folder = DEFAULT_PARENT / f"{prefix}-{number:03d}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
            if DEFAULT_PARENT.is_dir():
                continue
            raise OutputFolderError(
                f"{str(DEFAULT_PARENT)!r} is a file here; name a folder with --out."
            ) from None
        except OSError as error:
            raise OutputFolderError(
                f"Cannot make the folder {str(folder)!r}: {error.strerror}; name another with --out."
            ) from None
        return folder


@contextmanager
def open_log(
    out: Path,
    identity: Mapping[str, Any],
    columns: Sequence[str],
    notes: Mapping[str, Any],
    *,
    metrics: Sequence[Metric],
    checked_first: Sequence[str],
    space: Space,
    resume: bool,
    shared: bool,
) -> Iterator[TrialLog]:
    """Open the log of a search in its folder, a new one or that of a search that goes on, and close it.

    Where the block fails before a new log holds a trial, the log is removed, and the folder if it was made.

    Args:
        out: The folder.
        identity: What identifies the search, JSON types.
        columns: Names of the metrics and ``_sem`` columns that trials have.
        notes: Facts beside the identity that may change from one start to the next.
        metrics: What the metrics are.
        checked_first: Constrained metrics that a new search checks before it measures; one that goes on keeps
            to what its log says.
        space: The space; architectures are logged by its names.
        resume: Whether the log must be there.
        shared: Whether it may be: other processes write to it, too.

    Raises:
        OutputFolderError: If a new log cannot be made there; then no folder is left.
        ResumeError: If the log belongs to another search, to one that may do more than this, or is none.
    """
    file = out / FILE_NAME
    notes = {**notes, **noted(metrics), **_defined(space)}
    new_notes = {**notes, CHECKED_FIRST: list(checked_first)}
    if resume or shared:
        if shared and not resume:
            out.mkdir(parents=True, exist_ok=True)
            log = TrialLog.join(file, identity, columns, new_notes)
        else:
            log = TrialLog.open(file)
        with _continued(log, identity, notes, metrics):
            log.space = space
            yield log
        return
    made = not out.exists()
    make_folder(out)
    new: TrialLog | None = None
    try:
        with TrialLog.create(file, identity, columns, new_notes) as new:
            new.space = space
            yield new
    except Exception:
        if new is None or not new.n_appended:
            for left in out.glob(f"{FILE_NAME}*"):
                left.unlink()
            if made:
                out.rmdir()
        raise


def _defined(space: Space) -> dict[str, Any]:
    """What a log notes of a space whose name does not say it all."""
    definition = space.definition()
    return {} if definition is None else {SPACE_DEFINITION: definition}


def _continued(
    log: TrialLog,
    identity: Mapping[str, Any],
    notes: Mapping[str, Any],
    metrics: Sequence[Metric],
) -> TrialLog:
    """Return a log that goes on, if it is of this search."""
    try:
        log.check_identity(identity)
        check_unchanged(log.identity, metrics, str(log.path))
        _check_no_smaller(log, notes)
        # A result that stays beside a growing log would be mistaken for the log's.
        log.path.with_name(RESULT_FILE).unlink(missing_ok=True)
        lifted = [name for name in LIMITS if name in log.identity and name not in notes]
        log.note({**dict.fromkeys(lifted), **notes})
    except BaseException:
        log.close()
        raise
    return log


def _check_no_smaller(log: TrialLog, notes: Mapping[str, Any]) -> None:
    """Refuse limits under which the replay would leave out what the log holds.

    Time is none of them: a replay takes all that was measured, whatever the limit.
    """
    for name in LIMITS[:-1]:
        before, now = log.identity.get(name), notes.get(name)
        if now is not None and (before is None or now < before) and name in log.identity:
            least = "unlimited" if before is None else f"at least {before}"
            raise ResumeError(
                f"`{name}` must be {least}, as it was when the log {str(log.path)!r} was written, but got "
                f"{now}: a search that resumes keeps all that it has found. Begin a new one for less."
            )
