"""The results folder of a search, and the log in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from ..core import Metric, ResumeError, claim_folder, hold_folder
from ..core.folders import remove_empty
from ..core.interrupts import resumable
from ..evaluators import Evaluator
from .log.definitions import CHECKED_FIRST, check_identity, check_unchanged, noted
from .log.schema import EVALUATOR_CLASS, EVALUATOR_DEFINITION, SETTINGS, SPACE_DEFINITION
from .log.trial_log import FILE_NAME, TrialLog

RESULT_FILE = "best.json"
"""Result of a search, in its folder."""

EVALUATOR_FOLDER = "evaluator"
"""Files of the evaluator, in the folder of a search."""

LIMITS = ("runs", "budget", "max_cost", "max_seconds")
"""Keys of the limits of a search in its log; a limit without a key is not set."""

# How long to wait for another process that creates a shared log; that takes milliseconds.
_JOIN_SECONDS = 60.0


@contextmanager
def own_folder(out: Path | None, *, resume: bool, shared: bool) -> Iterator[None]:
    """Lock the folder of a search until its result is written, unless several processes share it.

    Raises:
        OutputFolderError: If another process uses it, or a new search is given a folder that is not empty.
    """
    if out is None or shared:
        yield
        return
    call = f"Search.resume({str(out)!r}).run()"
    held = hold_folder(out) if resume else claim_folder(out)
    with held, resumable(call, lambda: (out / FILE_NAME).exists()):
        yield


@contextmanager
def open_log(
    out: Path,
    identity: Mapping[str, Any],
    columns: Sequence[str],
    notes: Mapping[str, Any],
    *,
    metrics: Sequence[Metric],
    checked_first: Sequence[str],
    evaluator: Evaluator,
    resume: bool,
    shared: bool,
) -> Iterator[TrialLog]:
    """Open the log of a new or resumed search in its folder, and close it afterwards.

    If the block fails before a new log has a trial, the log is removed, and the folder if it was created.

    Args:
        out: The folder.
        identity: What identifies the search, JSON types.
        columns: Names of the metrics and ``_sem`` columns that trials have.
        notes: Facts that may change when the search is resumed.
        metrics: Definitions of the metrics.
        checked_first: Constrained metrics that a new search checks before an evaluation; a resumed search uses
            those of its log.
        evaluator: The evaluator; architectures are logged by the names of its space.
        resume: Whether the log must exist.
        shared: Whether it may exist, because other processes write to it too.

    Raises:
        OutputFolderError: If a new log cannot be created; then no folder is left.
        ResumeError: If the log belongs to another search or to a larger one, or is not a log.
    """
    file = out / FILE_NAME
    notes = {**notes, **noted(metrics)}
    definition = evaluator.space.definition()
    if definition is not None and notes[SETTINGS]["space"] != definition:
        notes[SPACE_DEFINITION] = definition
    started = {**notes, CHECKED_FIRST: list(checked_first)}
    with own_folder(out, resume=resume, shared=shared):
        if not resume and not shared:
            opened: AbstractContextManager[TrialLog] = _new(file, identity, columns, started)
        else:
            log = TrialLog.open(file) if resume else _joined(file, identity, columns, started)
            opened = _continued(log, identity, notes, metrics)
        with opened as log:
            log.space = evaluator.space
            yield log


@contextmanager
def evaluator_folder(
    evaluator: Evaluator, out: Path | None, only_runs: Sequence[int] | None, log: TrialLog | None
) -> Iterator[None]:
    """Give an evaluator a folder while it evaluates; remove it if nothing could be evaluated."""
    folder = None if out is None else out / EVALUATOR_FOLDER
    if folder is not None and only_runs is not None:
        # Not shared with the processes that do other runs.
        folder /= f"runs-{'-'.join(map(str, only_runs))}"
    before = folder is not None and folder.exists()
    evaluator.use_folder(folder)
    try:
        yield
    except Exception:
        if folder is not None and log is not None and not log.n_appended and not before:
            shutil.rmtree(folder, ignore_errors=True)
            clean_up(None, out)
        raise


def clean_up(evaluator: Evaluator | None, out: Path | None) -> None:
    """Let an evaluator remove its files after a search has ended, and remove its folder if it is empty."""
    if evaluator is not None:
        evaluator.clean_up()
    if out is not None:
        remove_empty(out / EVALUATOR_FOLDER)


def _joined(
    file: Path, identity: Mapping[str, Any], columns: Sequence[str], notes: Mapping[str, Any]
) -> TrialLog:
    """Open the log that several processes share; the first process creates folder and log."""
    if file.exists():
        return TrialLog.open(file)
    with hold_folder(file.parent, make=True, wait=_JOIN_SECONDS):
        return TrialLog.join(file, identity, columns, notes)


@contextmanager
def _new(
    file: Path, identity: Mapping[str, Any], columns: Sequence[str], notes: Mapping[str, Any]
) -> Iterator[TrialLog]:
    """Create a log; remove it if the block fails before it has a trial."""
    log = TrialLog.create(file, identity, columns, notes)
    try:
        with log:
            yield log
    except Exception:
        if not log.n_appended:
            for left in file.parent.glob(f"{FILE_NAME}*"):
                left.unlink()
        raise


def _continued(
    log: TrialLog,
    identity: Mapping[str, Any],
    notes: Mapping[str, Any],
    metrics: Sequence[Metric],
) -> TrialLog:
    """Return the log of a resumed search after checking that it belongs to this search."""
    try:
        check_identity(log.identity, identity, str(log.path))
        check_unchanged(log.identity, metrics, str(log.path))
        _check_no_smaller(log, notes)
        # A result that stays beside a growing log would be mistaken for the log's.
        log.path.with_name(RESULT_FILE).unlink(missing_ok=True)
        former = (*LIMITS, EVALUATOR_DEFINITION, EVALUATOR_CLASS)
        lifted = [name for name in former if name in log.identity and name not in notes]
        log.note({**dict.fromkeys(lifted), **notes})
    except BaseException:
        log.close()
        raise
    return log


def _check_no_smaller(log: TrialLog, notes: Mapping[str, Any]) -> None:
    """Check that no limit is smaller than in the log, so that the replay takes every logged trial.

    The limit of time is not checked: a replay takes all trials whatever it is.
    """
    for name in LIMITS[:-1]:
        before, now = log.identity.get(name), notes.get(name)
        if now is not None and (before is None or now < before) and name in log.identity:
            least = "unlimited" if before is None else f"at least {before}"
            raise ResumeError(
                f"`{name}` must be {least}, as it was when the log {str(log.path)!r} was written, but got "
                f"{now}: a search that resumes keeps all that it has found. Begin a new one for less."
            )
