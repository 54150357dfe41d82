"""From the log of a search to its settings and components."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..core import AnalogNASError, ResumeError
from .components import make_evaluator, make_optimizer, make_space, missing_objects
from .log.definitions import logged_settings
from .log.trial_log import FILE_NAME, TrialLog
from .settings import SearchSettings

_FILES = {"CostPredictor": "--measured", "TableEvaluator": "--table"}
_UNREADABLE = (AnalogNASError, KeyError, TypeError, ValueError, AttributeError, IndexError)
T = TypeVar("T")


def resumed_components(
    folder: str | os.PathLike[str], given: Mapping[str, Any], changes: Mapping[str, Any]
) -> tuple[Path, dict[str, Any], SearchSettings, dict[str, Any]]:
    """Return what a search consists of, by its log.

    Args:
        folder: The folder of the search, or the log in it.
        given: Components that the log cannot store, by name; None where there is none.
        changes: Settings that change, by path.

    Returns:
        The log, its entries, the settings, and the components by name.

    Raises:
        ResumeError: If there is no log, or a component must be given.
    """
    path = Path(folder)
    file = path / FILE_NAME if path.is_dir() else path
    with TrialLog.open(file) as log:
        logged = log.identity
    where = repr(str(file))
    settings = changed_settings(logged_settings(logged, where), changes)
    for part, kind in missing_objects(settings, given).items():
        files = f", or its file with {_FILES[kind]}" if kind in _FILES else ""
        raise ResumeError(
            f"The {part} of the search in {where} is of the class {kind}, which a log cannot store; give it "
            f"again: Search.resume(folder, {part}=...){files}."
        )

    def again(part: str, make: Callable[[], T]) -> T:
        try:
            return make()
        except _UNREADABLE as error:
            shown = str(error) if isinstance(error, AnalogNASError) else f"{error!r}."
            raise ResumeError(
                f"The {part} of the search in {where} cannot be made again: {shown} Give it: "
                f"Search.resume(folder, {part}=...)."
            ) from None

    found = dict(given)
    if found["optimizer"] is None:
        found["optimizer"] = again("optimizer", lambda: make_optimizer(settings))
    if found["evaluator"] is None:
        if found["space"] is None:
            found["space"] = again("space", lambda: make_space(settings.space))
        names, bounds = settings.objectives or (), settings.constraints
        made = found["space"], found["optimizer"], names, bounds
        found["evaluator"] = again("evaluator", lambda: make_evaluator(settings, *made))
    return file, logged, settings, found


def changed_settings(settings: SearchSettings, changes: Mapping[str, Any]) -> SearchSettings:
    """Return settings of a log with some changed by path; see :meth:`.SearchSettings.changed`.

    Where the evaluator changes, its exact definition gives way to the other entries, and what it says of
    trainings takes their place.
    """
    wanted = dict(changes)
    known = settings.optimizer
    if isinstance(known, dict) and wanted.get("optimizer") == known["name"]:
        del wanted["optimizer"]
    if isinstance(known, dict) and "fidelities" in known:
        for name in ("optimizer", "fidelities"):  # what successive halving has inside
            if name in wanted:
                wanted[f"optimizer.{name}"] = wanted.pop(name)
    elif wanted.get("fidelities") is not None:
        raise ResumeError(
            "The search has one fidelity; omit `fidelities`, or start another search."
        )
    if any(path.startswith("evaluator.") for path in wanted):
        definition = settings.evaluator.definition or {}
        for source in definition.get("sources", [definition]):
            if source.get("kind") == "trained":
                wanted.setdefault("evaluator.train", source["settings"])
        wanted["evaluator.definition"] = None
    changed = [part for part in settings.objects if any(p.startswith(f"{part}.") for p in wanted)]
    wanted["objects"] = {k: v for k, v in settings.objects.items() if k not in changed}
    return settings.changed(wanted)
