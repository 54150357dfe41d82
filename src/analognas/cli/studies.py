"""Studies in folders, which ``--resume`` continues after an interruption."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..core import ResumeError, claim_output, hold_folder
from .exits import to_continue

__all__ = ["run_study"]


class Study(Protocol):
    """A study that a folder holds."""

    def check(self) -> None:
        """Check everything that the settings name, before a folder is created."""

    def save(self, folder: Path) -> None:
        """Write the settings into a folder."""


_Study = TypeVar("_Study", bound=Study)
_Result = TypeVar("_Result")


def run_study(
    command: str,
    load: Callable[[Path], _Study],
    make: Callable[[Mapping[str, Any]], _Study],
    typed: Mapping[str, Any],
    places: tuple[Path | None, Path | None],
    run: Callable[[_Study, Path], _Result],
    *,
    prefix: str | None = None,
) -> tuple[_Result, Path]:
    """Set up a study, or the one to continue, and run it in its folder.

    Args:
        command: What continues it, without ``--resume``.
        load: Reads the study of a folder.
        make: Makes a study of the options that were given.
        typed: Options by name; None or empty where one was not given.
        places: The folder of a new study, and that of a study to continue; None where not given.
        run: Runs the study in a folder.
        prefix: Beginning of the name of a new folder; None: the command.

    Returns:
        The result and the folder.

    Raises:
        ResumeError: If a study is continued with other options.
        SearchInterruptedError: After Ctrl-C, which the text says how to continue.
    """
    from ..core.memory import keep_freed_memory
    from .drift_progress import announced

    keep_freed_memory()
    out, resume = places
    # A number of 0 was given; it equals False.
    given = {
        name: value
        for name, value in typed.items()
        if value is not None and value is not False and value != []
    }
    if resume is not None:
        if names := [*given, *(["out"] if out is not None else [])]:
            raise ResumeError(
                f"--resume continues with the settings of the study; omit {', '.join(names)}."
            )
        study = load(resume)
        claimed = hold_folder(resume)
    else:
        study = make(given)
        with announced("reading the network and its data"):
            study.check()
        claimed = claim_output(out, command if prefix is None else prefix)
    with claimed as folder:
        if resume is None:
            study.save(folder)
        try:
            return run(study, folder), folder
        except KeyboardInterrupt:
            raise to_continue(f"{command} --resume", folder) from None
